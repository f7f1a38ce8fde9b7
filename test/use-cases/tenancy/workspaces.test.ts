import { describe, expect, it } from '@jest/globals';
import { changeWorkspace } from '../../../lambdas/use-cases/tenancy/change-workspace.ts';
import { createWorkspace } from '../../../lambdas/use-cases/tenancy/create-workspace.ts';
import { aWorkspace, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, eventOf, tenancyWith } from './tenancy-fixture.ts';

describe('a new workspace', () => {
  it('has the settings of its creator, the free plan, no site, and its creator as the owner', async () => {
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
      retention: { sessionDays: 90, errorDays: 14 },
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
      retention: { sessionDays: 90, errorDays: 14, changedAt: null },
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

describe('a workspace with managed billing', () => {
  it.each(['none', 'suspended'] as const)(
    'is not created if the platform key is %s, which does not use up the daily limit',
    async (platformKey) => {
      const { table, ports } = tenancyWith({ members: [], platformKey });
      const spent: string[] = [];
      const creation = createWorkspace({
        ...ports,
        limiter: {
          spend: async (subject) => {
            spent.push(subject);
            return { allowed: true };
          },
        },
        workspacesPerDay: 5,
      })(CALLER, { ...aWorkspace(), billingMode: 'managed' });
      await expect(creation).rejects.toMatchObject({ code: 'managed_unavailable' });
      expect(spent).toEqual([]);
      expect(table.trail).toStrictEqual([]);
    },
  );
});

describe('changing a workspace', () => {
  const BEFORE = aWorkspace({ billingMode: 'byok', alertEmail: 'owner@shop.example', siteCount: 0 });
  const PAYER = { fields: 'billingMode', billing_mode_before: 'byok' };

  it.each([
    [{ openaiTier: 4, alertEmail: null, name: 'Bakery' }, [{ fields: 'alertEmail,name,openaiTier' }]],
    [{ billingMode: 'managed' }, [{ ...PAYER, billing_mode: 'managed' }]],
    [{ billingMode: 'byok' }, [{ ...PAYER, billing_mode: 'byok' }]],
    [{}, []],
  ] as const)(
    'by %j keeps the other settings, and records events with the facts %j',
    async (change, facts) => {
      const { table, ports } = tenancyWith({ workspace: BEFORE });
      const changed = { ...BEFORE, ...change };
      expect(await changeWorkspace(ports)(CALLER, WORKSPACE_ID, change)).toStrictEqual(changed);
      expect(table.workspaces.get(WORKSPACE_ID)).toStrictEqual(changed);
      expect(table.trail).toStrictEqual(facts.map((each) => eventOf('workspace.changed', { facts: each })));
    },
  );

  it('to another retention stores the time, and records the days before and after', async () => {
    const { table, ports } = tenancyWith({ workspace: BEFORE });
    const retention = { sessionDays: 30, errorDays: 7 };
    const changed = {
      ...BEFORE,
      retention: { ...retention, changedAt: '2026-11-23T12:00:10.000Z' },
    };
    expect(await changeWorkspace(ports)(CALLER, WORKSPACE_ID, { retention })).toStrictEqual(changed);
    expect(table.workspaces.get(WORKSPACE_ID)).toStrictEqual(changed);
    const days = { session_days_before: 400, session_days: 30, error_days_before: 30, error_days: 7 };
    expect(table.trail).toStrictEqual([
      eventOf('workspace.changed', { facts: { fields: 'retention', ...days } }),
    ]);
  });

  it('to the same retention keeps the time of its last change', async () => {
    const retention = { sessionDays: 60, errorDays: 7, changedAt: '2026-01-01T00:00:00.000Z' };
    const { table, ports } = tenancyWith({ workspace: { ...BEFORE, retention } });
    const change = { name: 'Bakery', retention: { sessionDays: 60, errorDays: 7 } };
    await changeWorkspace(ports)(CALLER, WORKSPACE_ID, change);
    expect(table.workspaces.get(WORKSPACE_ID)).toMatchObject({ name: 'Bakery', retention });
  });

  it.each(['none', 'suspended'] as const)(
    'to managed billing is refused if the platform key is %s, and writes nothing',
    async (platformKey) => {
      const { table, ports } = tenancyWith({ workspace: BEFORE, platformKey });
      const change = changeWorkspace(ports)(CALLER, WORKSPACE_ID, { billingMode: 'managed' });
      await expect(change).rejects.toMatchObject({ code: 'managed_unavailable' });
      expect(table.workspaces.get(WORKSPACE_ID)).toStrictEqual(BEFORE);
      expect(table.trail).toStrictEqual([]);
    },
  );

  it('by two owners at once, in different settings, keeps both changes', async () => {
    const { table, ports } = tenancyWith({ workspace: BEFORE });
    const changes = [{ name: 'Bakery' }, { openaiTier: 5 }];
    await Promise.all(changes.map((change) => changeWorkspace(ports)(CALLER, WORKSPACE_ID, change)));
    expect(table.workspaces.get(WORKSPACE_ID)).toEqual({ ...BEFORE, name: 'Bakery', openaiTier: 5 });
  });
});
