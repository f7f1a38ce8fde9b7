import { describe, expect, it } from '@jest/globals';
import { changeWorkspace } from '../../../lambdas/use-cases/tenancy/change-workspace.ts';
import { createWorkspace } from '../../../lambdas/use-cases/tenancy/create-workspace.ts';
import { aWorkspace, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, eventOf, tenancyWith } from './tenancy-fixture.ts';

describe('a workspace that is created', () => {
  it('has what its creator set, the free plan, no site and one owner: its creator', async () => {
    const settings = {
      name: 'Bakery',
      billingMode: 'managed',
      openaiTier: 3,
      concurrencyLimit: 7,
      siteSharePercent: 50,
      dataResidency: 'eu',
      anomalyResponse: 'suspend',
      alertEmail: 'owner@shop.example',
      timeZone: 'Europe/Berlin',
    } as const;
    const workspaceId = '777777777777';
    const at = '2026-11-23T12:00:10.000Z';
    const { table, ports } = tenancyWith({ members: [] });
    const created = await createWorkspace({
      ...ports,
      limiter: { spend: async () => ({ allowed: true }) },
      workspacesPerDay: 5,
    })(CALLER, settings);
    expect(created).toStrictEqual({
      ...settings,
      workspaceId,
      plan: 'free',
      ownerCount: 1,
      siteCount: 0,
      createdAt: at,
      deletedAt: null,
    });
    expect(table.workspaces.get(workspaceId)).toStrictEqual(created);
    expect([...table.members.values()]).toStrictEqual([
      { workspaceId, sub: 'somebody', role: 'owner', addedAt: at, addedBy: 'somebody' },
    ]);
    expect(table.trail).toStrictEqual([eventOf('workspace.created', { workspaceId })]);
  });
});

describe('a workspace that is changed', () => {
  const BEFORE = aWorkspace({ billingMode: 'byok', alertEmail: 'owner@shop.example', siteCount: 0 });
  const PAYER = { fields: 'billingMode', billing_mode_before: 'byok' };

  it.each([
    [{ openaiTier: 4, alertEmail: null, name: 'Bakery' }, [{ fields: 'alertEmail,name,openaiTier' }]],
    [{ billingMode: 'managed' }, [{ ...PAYER, billing_mode: 'managed' }]],
    [{ billingMode: 'byok' }, [{ ...PAYER, billing_mode: 'byok' }]],
    [{}, []],
  ] as const)('by %j has the rest as it was, and events with the facts %j', async (change, facts) => {
    const { table, ports } = tenancyWith({ workspace: BEFORE });
    const changed = { ...BEFORE, ...change };
    expect(await changeWorkspace(ports)(CALLER, WORKSPACE_ID, change)).toStrictEqual(changed);
    expect(table.workspaces.get(WORKSPACE_ID)).toStrictEqual(changed);
    expect(table.trail).toStrictEqual(facts.map((each) => eventOf('workspace.changed', { facts: each })));
  });

  it.each(['none', 'suspended'] as const)(
    'stays with its own key where the platform key is %s, and nothing is written',
    async (platformKey) => {
      const { table, ports } = tenancyWith({ workspace: BEFORE, platformKey });
      const change = changeWorkspace(ports)(CALLER, WORKSPACE_ID, { billingMode: 'managed' });
      await expect(change).rejects.toMatchObject({ code: 'managed_unavailable' });
      expect(table.workspaces.get(WORKSPACE_ID)).toStrictEqual(BEFORE);
      expect(table.trail).toStrictEqual([]);
    },
  );

  it('a workspace changed by two owners at once, in different settings, has both changes', async () => {
    const { table, ports } = tenancyWith({ workspace: BEFORE });
    const changes = [{ name: 'Bakery' }, { openaiTier: 5 }];
    await Promise.all(changes.map((change) => changeWorkspace(ports)(CALLER, WORKSPACE_ID, change)));
    expect(table.workspaces.get(WORKSPACE_ID)).toEqual({ ...BEFORE, name: 'Bakery', openaiTier: 5 });
  });
});
