import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { decrypts, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant, mint, ORIGIN, type Tenant } from '../support/tenant.ts';

const TIER_1 = { openai_tier: 1 };
const UNKNOWN_SITE = { owner: '', workspaceId: '', siteId: '0'.repeat(24) };
const FOREIGN_ORIGIN = 'https://elsewhere.example';
const IP_LIMIT = 4;
const SITE_LIMIT = 6;
const clock = frozenClock();
const limited = await startTestStack({
  audited: false,
  runtime: { clock: clock.clock },
  variables: {
    IP_LIMIT_PER_MINUTE: String(IP_LIMIT),
    IP_LIMIT_PER_SECOND: '1000',
    SITE_LIMIT_PER_MINUTE: String(SITE_LIMIT),
  },
});
afterAll(() => limited.close());

let lastAddress = 1;
/** Of 127.0.0.0/8: a caller with a fresh budget. */
const newAddress = (): string => `127.0.0.${++lastAddress}`;
const mintFrom = (from: string, siteId: string, headers: Readonly<Record<string, string>> = {}) =>
  rawRequest(limited, {
    method: 'POST',
    path: `/v1/${siteId}/token`,
    headers: { origin: ORIGIN, 'content-type': 'application/json', ...headers },
    body: '{}',
    from,
  });
const exhaustAddress = async (from: string): Promise<void> => {
  for (let i = 0; i < IP_LIMIT; i++) await mintFrom(from, UNKNOWN_SITE.siteId);
};
const exhaustSite = async ({ siteId }: Tenant): Promise<void> => {
  for (let spent = 0; spent < SITE_LIMIT; ) {
    const from = newAddress();
    for (let i = 0; i < IP_LIMIT && spent < SITE_LIMIT; i++, spent++) await mintFrom(from, siteId);
  }
};
const limitedTenant = (workspace: Readonly<Record<string, unknown>> = { openai_tier: 4 }) =>
  makeKeyedTenant(limited, workspace);

describe('rate limits of addresses and sites', () => {
  it('an address gets exactly its limit, and more after Retry-After', async () => {
    const { siteId } = await limitedTenant();
    const from = newAddress();
    for (let i = 0; i < IP_LIMIT; i++) expectSuccess(await mintFrom(from, siteId));
    const refused = await mintFrom(from, siteId);
    expectRefusal(refused, 429, 'rate_limited');
    expect(refused.error.retry_after).toBe(50);
    clock.advance(49_000);
    expectRefusal(await mintFrom(from, siteId), 429, 'rate_limited');
    clock.advance(1_000);
    expectSuccess(await mintFrom(from, siteId));
    clock.advance(10_000);
  });

  it('a burst of one address ends at its limit per second, and continues a second later', async () => {
    const burst = frozenClock();
    const bursty = await startTestStack({
      audited: false,
      runtime: { clock: burst.clock },
      variables: { IP_LIMIT_PER_SECOND: '2' },
    });
    try {
      const tenant = await makeKeyedTenant(bursty, { openai_tier: 3 });
      expectSuccess(await mint(bursty, tenant));
      expectSuccess(await mint(bursty, tenant));
      const refused = await mint(bursty, tenant);
      expectRefusal(refused, 429, 'rate_limited');
      expect(refused.error.retry_after).toBe(1);
      burst.advance(1_000);
      expectSuccess(await mint(bursty, tenant));
    } finally {
      await bursty.close();
    }
  });

  it('no request header changes the address that is counted', async () => {
    const { siteId } = await limitedTenant();
    const from = newAddress();
    await exhaustAddress(from);
    const forged = {
      'x-forwarded-for': '203.0.113.9',
      forwarded: 'for=203.0.113.9',
      'x-real-ip': '203.0.113.9',
    };
    expectRefusal(await mintFrom(from, siteId, forged), 429, 'rate_limited');
  });

  it('a refused address does not use up the limit of the site', async () => {
    const { siteId } = await limitedTenant();
    const flooder = newAddress();
    await exhaustAddress(flooder);
    for (let i = 0; i < SITE_LIMIT; i++) expectRefusal(await mintFrom(flooder, siteId), 429, 'rate_limited');
    const honest = newAddress();
    for (let i = 0; i < IP_LIMIT; i++) expectSuccess(await mintFrom(honest, siteId));
  });

  it('a foreign origin does not use up the limit of the site', async () => {
    const { siteId } = await limitedTenant();
    for (let i = 0; i < SITE_LIMIT; i++)
      expectRefusal(
        await mintFrom(newAddress(), siteId, { origin: FOREIGN_ORIGIN }),
        403,
        'origin_not_allowed',
      );
    expectSuccess(await mintFrom(newAddress(), siteId));
  });

  it('a site gets exactly its limit without further calls to KMS or OpenAI, and more after Retry-After', async () => {
    const tenant = await limitedTenant();
    await exhaustSite(tenant);
    limited.kms.clearCalls();
    openAiOf(limited).clearRequests();
    const refused = await mintFrom(newAddress(), tenant.siteId);
    expectRefusal(refused, 429, 'rate_limited');
    expect(decrypts(limited)).toEqual([]);
    expect(openAiOf(limited).requests).toEqual([]);
    clock.advance((refused.error.retry_after ?? 0) * 1_000);
    expectSuccess(await mintFrom(newAddress(), tenant.siteId));
  });

  it('a site that has used up its limit keeps no slot of its key', async () => {
    const tenant = await limitedTenant({ openai_tier: 2 });
    await exhaustSite(tenant);
    for (let i = 0; i < 5; i++)
      expectRefusal(await mintFrom(newAddress(), tenant.siteId), 429, 'rate_limited');
    clock.advance(60_000);
    // Ten slots, six of them taken by the six visitors who got in.
    expect(expectSuccess(await mintFrom(newAddress(), tenant.siteId)).remaining_slots).toBe(3);
  });

  it('a malformed site ID is reported before an exhausted address limit', async () => {
    const from = newAddress();
    await exhaustAddress(from);
    expectRefusal(await mintFrom(from, 'Not_A-Site'), 400, 'invalid_site_id');
  });

  it('an exhausted address limit is reported before an unknown site', async () => {
    const from = newAddress();
    await exhaustAddress(from);
    expectRefusal(await mintFrom(from, UNKNOWN_SITE.siteId), 429, 'rate_limited');
  });

  it('an exhausted address limit is reported before a foreign origin', async () => {
    const { siteId } = await limitedTenant();
    const from = newAddress();
    await exhaustAddress(from);
    expectRefusal(await mintFrom(from, siteId, { origin: FOREIGN_ORIGIN }), 429, 'rate_limited');
  });

  it('a foreign origin is reported before an exhausted site limit', async () => {
    const tenant = await limitedTenant();
    await exhaustSite(tenant);
    const answer = await mintFrom(newAddress(), tenant.siteId, { origin: FOREIGN_ORIGIN });
    expectRefusal(answer, 403, 'origin_not_allowed');
  });

  it.each([
    ['used-up or unpaid minutes', { billing_mode: 'managed' }],
    ['a missing key', {}],
  ])('an exhausted site limit is reported before %s', async (_, workspace) => {
    const tenant = await makeTenant(limited, workspace);
    await exhaustSite(tenant);
    expectRefusal(await mintFrom(newAddress(), tenant.siteId), 429, 'rate_limited');
  });

  it('an exhausted site limit is reported before a suspended key', async () => {
    const tenant = await limitedTenant();
    await exhaustSite(tenant);
    const path = `/v1/workspaces/${tenant.workspaceId}/openai-key/suspend`;
    expectSuccess(await limited.call('POST', path, { as: tenant.owner }));
    expectRefusal(await mintFrom(newAddress(), tenant.siteId), 429, 'rate_limited');
  });

  it('an exhausted site limit is reported before busy', async () => {
    const tenant = await limitedTenant(TIER_1);
    await exhaustSite(tenant);
    expectRefusal(await mintFrom(newAddress(), tenant.siteId), 429, 'rate_limited');
  });
});
