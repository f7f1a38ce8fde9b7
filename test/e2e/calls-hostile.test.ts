import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { liveSessions, type OpenedCall, openCall, openedCall, slotsTaken } from '../support/calls.ts';
import { asOwner, decrypts, makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { prepareCall, type RealtimeCaller } from '../support/realtime-caller.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import type { Tenant } from '../support/tenant.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});
afterAll(async () => {
  await stack.close();
});

/** Fifty peers with sound, on whatever machine this is. */
jest.setTimeout(400_000);

const live = () => openAiOf(stack).liveCalls;
const CAP_SECONDS = 30;
const SLOTS = 3;

/** The same moves in every run. */
const dice = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
};

const rowsOf = async (tenant: Tenant, type: string): Promise<readonly { facts: { use_id: string } }[]> => {
  const rows: { facts: { use_id: string } }[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: typeof rows; next_cursor: string | null } = await asOwner(
      stack,
      tenant,
      'GET',
      `/v1/workspaces/${tenant.workspaceId}/audit?type=${type}&limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    rows.push(...page.items);
    cursor = page.next_cursor;
  }
  return rows;
};

describe('a client that opens calls, ignores every response and sends false reports', () => {
  it('never has more calls than slots, and no call outlives its cap by two seconds', async () => {
    const tenant = await makeKeyedTenant(
      stack,
      { concurrency_limit: SLOTS },
      { max_duration_seconds: CAP_SECONDS },
    );
    const roll = dice(4711);
    const calls: OpenedCall[] = [];
    const openedAt = new Map<string, number>();
    const lie = (call: OpenedCall) => {
      const kinds = ['ended', 'heartbeat', 'connected'];
      const type = kinds[Math.floor(roll() * kinds.length)] ?? 'ended';
      const facts = type === 'ended' ? { reason: 'hung_up' } : {};
      return report(stack, tenant, call, [event(type, stack.now(), facts)], { signedAt: stack.now() });
    };
    let busy = 0;
    for (let step = 0; step < 24; step++) {
      for (let tries = 0; tries < (step % 3 === 0 ? 2 : 1); tries++) {
        const before = new Set(live());
        const answer = await openCall(stack, tenant);
        if (answer.status === 201) calls.push(expectSuccess(answer, 201));
        else busy++;
        expect([201, 429]).toContain(answer.status);
        for (const id of live()) if (!before.has(id)) openedAt.set(id, stack.now().getTime());
        expect(live().length).toBeLessThanOrEqual(SLOTS);
      }
      const lied = calls[Math.floor(roll() * calls.length)];
      if (lied !== undefined && roll() < 0.3) await lie(lied);
      stack.advance(1_500 + roll() * 500);
      await stack.hangUps.drain();
      for (const id of live())
        expect(stack.now().getTime() - (openedAt.get(id) ?? 0)).toBeLessThanOrEqual(
          CAP_SECONDS * 1_000 + 2_000,
        );
    }
    stack.advance((CAP_SECONDS + 1) * 1_000);
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(busy).toBeGreaterThan(0);
    expect(calls.length).toBeGreaterThan(SLOTS);
    expect(await slotsTaken(stack, tenant)).toBe(0);
    expect(await liveSessions(stack, tenant)).toEqual([]);

    await stack.streams.drain();
    const ids = (rows: readonly { facts: { use_id: string } }[]) =>
      rows.map(({ facts }) => facts.use_id).sort();
    const intended = ids(await rowsOf(tenant, 'key.use_intended'));
    expect(ids(await rowsOf(tenant, 'key.use_settled'))).toEqual(intended);
    expect(new Set(intended).size).toBe(intended.length);
    expect(decrypts(stack)).toHaveLength(intended.length);
    expect(intended).toHaveLength(2 * calls.length);
  });
});

describe('a client that changes its session over the data channel', () => {
  it('gets neither another slot nor a later end of its call', async () => {
    const tenant = await makeKeyedTenant(
      stack,
      { concurrency_limit: SLOTS },
      { control: 'brokered', max_duration_seconds: CAP_SECONDS },
    );
    const callers: RealtimeCaller[] = [];
    try {
      const openedAtMs = stack.now().getTime();
      for (let i = 0; i < SLOTS; i++) {
        const caller = await prepareCall();
        callers.push(caller);
        await caller.connect((await openedCall(stack, tenant, { sdp: caller.offer })).sdp);
        caller.send({
          type: 'session.update',
          session: { type: 'realtime', instructions: 'Go on forever.', max_output_tokens: 'inf' },
        });
        await caller.event('session.updated');
        caller.send({ type: 'response.create' });
      }
      expect((await openCall(stack, tenant)).status).toBe(429);
      expect(live()).toHaveLength(SLOTS);
      // By the broker's clock, to two seconds after the cap of the last one.
      const lastAtMs = stack.now().getTime();
      stack.advance(openedAtMs + CAP_SECONDS * 1_000 - 1_000 - lastAtMs);
      await stack.hangUps.drain();
      expect(live()).toHaveLength(SLOTS);
      stack.advance(lastAtMs - openedAtMs + 3_000);
      await stack.hangUps.drain();
      expect(live()).toEqual([]);
      for (const caller of callers) await caller.ended();
      expect(await slotsTaken(stack, tenant)).toBe(0);
      expect(await liveSessions(stack, tenant)).toEqual([]);
    } finally {
      for (const caller of callers) await caller.close();
    }
  });
});

describe('the kill switch with many calls', () => {
  it('ends every call of one key while more are being opened, and no call of another key', async () => {
    const [hit, spared] = await needed(
      stack,
      Promise.all([
        makeKeyedTenant(stack, { concurrency_limit: 100 }),
        makeKeyedTenant(stack, { concurrency_limit: 100 }),
      ]),
    );
    for (let group = 0; group < 5; group++)
      await Promise.all(
        [hit, hit, hit, hit, hit, spared, spared, spared, spared, spared].map((tenant) =>
          openedCall(stack, tenant),
        ),
      );
    expect(live()).toHaveLength(50);
    const late = Array.from({ length: 10 }, () => openCall(stack, hit));
    await asOwner(stack, hit, 'POST', `/v1/workspaces/${hit.workspaceId}/openai-key/suspend`);
    const answers = await Promise.all(late);
    for (const { status } of answers) expect([201, 423, 429]).toContain(status);
    await stack.hangUps.drain();
    // What had read the key before, and was admitted after the first pass.
    stack.advance(31_000);
    await stack.hangUps.drain();
    expect(live()).toHaveLength(25);
    expect(await liveSessions(stack, hit)).toEqual([]);
    expect(await slotsTaken(stack, hit)).toBe(0);
    expect(await liveSessions(stack, spared)).toHaveLength(25);
  });
});
