import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { addSite, asOwner, changeWorkspace, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { mintRequests } from '../support/openai.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, ORIGIN, putSiteKey } from '../support/tenant.ts';

const TIER_1 = { openai_tier: 1 };

const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});

describe('concurrency slots of a key', () => {
  it('a second visitor on tier 1 is told to wait at most a minute at a time, and gets in when the lease expires', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    expect(expectSuccess(await mint(stack, tenant)).remaining_slots).toBe(0);
    const refused = await mint(stack, tenant);
    expectRefusal(refused, 429, 'busy');
    const [lease] = await tables.slotsOf(tenant.workspaceId);
    const leaseEndsMs = Number(lease?.['expires_at']) * 1_000;
    expect(refused.error.retry_after).toBe(60);
    time.advance(60_000);
    const again = await mint(stack, tenant);
    expectRefusal(again, 429, 'busy');
    const waitSeconds = again.error.retry_after ?? 0;
    expect(waitSeconds).toBe(Math.ceil((leaseEndsMs - time.clock().getTime()) / 1_000));

    time.advance((waitSeconds - 1) * 1_000);
    const last = await mint(stack, tenant);
    expectRefusal(last, 429, 'busy');
    expect(last.error.retry_after).toBe(1);
    time.advance(1_000);
    expectSuccess(await mint(stack, tenant));
  });

  it('a lease outlasts the client secret, and then only reports renew it', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    expectSuccess(await mint(stack, tenant));
    const site = await asOwner(stack, tenant, 'GET', `/v1/sites/${tenant.siteId}`);
    time.advance((site.client_secret_ttl_seconds - 10) * 1_000);
    const refused = await mint(stack, tenant);
    expect(refused.error.retry_after).toBe(40);
  });

  it('remaining_slots counts down to the refusal', async () => {
    const tenant = await makeKeyedTenant(stack, { concurrency_limit: 3 });
    const remaining: number[] = [];
    for (let i = 0; i < 3; i++) remaining.push(expectSuccess(await mint(stack, tenant)).remaining_slots);
    expect(remaining).toEqual([2, 1, 0]);
    expectRefusal(await mint(stack, tenant), 429, 'busy');
  });

  it('two sites of one workspace key share its slots', async () => {
    const first = await makeKeyedTenant(stack, TIER_1);
    const second = await addSite(stack, first);
    expectSuccess(await mint(stack, first));
    expectRefusal(await mint(stack, second), 429, 'busy');
  });

  it('two sites with the same OpenAI key share its slots', async () => {
    const first = await makeTenant(stack, TIER_1);
    const second = await addSite(stack, first);
    const key = fakeKey();
    expectSuccess(await putSiteKey(stack, first, key));
    expectSuccess(await putSiteKey(stack, second, key));
    expectSuccess(await mint(stack, first));
    expectRefusal(await mint(stack, second), 429, 'busy');
  });

  it('two sites with different keys do not share slots', async () => {
    const first = await makeKeyedTenant(stack, TIER_1);
    const second = await addSite(stack, first);
    expectSuccess(await putSiteKey(stack, second, fakeKey()));
    expectSuccess(await mint(stack, first));
    expectSuccess(await mint(stack, second));
  });

  it('two workspaces with the same OpenAI key do not share slots', async () => {
    const key = fakeKey();
    const first = await makeKeyedTenant(stack, TIER_1, {}, key);
    const second = await makeKeyedTenant(stack, TIER_1, {}, key);
    expect(expectSuccess(await mint(stack, first)).remaining_slots).toBe(0);
    expect(expectSuccess(await mint(stack, second)).remaining_slots).toBe(0);
    const records = await Promise.all(
      [first, second].map(({ workspaceId }) => tables.keyItem('workspace', workspaceId)),
    );
    const prints = records.map(({ sealed }) => sealed.fingerprint);
    expect(new Set(prints).size).toBe(2);
  });

  it.each([
    { limit: 1, visitors: 12 },
    { limit: 10, visitors: 40 },
    { limit: 60, visitors: 90 },
  ])('$visitors visitors at once on $limit slots: exactly $limit get in', async ({ limit, visitors }) => {
    const tenant = await makeKeyedTenant(stack, { concurrency_limit: limit });
    const other = await addSite(stack, tenant);
    const answers = await Promise.all(
      Array.from({ length: visitors }, (_, i) => mint(stack, i % 2 === 0 ? tenant : other)),
    );
    const admitted = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(admitted).toHaveLength(limit);
    for (const answer of refused) expectRefusal(answer, 429, 'busy');
    expect(mintRequests(stack)).toHaveLength(limit);
    expect(new Set(admitted.map(({ data }) => data.client_secret.value)).size).toBe(limit);
  });

  it.each([
    ['limit', { concurrency_limit: 1_000 }, { concurrency_limit: 1 }],
    ['tier', { openai_tier: 5 }, TIER_1],
  ])(
    'a lowered %s applies from the next mint, and counts the sessions that still run',
    async (_, before, after) => {
      const tenant = await makeKeyedTenant(stack, before);
      expectSuccess(await mint(stack, tenant));
      await changeWorkspace(stack, tenant, after);
      expectRefusal(await mint(stack, tenant), 429, 'busy');
    },
  );

  it('remaining_slots counts every running session after the limit was lowered', async () => {
    const tenant = await makeKeyedTenant(stack, { concurrency_limit: 1_000 });
    expectSuccess(await mint(stack, tenant));
    await changeWorkspace(stack, tenant, { concurrency_limit: 3 });
    expect(expectSuccess(await mint(stack, tenant)).remaining_slots).toBe(1);
    expect(expectSuccess(await mint(stack, tenant)).remaining_slots).toBe(0);
    expectRefusal(await mint(stack, tenant), 429, 'busy');
  });

  it('a raised limit applies from the next mint', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    expectSuccess(await mint(stack, tenant));
    await changeWorkspace(stack, tenant, { concurrency_limit: 2 });
    expect(expectSuccess(await mint(stack, tenant)).remaining_slots).toBe(0);
    await changeWorkspace(stack, tenant, { concurrency_limit: null, openai_tier: 2 });
    expect(expectSuccess(await mint(stack, tenant)).remaining_slots).toBe(7);
  });
});

describe('the share of one address in the slots of a key', () => {
  it('leaves slots to other addresses, and the address gets a slot again when one of its sessions ends', async () => {
    const clock = frozenClock();
    const shared = await startTestStack({
      runtime: { clock: clock.clock },
      variables: { ADDRESS_SLOT_PERCENT: '60' },
      audited: false,
    });
    try {
      const tenant = await makeKeyedTenant(shared, { concurrency_limit: 5 });
      const mintFrom = (from: string) =>
        rawRequest(shared, {
          method: 'POST',
          path: `/v1/${tenant.siteId}/token`,
          headers: { origin: ORIGIN, 'content-type': 'application/json' },
          body: '{}',
          from,
        });
      const greedy = '127.0.0.61';
      for (let i = 0; i < 3; i++) {
        expectSuccess(await mintFrom(greedy));
        clock.advance(10_000);
      }
      const refused = await mintFrom(greedy);
      expectRefusal(refused, 429, 'rate_limited');
      expect(refused.error.retry_after).toBe(60);
      expect(mintRequests(shared)).toHaveLength(3);

      for (const other of ['127.0.0.62', '127.0.0.63']) expectSuccess(await mintFrom(other));
      expectRefusal(await mintFrom('127.0.0.64'), 429, 'busy');
      expectRefusal(await mintFrom(greedy), 429, 'busy');

      clock.advance(60_000);
      expectSuccess(await mintFrom(greedy));
    } finally {
      await shared.close();
    }
  });

  it('is at least one slot on the smallest keys', async () => {
    const shared = await startTestStack({ variables: { ADDRESS_SLOT_PERCENT: '1' }, audited: false });
    try {
      const tenant = await makeKeyedTenant(shared, { concurrency_limit: 3 });
      expectSuccess(await mint(shared, tenant));
      expectRefusal(await mint(shared, tenant), 429, 'rate_limited');
    } finally {
      await shared.close();
    }
  });
});
