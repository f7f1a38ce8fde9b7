import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { openedCall } from '../support/calls.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { asOwner } from '../support/keyed-tenant.ts';
import { FREE_SECONDS, setManagedSeconds } from '../support/managed-usage.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
  await putPlatformKey(stack, fakeKey());
});
afterAll(() => stack?.close());

/** A workspace of the free plan, whose minutes have a hard cap, just below its first threshold. */
const nearThreshold = async (): Promise<Tenant> => {
  const tenant = await makeTenant(stack, { billing_mode: 'managed' });
  await setManagedSeconds(stack, tenant, time.clock(), FREE_SECONDS / 2 - 30);
  return tenant;
};

/** The noticed percentages of the plan, and the audit rows of them. */
const noticed = async (tenant: Tenant) => {
  await stack.streams.drain();
  const path = `/v1/workspaces/${tenant.workspaceId}`;
  const { plan } = await asOwner(stack, tenant, 'GET', `${path}/usage`);
  const { items } = await asOwner(stack, tenant, 'GET', `${path}/audit?type=plan.threshold_reached`);
  const percents = plan.notices.map(({ percent }: { percent: number }) => percent);
  return { percents, rows: items.length };
};

/** The page says that it is connected and alive, and is never heard again. */
const speakFor = async (tenant: Tenant, session: Parameters<typeof report>[2], seconds: number) => {
  const say = async (type: 'connected' | 'heartbeat') =>
    expectSuccess(
      await report(stack, tenant, session, [event(type, time.clock())], { signedAt: time.clock() }),
    );
  await say('connected');
  time.advance(seconds * 1_000);
  await say('heartbeat');
};

describe('a threshold of a hard-capped plan', () => {
  it('is reported once when the sweeper closes the last session of the month, which reaches the threshold', async () => {
    const tenant = await nearThreshold();
    await speakFor(tenant, expectSuccess(await mint(stack, tenant)), 40);
    // While a session runs, its seconds are not in the totals of a hard-capped plan.
    expect(await noticed(tenant)).toEqual({ percents: [], rows: 0 });
    time.advance(200_000);
    await stack.sweep();
    expect(await noticed(tenant)).toEqual({ percents: [50], rows: 1 });
    await stack.sweep();
    expect(await noticed(tenant)).toEqual({ percents: [50], rows: 1 });
  });

  it('is reported once when a hang-up ends the call that reaches the threshold', async () => {
    const tenant = await nearThreshold();
    await speakFor(tenant, await openedCall(stack, tenant), 40);
    expect(await noticed(tenant)).toEqual({ percents: [], rows: 0 });
    time.advance(200_000);
    await stack.sweep();
    await stack.hangUps.drain();
    expect(await noticed(tenant)).toEqual({ percents: [50], rows: 1 });
    await speakFor(tenant, await openedCall(stack, tenant), 40);
    time.advance(200_000);
    await stack.sweep();
    await stack.hangUps.drain();
    expect(await noticed(tenant)).toEqual({ percents: [50], rows: 1 });
  });
});
