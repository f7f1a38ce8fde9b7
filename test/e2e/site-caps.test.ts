import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { asOwner, changeWorkspace } from '../support/keyed-tenant.ts';
import { putOnPlan } from '../support/plan.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant as makeAnyTenant, ORIGIN, type Tenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

const sitesOf = (tenant: Tenant): string => `/v1/workspaces/${tenant.workspaceId}/sites`;

const create = (tenant: Tenant): Promise<TestAnswer> =>
  stack.call('POST', sitesOf(tenant), {
    as: tenant.owner,
    body: { name: 'One more', allowed_origins: [ORIGIN] },
  });

const countOf = async (tenant: Tenant): Promise<number> =>
  (await asOwner(stack, tenant, 'GET', sitesOf(tenant))).items.length;

const archive = (tenant: Tenant, siteId: string) => asOwner(stack, tenant, 'DELETE', `/v1/sites/${siteId}`);

const expectFull = (answer: TestAnswer, cap: number): void => {
  expectRefusal(answer, 409, 'site_limit_reached');
  expect(answer.error.details).toEqual([
    { path: 'max_sites', message: expect.stringContaining(`allows ${cap} sites;`) },
  ]);
};

/** Caps of the built-in plans hold in managed mode. */
const makeTenant = (on: TestStack, workspace = {}): Promise<Tenant> =>
  makeAnyTenant(on, { billing_mode: 'managed', ...workspace });

describe('the site cap in managed mode', () => {
  it.each([
    ['free', 1],
    ['starter', 3],
    ['pro', 10],
  ])('on the plan %s is %i', async (plan, cap) => {
    const tenant = await makeTenant(stack);
    await putOnPlan(stack, tenant, plan);
    for (let sites = 1; sites < cap; sites++) expectSuccess(await create(tenant), 201);
    expectFull(await create(tenant), cap);
    expect(await countOf(tenant)).toBe(cap);
  });
});

describe('a workspace with its own key', () => {
  it('may have any number of sites, and keeps them when it changes to managed mode', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'byok' });
    for (let sites = 1; sites < 4; sites++) expectSuccess(await create(tenant), 201);
    await putPlatformKey(stack, fakeKey());
    const managed = await changeWorkspace(stack, tenant, { billing_mode: 'managed' });
    expect(managed).toMatchObject({ site_count: 4, max_sites: 1 });
    expectFull(await create(tenant), 1);
    expect(await countOf(tenant)).toBe(4);
  });

  it('may have as many sites as the deployment allows', async () => {
    const PLANS = JSON.stringify([
      {
        name: 'free',
        monthly_usd: 0,
        included_minutes: 10,
        hard_cap: true,
        overage_usd_per_minute: null,
        max_sites: 9,
        max_byok_sites: 2,
      },
    ]);
    const own = await startTestStack({ audited: false, variables: { PLANS } });
    try {
      const tenant = await makeAnyTenant(own);
      const body = { name: 'One more', allowed_origins: [ORIGIN] };
      expectSuccess(await own.call('POST', sitesOf(tenant), { as: tenant.owner, body }), 201);
      expectFull(await own.call('POST', sitesOf(tenant), { as: tenant.owner, body }), 2);
      const shown = await asOwner(own, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}`);
      expect(shown).toMatchObject({ site_count: 2, max_sites: 2 });
    } finally {
      await own.close();
    }
  });
});

describe('the site cap in any plan', () => {
  it('is unlimited for enterprise', async () => {
    const tenant = await makeTenant(stack);
    await putOnPlan(stack, tenant, 'enterprise');
    for (let sites = 1; sites <= 12; sites++) expectSuccess(await create(tenant), 201);
  });

  it('counts an archived site as free, exactly once', async () => {
    const tenant = await makeTenant(stack);
    expectFull(await create(tenant), 1);
    const archived = await Promise.all(
      [1, 2, 3].map(() => stack.call('DELETE', `/v1/sites/${tenant.siteId}`, { as: tenant.owner })),
    );
    expect(archived.filter(({ status }) => status === 200)).toHaveLength(1);
    expectSuccess(await create(tenant), 201);
    expectFull(await create(tenant), 1);
  });

  it('is never exceeded by simultaneous creations', async () => {
    const tenant = await makeTenant(stack);
    await putOnPlan(stack, tenant, 'starter');
    const answers = await Promise.all(Array.from({ length: 12 }, () => create(tenant)));
    for (const answer of answers)
      if (answer.status !== 201)
        expect([answer.status, answer.error.code]).toEqual([
          409,
          expect.stringMatching(/^(site_limit_reached|version_conflict)$/),
        ]);
    expect(await countOf(tenant)).toBeLessThanOrEqual(3);
    // A request that lost a race repeats, and gets what is left.
    while ((await create(tenant)).status === 201);
    expect(await countOf(tenant)).toBe(3);
  });

  it('is never exceeded by simultaneous creations and archivals in any order', async () => {
    const tenant = await makeTenant(stack);
    await putOnPlan(stack, tenant, 'starter');
    expectSuccess(await create(tenant), 201);
    for (let round = 0; round < 4; round++) {
      const { items } = await asOwner(stack, tenant, 'GET', sitesOf(tenant));
      await Promise.all([
        ...items
          .slice(0, 2)
          .map(({ site_id }: { site_id: string }) =>
            stack.call('DELETE', `/v1/sites/${site_id}`, { as: tenant.owner }),
          ),
        ...Array.from({ length: 4 }, () => create(tenant)),
      ]);
      expect(await countOf(tenant)).toBeLessThanOrEqual(3);
    }
    while ((await create(tenant)).status === 201);
    expect(await countOf(tenant)).toBe(3);
    expectFull(await create(tenant), 3);
  });

  it('lets a workspace keep its sites after a downgrade, but add none until it is below the cap', async () => {
    const tenant = await makeTenant(stack);
    await putOnPlan(stack, tenant, 'starter');
    const second = expectSuccess(await create(tenant), 201).site_id;
    const third = expectSuccess(await create(tenant), 201).site_id;
    await putOnPlan(stack, tenant, 'free');
    expectFull(await create(tenant), 1);
    expect(await countOf(tenant)).toBe(3);
    await archive(tenant, second);
    await archive(tenant, third);
    expectFull(await create(tenant), 1);
    await archive(tenant, tenant.siteId);
    expectSuccess(await create(tenant), 201);
  });

  it('allows no new site on a plan that the deployment does not know', async () => {
    const tenant = await makeTenant(stack);
    await putOnPlan(stack, tenant, 'gold');
    expectFull(await create(tenant), 0);
  });

  it('does not prevent the deletion of a full workspace', async () => {
    const tenant = await makeTenant(stack);
    expectSuccess(
      await stack.call('DELETE', `/v1/workspaces/${tenant.workspaceId}`, {
        as: tenant.owner,
        body: { confirm: 'Shop' },
      }),
    );
  });
});

describe('the plans of a deployment', () => {
  it('replace the built-in plans without a change of code', async () => {
    const PLANS = JSON.stringify([
      {
        name: 'free',
        monthly_usd: 0,
        included_minutes: 10,
        hard_cap: true,
        overage_usd_per_minute: null,
        max_sites: 2,
      },
    ]);
    const own = await startTestStack({ audited: false, variables: { PLANS } });
    try {
      const tenant = await makeTenant(own);
      const body = { name: 'One more', allowed_origins: [ORIGIN] };
      expectSuccess(await own.call('POST', sitesOf(tenant), { as: tenant.owner, body }), 201);
      expectFull(await own.call('POST', sitesOf(tenant), { as: tenant.owner, body }), 2);
    } finally {
      await own.close();
    }
  });
});
