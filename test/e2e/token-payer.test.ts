import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { FREE_SECONDS, setManagedSeconds } from '../support/managed-usage.ts';
import { mintRefused, mintRequests, openAiFingerprint, openAiOf } from '../support/openai.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint } from '../support/tenant.ts';

const TIER_1 = { openai_tier: 1 };

const time = frozenClock();
const platformKey = fakeKey();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const openAi = openAiOf(stack);
beforeAll(() => putPlatformKey(stack, platformKey));
beforeEach(() => openAi.clearRequests());
afterAll(() => stack.close());

const payers = () => mintRequests(stack).map(({ keyFingerprint }) => keyFingerprint);

describe('the payer of a session', () => {
  it("BYOK without a key never falls back to the platform's", async () => {
    const tenant = await makeTenant(stack);
    expectRefusal(await mint(stack, tenant), 422, 'openai_key_missing');
    expect(openAi.requests).toEqual([]);
  });

  it.each([
    ['refused', mintRefused(401, { message: 'No such key.', code: 'invalid_api_key' }), 422],
    ['out of credit', mintRefused(429, { message: 'No credit.', type: 'insufficient_quota' }), 402],
    ['broken', mintRefused(500, { message: 'An error.' }), 502],
  ])("BYOK whose key is %s never falls back to the platform's", async (_, fault, status) => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    openAi.inject(fault);
    expect((await mint(stack, tenant)).status).toBe(status);
    openAi.clearFaults();
    expect(payers()).toEqual([openAiFingerprint(tenant.key)]);
  });

  it("BYOK whose key is suspended never falls back to the platform's", async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    const path = `/v1/workspaces/${tenant.workspaceId}/openai-key/suspend`;
    expectSuccess(await stack.call('POST', path, { as: tenant.owner }));
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
    expect(openAi.requests).toEqual([]);
  });

  it("managed pays with the platform's key, even where the workspace has one", async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
    expect(expectSuccess(await mint(stack, tenant))).toMatchObject({
      mode: 'managed',
      // The free plan runs five at a time.
      remaining_slots: 4,
    });
    expect(payers()).toEqual([openAiFingerprint(platformKey)]);
  });

  it('changes with the billing mode at the next mint, in both directions', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    const change = async (billing_mode: string) =>
      expectSuccess(
        await stack.call('PATCH', `/v1/workspaces/${tenant.workspaceId}`, {
          as: tenant.owner,
          body: { billing_mode },
        }),
      );
    await change('managed');
    expect(expectSuccess(await mint(stack, tenant)).mode).toBe('managed');
    await change('byok');
    expect(expectSuccess(await mint(stack, tenant)).mode).toBe('byok');
    // The container has learned by now that the platform's key is not needed, and must read it again.
    await change('managed');
    expect(expectSuccess(await mint(stack, tenant)).mode).toBe('managed');
    expect(payers()).toEqual([platformKey, tenant.key, platformKey].map(openAiFingerprint));
  });

  it('used-up minutes refuse managed sessions until the month ends, and never BYOK', async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed', openai_tier: 3 });
    await setManagedSeconds(stack, tenant, time.clock(), FREE_SECONDS - 60);
    expectSuccess(await mint(stack, tenant));
    await setManagedSeconds(stack, tenant, time.clock(), FREE_SECONDS);
    openAi.clearRequests();

    const refused = await mint(stack, tenant);
    expectRefusal(refused, 402, 'minutes_exhausted');
    expect(openAi.requests).toEqual([]);
    expectSuccess(
      await stack.call('PATCH', `/v1/workspaces/${tenant.workspaceId}`, {
        as: tenant.owner,
        body: { billing_mode: 'byok' },
      }),
    );
    expect(expectSuccess(await mint(stack, tenant)).mode).toBe('byok');
  });
});
