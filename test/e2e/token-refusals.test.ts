import { afterAll, afterEach, describe, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import {
  asOwner,
  expectNothingReached,
  makeKeyedTenant,
  suspendWorkspaceKey,
} from '../support/keyed-tenant.ts';
import { FREE_SECONDS, setManagedSeconds } from '../support/managed-usage.ts';
import { mintRefused, openAiOf } from '../support/openai.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, type Tenant } from '../support/tenant.ts';

const TIER_1 = { openai_tier: 1 };
const UNKNOWN_SITE = { owner: '', workspaceId: '', siteId: '0'.repeat(24) };
const FOREIGN_ORIGIN = 'https://elsewhere.example';

const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const openAi = openAiOf(stack);
afterAll(() => stack.close());
afterEach(() => openAi.clearFaults());

/** All minutes of the free plan. */
const useUpMinutes = (tenant: Tenant) => setManagedSeconds(stack, tenant, time.clock(), FREE_SECONDS);

describe('a request that is refused before the key is opened', () => {
  const cases: readonly [string, number, string, () => Promise<TestAnswer>][] = [
    [
      'a malformed site id',
      400,
      'invalid_site_id',
      () => mint(stack, { ...UNKNOWN_SITE, siteId: 'Not_A-Site' }),
    ],
    ['an unknown site', 404, 'site_not_found', () => mint(stack, UNKNOWN_SITE)],
    [
      'an unknown site of a known workspace',
      404,
      'site_not_found',
      async () => {
        const tenant = await makeKeyedTenant(stack, TIER_1);
        return mint(stack, { ...tenant, siteId: `${tenant.workspaceId}${'0'.repeat(12)}` });
      },
    ],
    [
      'an archived site',
      404,
      'site_not_found',
      async () => {
        const tenant = await makeKeyedTenant(stack, TIER_1);
        await asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`);
        return mint(stack, tenant);
      },
    ],
    [
      'an origin that is not registered',
      403,
      'origin_not_allowed',
      async () => mint(stack, await makeKeyedTenant(stack, TIER_1), {}, FOREIGN_ORIGIN),
    ],
    [
      'no origin',
      403,
      'origin_not_allowed',
      async () => {
        const { siteId } = await makeKeyedTenant(stack, TIER_1);
        return stack.call('POST', `/v1/${siteId}/token`, { body: {} });
      },
    ],
    ['no key', 422, 'openai_key_missing', async () => mint(stack, await makeTenant(stack))],
    [
      'a suspended key',
      423,
      'openai_key_suspended',
      async () => {
        const tenant = await makeKeyedTenant(stack, TIER_1);
        await suspendWorkspaceKey(stack, tenant);
        return mint(stack, tenant);
      },
    ],
    [
      "a suspended site key, though the workspace's would do",
      423,
      'openai_key_suspended',
      async () => {
        const tenant = await makeKeyedTenant(stack, TIER_1);
        await putSiteKey(stack, tenant, fakeKey());
        await asOwner(stack, tenant, 'POST', `/v1/sites/${tenant.siteId}/openai-key/suspend`);
        openAi.clearRequests();
        return mint(stack, tenant);
      },
    ],
    [
      'managed minutes used up',
      402,
      'minutes_exhausted',
      async () => {
        const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
        await useUpMinutes(tenant);
        return mint(stack, tenant);
      },
    ],
    [
      'managed without a platform key',
      503,
      'unavailable',
      async () => mint(stack, await makeKeyedTenant(stack, { billing_mode: 'managed' })),
    ],
  ];

  it.each(cases)('%s: %i %s, without a call to KMS or OpenAI', async (_, status, code, request) => {
    openAi.clearRequests();
    stack.kms.clearCalls();
    expectRefusal(await request(), status, code);
    expectNothingReached(stack);
  });

  it('busy: 429, without a call to KMS or OpenAI', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    expectSuccess(await mint(stack, tenant));
    openAi.clearRequests();
    stack.kms.clearCalls();
    expectRefusal(await mint(stack, tenant), 429, 'busy');
    expectNothingReached(stack);
  });
});

describe('a request with two faults gets the refusal that is checked first', () => {
  it('for an unknown site before a foreign origin', async () => {
    expectRefusal(await mint(stack, UNKNOWN_SITE, {}, FOREIGN_ORIGIN), 404, 'site_not_found');
  });

  it('for an archived site before a foreign origin', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`);
    expectRefusal(await mint(stack, tenant, {}, FOREIGN_ORIGIN), 404, 'site_not_found');
  });

  it('for a foreign origin before used-up minutes', async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
    await useUpMinutes(tenant);
    expectRefusal(await mint(stack, tenant, {}, FOREIGN_ORIGIN), 403, 'origin_not_allowed');
  });

  it('for a foreign origin before a missing key', async () => {
    expectRefusal(await mint(stack, await makeTenant(stack), {}, FOREIGN_ORIGIN), 403, 'origin_not_allowed');
  });

  it('for used-up minutes before a missing platform key', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    await useUpMinutes(tenant);
    expectRefusal(await mint(stack, tenant), 402, 'minutes_exhausted');
  });

  it('for a suspended key before busy', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    expectSuccess(await mint(stack, tenant));
    await suspendWorkspaceKey(stack, tenant);
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
  });

  it('for busy slots before any error of OpenAI', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    expectSuccess(await mint(stack, tenant));
    openAi.inject(mintRefused(429, { message: 'No credit.', type: 'insufficient_quota' }));
    expectRefusal(await mint(stack, tenant), 429, 'busy');
  });
});
