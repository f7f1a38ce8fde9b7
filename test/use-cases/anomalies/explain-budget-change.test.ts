import { describe, expect, it } from '@jest/globals';
import type { Tampering } from '../../../lambdas/domain/anomalies/tampering.ts';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import type { Budget } from '../../../lambdas/domain/budgets/budget.ts';
import { explainBudgetChange } from '../../../lambdas/use-cases/anomalies/explain-budget-change.ts';
import { aBudget, aDay, OTHER_SITE_ID } from '../budgets/budget-fixture.ts';
import { aWorkspace, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';

const LOWERED = {
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  period: 'month',
  periodName: '2026-11',
} as const;

/** The incidents after a spent amount became less, and the days that were compared. */
const examined = async ({
  lowered = LOWERED as Omit<typeof LOWERED, 'siteId' | 'period' | 'periodName'> & {
    readonly siteId: typeof SITE_ID | null;
    readonly period: 'day' | 'month';
    readonly periodName: string;
  },
  budget = aBudget({ siteId: SITE_ID, amountMicroCents: 10_000, spentMicroCents: 300 }) as Budget | null,
  days = [aDay('2026-11-02', 401)],
  timeZone = 'UTC',
  workspace = aWorkspace({ timeZone }) as ReturnType<typeof aWorkspace> | null,
  now = NOW,
  events = [] as readonly AuditEvent[],
} = {}) => {
  const found: Tampering[] = [];
  const ranges: string[] = [];
  await explainBudgetChange({
    clock: () => now,
    tamperings: { knows: async () => false, note: async () => undefined },
    announcer: { announceTampering: async (one) => void found.push(one) },
    onTampering: () => undefined,
    outbox: { eventsSince: async (writer) => (writer === 'restore' ? events : []) },
    workspaces: { readWorkspace: async () => workspace ?? undefined },
    budgets: { readBudget: async () => budget ?? undefined },
    usage: {
      readDays: async (_, { from, to }) => {
        ranges.push(`${from} to ${to}`);
        return days;
      },
    },
  })({ change: undefined, lowered }, now, 'record 1');
  return { found: found.map(({ kind, subject }) => `${kind}: ${subject}`), ranges };
};

describe('a budget whose spent amount was lowered', () => {
  it('is an incident if the usage totals of its period are higher', async () => {
    const { found, ranges } = await examined();
    expect(found).toEqual([`unexplained_change: spent amount of the budget of site ${SITE_ID}`]);
    expect(ranges).toEqual([`2026-11-01 to ${NOW.toISOString().slice(0, 10)}`]);
  });

  it('is no incident after a restore of the workspace, even if the totals are restored later', async () => {
    const event = { type: 'workspace.restored', workspaceId: WORKSPACE_ID, siteId: null, facts: {} };
    expect((await examined({ events: [event as unknown as AuditEvent] })).found).toEqual([]);
  });

  it('is no incident if the totals confirm the amount within a hundredth', async () => {
    expect((await examined({ days: [aDay('2026-11-02', 400)] })).found).toEqual([]);
  });

  it('is compared with the own-key costs of its site, or of the whole workspace', async () => {
    const days = [
      aDay('2026-11-02', 300),
      aDay('2026-11-02', 9_000, { mode: 'managed' }),
      aDay('2026-11-02', 9_000, { siteId: OTHER_SITE_ID }),
    ];
    expect((await examined({ days })).found).toEqual([]);
    const whole = { ...LOWERED, siteId: null };
    expect((await examined({ days, lowered: whole })).found).toEqual([
      'unexplained_change: spent amount of the budget of the workspace',
    ]);
  });

  it('is compared only with UTC days that lie wholly in its period', async () => {
    const month = await examined({ timeZone: 'America/New_York' });
    expect(month.ranges).toEqual([`2026-11-02 to ${NOW.toISOString().slice(0, 10)}`]);
    const day = { ...LOWERED, period: 'day', periodName: NOW.toISOString().slice(0, 10) } as const;
    const daily = aBudget({
      siteId: SITE_ID,
      period: 'day',
      periodName: day.periodName,
      amountMicroCents: 100,
    });
    expect((await examined({ lowered: day, budget: daily })).ranges).toEqual([
      `${day.periodName} to ${day.periodName}`,
    ]);
    // In Auckland it is the next day, which no midnight in UTC has divided yet.
    const next = { ...day, periodName: '2026-11-24' };
    expect((await examined({ lowered: next, timeZone: 'Pacific/Auckland' })).ranges).toEqual([]);
  });

  it('is compared with the days of its period, even if the period has ended', async () => {
    const now = new Date('2026-12-03T08:00:00.000Z');
    expect((await examined({ now })).ranges).toEqual(['2026-11-01 to 2026-11-30']);
  });

  it('is no incident if the budget or the workspace is gone, or another period has begun', async () => {
    expect((await examined({ budget: null })).found).toEqual([]);
    expect((await examined({ workspace: null })).found).toEqual([]);
    expect((await examined({ budget: aBudget({ periodName: '2026-12' }) })).found).toEqual([]);
  });
});

describe('a change of budget settings', () => {
  it('is an incident if no event explains the change', async () => {
    const found: string[] = [];
    const ports = {
      clock: () => NOW,
      tamperings: { knows: async () => false, note: async () => undefined },
      announcer: { announceTampering: async ({ subject }: Tampering) => void found.push(subject) },
      onTampering: () => undefined,
      outbox: { eventsSince: async () => [] },
    } as unknown as Parameters<typeof explainBudgetChange>[0];
    const change = {
      workspaceId: WORKSPACE_ID,
      siteId: null,
      subject: 'budget of the workspace',
      explanations: [{ writer: 'manage', types: ['budget.changed'] }],
    } as const;
    await explainBudgetChange(ports)({ change, lowered: undefined }, NOW, 'record 1');
    expect(found).toEqual(['budget of the workspace']);
  });
});
