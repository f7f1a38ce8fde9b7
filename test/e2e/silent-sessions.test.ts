import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall } from '../support/calls.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, mint, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
  await putPlatformKey(stack, fakeKey());
});
afterAll(() => stack?.close());

/** Longer than a fresh lease and the silence after it. */
const silence = async (): Promise<void> => {
  time.advance(95_000);
  await stack.sweep();
};

const staySilent = async (tenant: Tenant, sessions: number): Promise<void> => {
  for (let i = 0; i < sessions; i++) {
    expectSuccess(await mint(stack, tenant));
    await silence();
  }
};

describe('Client secrets on the platform key', () => {
  it('are refused for the day after 20 silent sessions of the site, while calls continue', async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
    await staySilent(tenant, 19);
    // One that reports is none of them, however it continues.
    const reporting = expectSuccess(await mint(stack, tenant));
    expectSuccess(
      await report(stack, tenant, reporting, [event('connected', time.clock())], { signedAt: time.clock() }),
    );
    await silence();
    await staySilent(tenant, 1);

    openAiOf(stack).clearRequests();
    const refused = await mint(stack, tenant);
    expectRefusal(refused, 403, 'calls_only');
    expect(refused.error.details).toMatchObject([{ path: 'silent_sessions' }]);
    expect(openAiOf(stack).requests).toEqual([]);
    const { items } = await asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/errors`);
    expect(items).toMatchObject([{ code: 'calls_only' }]);

    expectSuccess(await openCall(stack, tenant), 201);
    time.advance(3_600_000);
    await stack.hangUps.drain();
    // Until midnight, UTC.
    time.advance(12 * 3_600_000);
    expectSuccess(await mint(stack, tenant));
  });

  it('are not counted twice when two sweeps overlap', async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
    for (let i = 0; i < 10; i++) {
      expectSuccess(await mint(stack, tenant));
      time.advance(95_000);
      await Promise.all([stack.sweep(), stack.sweep()]);
    }
    expectSuccess(await mint(stack, tenant));
  });

  it('are not limited if the workspace uses its own key', async () => {
    const tenant = await makeKeyedTenant(stack);
    await staySilent(tenant, 21);
    expectSuccess(await mint(stack, tenant));
  });
});
