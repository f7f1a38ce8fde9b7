import { afterAll, describe, expect, it } from '@jest/globals';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall, openedCall, sessionOf } from '../support/calls.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import {
  addSite,
  asOwner,
  changeWorkspace,
  decrypts,
  expectNothingReached,
  makeKeyedTenant,
  needed,
} from '../support/keyed-tenant.ts';
import { joinAs } from '../support/people.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { playSession } from '../support/played-session.ts';
import { event, report, usageEvent } from '../support/reports.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, mint, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
const stack = await startTestStack({
  audited: false,
  runtime: { clock: time.clock },
  variables: { WATCH: 'eager' },
});
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});
await needed(stack, putPlatformKey(stack, fakeKey()));

const siteBudget = ({ siteId }: Pick<Tenant, 'siteId'>): string => `/v1/sites/${siteId}/budget`;
const workspaceBudget = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}/budget`;
const put = (tenant: Tenant, path: string, body: Readonly<Record<string, unknown>>) =>
  stack.call('PUT', path, {
    as: tenant.owner,
    body: { period: 'day', amount_usd: 1, action: 'refuse', ...body },
  });
const read = async (tenant: Tenant, path: string) => asOwner(stack, tenant, 'GET', path);

/** gpt-realtime-2.1-mini: $20 for a million tokens spoken, so 1,000 cost two cents. */
const SPOKEN = { seconds: 60, audioOut: 1_000 };
const SPOKEN_USD = 0.02;

const noticesOf = async (tenant: Tenant): Promise<readonly number[]> => {
  await stack.streams.drain();
  const { items } = await asOwner(
    stack,
    tenant,
    'GET',
    `/v1/workspaces/${tenant.workspaceId}/audit?type=budget.threshold_reached`,
  );
  return items.map(({ facts }: { facts: { percent: number } }) => facts.percent).reverse();
};

describe('a budget', () => {
  it('is replaced only if it still has the values that the request expects', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (const path of [siteBudget(tenant), workspaceBudget(tenant)]) {
      const first = expectSuccess(await put(tenant, path, { amount_usd: 1, expected_changed_at: null }));
      time.advance(1_000);
      const refused = await put(tenant, path, { amount_usd: 2, expected_changed_at: null });
      expectRefusal(refused, 409, 'changed_meanwhile');
      const theirs = { amount_usd: 3, expected_changed_at: first.changed_at };
      expectSuccess(await put(tenant, path, theirs));
      expectRefusal(await put(tenant, path, { ...theirs, amount_usd: 4 }), 409, 'changed_meanwhile');
      expect(await read(tenant, path)).toMatchObject({ amount_usd: 3 });
      // Without the field, the last request wins, as it always did.
      expectSuccess(await put(tenant, path, { amount_usd: 5 }));
    }
  });

  it('shows how much of it is spent and when its period restarts', async () => {
    const tenant = await makeKeyedTenant(stack, { time_zone: 'America/New_York' });
    expectRefusal(await stack.call('GET', siteBudget(tenant), { as: tenant.owner }), 404, 'budget_not_found');
    expectSuccess(await put(tenant, siteBudget(tenant), { amount_usd: 0.1 }));
    await playSession(stack, tenant, time, SPOKEN);
    expect(await read(tenant, siteBudget(tenant))).toMatchObject({
      scope: 'site',
      period: 'day',
      action: 'refuse',
      amount_usd: 0.1,
      spent_usd: SPOKEN_USD,
      reserved_usd: 0,
      remaining_usd: 0.08,
      resets_at: '2026-11-24T05:00:00.000Z',
      paused: false,
      changed_by: tenant.owner,
    });
    await asOwner(stack, tenant, 'DELETE', siteBudget(tenant));
    expectRefusal(
      await stack.call('DELETE', siteBudget(tenant), { as: tenant.owner }),
      404,
      'budget_not_found',
    );
  });

  it('that is spent refuses new sessions at no cost, with a message that does not mention money', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await put(tenant, workspaceBudget(tenant), { amount_usd: SPOKEN_USD }));
    await playSession(stack, tenant, time, SPOKEN);
    stack.openAi?.clearRequests();
    stack.kms.clearCalls();
    for (const refused of [await mint(stack, tenant), await openCall(stack, tenant)]) {
      expectRefusal(refused, 402, 'budget_exhausted');
      expect(refused.error.message).not.toMatch(/money|budget|cost|credit|spen[dt]|pay|quota|\$/i);
      expect(refused.error.retry_after).toBe(
        (Date.parse('2026-11-24T00:00:00Z') - time.clock().getTime()) / 1_000,
      );
    }
    expectNothingReached(stack);
    const { items } = await asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/errors`);
    expect(items[0]).toMatchObject({ code: 'budget_exhausted' });
    // The owner raises it, and the next visitor gets in.
    expectSuccess(await put(tenant, workspaceBudget(tenant), { amount_usd: 1 }));
    expectSuccess(await mint(stack, tenant));
  });

  it('counts usage from before it was set, so an amount below that usage takes effect immediately', async () => {
    const tenant = await makeKeyedTenant(stack);
    await playSession(stack, tenant, time, SPOKEN);
    const set = expectSuccess(await put(tenant, siteBudget(tenant), { amount_usd: 0.01, period: 'month' }));
    expect(set).toMatchObject({ spent_usd: SPOKEN_USD, remaining_usd: -0.01 });
    expectRefusal(await mint(stack, tenant), 402, 'budget_exhausted');
    expect(await noticesOf(tenant)).toEqual([50, 80, 100]);
  });

  it('of a site counts that site only, and a budget of the workspace counts all its sites', async () => {
    const tenant = await makeKeyedTenant(stack);
    const other = await addSite(stack, tenant);
    expectSuccess(await put(tenant, siteBudget(tenant), { amount_usd: SPOKEN_USD }));
    expectSuccess(await put(tenant, workspaceBudget(tenant), { amount_usd: 2 * SPOKEN_USD }));
    await playSession(stack, tenant, time, SPOKEN);
    expectRefusal(await mint(stack, tenant), 402, 'budget_exhausted');
    await playSession(stack, other, time, SPOKEN);
    expectRefusal(await mint(stack, other), 402, 'budget_exhausted');
    expect((await read(tenant, workspaceBudget(tenant))).spent_usd).toBe(2 * SPOKEN_USD);
  });

  it('restarts at midnight in the time zone of the workspace', async () => {
    const tenant = await makeKeyedTenant(stack, { time_zone: 'Asia/Tokyo' });
    expectSuccess(await put(tenant, siteBudget(tenant), { amount_usd: SPOKEN_USD }));
    await playSession(stack, tenant, time, SPOKEN);
    expectRefusal(await mint(stack, tenant), 402, 'budget_exhausted');
    const { resets_at } = await read(tenant, siteBudget(tenant));
    expect(resets_at).toMatch(/T15:00:00.000Z$/);
    time.advance(Date.parse(resets_at) - time.clock().getTime());
    expect(await read(tenant, siteBudget(tenant))).toMatchObject({ spent_usd: 0, remaining_usd: SPOKEN_USD });
    await playSession(stack, tenant, time, { seconds: 60, audioOut: 500 });
    expect(await read(tenant, siteBudget(tenant))).toMatchObject({ spent_usd: SPOKEN_USD / 2 });
    // Of two periods, each has its own notices.
    expect(await noticesOf(tenant)).toEqual([50, 80, 100, 50]);
  });

  it('counts a response once, however often it is reported', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await put(tenant, siteBudget(tenant), { amount_usd: 1 }));
    const session = expectSuccess(await mint(stack, tenant));
    const told = [usageEvent(time.clock(), { audioOut: 100 }), usageEvent(time.clock(), { audioOut: 100 })];
    for (let i = 0; i < 3; i++)
      await Promise.all(
        [told, [...told].reverse()].map((events) =>
          report(stack, tenant, session, events, { signedAt: time.clock() }),
        ),
      );
    expect((await read(tenant, siteBudget(tenant))).spent_usd).toBe(0.004);
  });

  it('reports each threshold once, even if many sessions reach it together', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 4 });
    expectSuccess(await put(tenant, workspaceBudget(tenant), { amount_usd: 0.02, action: 'notify' }));
    const sessions = await Promise.all(
      Array.from({ length: 6 }, async () => expectSuccess(await mint(stack, tenant))),
    );
    time.advance(30_000);
    await Promise.all(
      sessions.map(async (session) =>
        expectSuccess(
          await report(stack, tenant, session, [usageEvent(time.clock(), { audioOut: 200 })], {
            signedAt: time.clock(),
          }),
        ),
      ),
    );
    expect(await noticesOf(tenant)).toEqual([50, 80, 100]);
    expect((await read(tenant, workspaceBudget(tenant))).spent_usd).toBe(0.024);
    expectSuccess(await mint(stack, tenant));
  });

  it('of a site with end_calls hangs up the running calls of this site only', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered' });
    const other = await addSite(stack, tenant);
    // Without a watcher the reports of the pages count.
    stack.lambda.inject({ kind: 'drop' }, 3);
    const [first, second, elsewhere] = [
      await openedCall(stack, tenant),
      await openedCall(stack, tenant),
      await openedCall(stack, other),
    ];
    expectSuccess(await put(tenant, siteBudget(tenant), { action: 'end_calls', amount_usd: 0.01 }));
    time.advance(30_000);
    expectSuccess(
      await report(stack, tenant, first, [usageEvent(time.clock(), { audioOut: 499 })], {
        signedAt: time.clock(),
      }),
    );
    await stack.hangUps.drain();
    expect((await sessionOf(stack, tenant, first)).ended_by).toBeNull();
    expectSuccess(
      await report(stack, tenant, first, [usageEvent(time.clock(), { audioOut: 1 })], {
        signedAt: time.clock(),
      }),
    );
    await stack.hangUps.drain();
    expect((await sessionOf(stack, tenant, first)).ended_by).toBe('budget');
    expect((await sessionOf(stack, tenant, second)).ended_by).toBe('budget');
    expect((await sessionOf(stack, other, elsewhere)).ended_by).toBeNull();
    expectRefusal(await openCall(stack, tenant), 402, 'budget_exhausted');
  });

  it('with end_calls ends running calls immediately when its amount is lowered below the spending', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered' });
    stack.lambda.inject({ kind: 'drop' });
    const call = await openedCall(stack, tenant);
    expectSuccess(await put(tenant, workspaceBudget(tenant), { action: 'end_calls' }));
    time.advance(30_000);
    await report(
      stack,
      tenant,
      call,
      [event('connected', time.clock()), usageEvent(time.clock(), { audioOut: 500 })],
      {
        signedAt: time.clock(),
      },
    );
    expectSuccess(await put(tenant, workspaceBudget(tenant), { action: 'end_calls', amount_usd: 0.01 }));
    await stack.hangUps.drain();
    expect((await sessionOf(stack, tenant, call)).ended_by).toBe('budget');
  });
});

describe('the rules of a budget', () => {
  it('validate amount, period and action, and reject unknown fields', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (const body of [
      { amount_usd: 0 },
      { amount_usd: -1 },
      { amount_usd: 1e9 },
      { amount_usd: '5' },
      { period: 'week' },
      { action: 'explode' },
      { currency: 'EUR' },
    ]) {
      const refused = await put(tenant, siteBudget(tenant), body);
      expectRefusal(refused, 400, 'invalid_request');
      expect(detailPaths(refused)).toEqual([
        expect.stringContaining(Object.keys(body)[0] === 'currency' ? '' : (Object.keys(body)[0] ?? '')),
      ]);
    }
  });

  it('require a site control that can enforce the budget, when the budget or the site changes', async () => {
    const tenant = await makeKeyedTenant(stack);
    const control = (value: string) =>
      stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body: { control: value } });
    for (const path of [siteBudget(tenant), workspaceBudget(tenant)])
      expectRefusal(await put(tenant, path, { action: 'end_calls' }), 409, 'control_required');
    expectSuccess(await control('brokered'));
    expectRefusal(await put(tenant, siteBudget(tenant), { action: 'never_exceed' }), 409, 'control_required');
    expectSuccess(await put(tenant, workspaceBudget(tenant), { action: 'end_calls' }));
    expectRefusal(await control('open'), 409, 'control_required');
    expectSuccess(await control('locked'));
    const create = (settings: Readonly<Record<string, unknown>>) =>
      stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
        as: tenant.owner,
        body: { name: 'New', allowed_origins: ['https://new.example'], ...settings },
      });
    expectRefusal(await create({}), 409, 'control_required');
    expectSuccess(await put(tenant, workspaceBudget(tenant), { action: 'refuse' }));
    expectSuccess(await control('open'));
  });

  it('pause a budget in managed mode and refuse changes to it', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await put(tenant, siteBudget(tenant), { amount_usd: 0.01 }));
    await playSession(stack, tenant, time, SPOKEN);
    await changeWorkspace(stack, tenant, { billing_mode: 'managed' });
    expectRefusal(await put(tenant, siteBudget(tenant), {}), 409, 'budget_needs_own_key');
    await playSession(stack, tenant, time, SPOKEN);
    expect(await read(tenant, siteBudget(tenant))).toMatchObject({ paused: true, spent_usd: SPOKEN_USD });
    await changeWorkspace(stack, tenant, { billing_mode: 'byok' });
    expectRefusal(await mint(stack, tenant), 402, 'budget_exhausted');
  });

  it('refuse actions that need a watcher if the stage has no watchers', async () => {
    const blind = await startTestStack({ variables: { WATCH: 'off' }, audited: false });
    try {
      const tenant = await makeKeyedTenant(blind, {}, { control: 'locked' });
      for (const action of ['end_calls', 'never_exceed'])
        expectRefusal(
          await blind.call('PUT', siteBudget(tenant), {
            as: tenant.owner,
            body: { period: 'day', amount_usd: 5, action },
          }),
          409,
          'watch_required',
        );
    } finally {
      await blind.close();
    }
  });

  it('let a viewer read a budget and only an admin change it', async () => {
    const tenant = await makeKeyedTenant(stack);
    expect(decrypts(stack)).toEqual([]);
    expectSuccess(await put(tenant, siteBudget(tenant), {}));
    await joinAs(stack, tenant, 'watcher', 'viewer');
    expectSuccess(await stack.call('GET', siteBudget(tenant), { as: 'watcher' }));
    for (const method of ['PUT', 'DELETE'] as const)
      expectRefusal(
        await stack.call(method, siteBudget(tenant), {
          as: 'watcher',
          ...(method === 'PUT' && { body: { period: 'day', amount_usd: 1, action: 'notify' } }),
        }),
        403,
        'forbidden',
      );
  });
});
