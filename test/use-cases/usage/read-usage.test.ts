import { describe, expect, it } from '@jest/globals';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import { type LedgerEntry, NO_ENTRY } from '../../../lambdas/domain/usage/ledger.ts';
import type { DayUsage } from '../../../lambdas/domain/usage/usage.ts';
import type { UsageReader } from '../../../lambdas/use-cases/ports/usage.ts';
import { compareOwnMonth } from '../../../lambdas/use-cases/usage/compare-own-month.ts';
import { readUsage, type UsageQuestion } from '../../../lambdas/use-cases/usage/read-usage.ts';
import { aWorkspace, NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, OTHER_SITE_ID, sitesOf, tenancyWith } from '../tenancy/tenancy-fixture.ts';

const part = (day: string, siteId: SiteId, entry: Partial<LedgerEntry>): DayUsage => ({
  day,
  siteId,
  model: 'gpt-realtime-2.1-mini',
  mode: 'managed',
  entry: { ...NO_ENTRY, ...entry },
});
const sum = (entry: Partial<LedgerEntry>) => ({ entry: { ...NO_ENTRY, ...entry }, estimated: false });

/** Billed are fewer seconds than there were: a very short session is not billed. */
const PARTS = [
  part('2026-10-31', SITE_ID, { seconds: 10_000, costMicroCents: 99 }),
  part('2026-11-01', SITE_ID, { seconds: 60, billedSeconds: 57, costMicroCents: 7 }),
  part('2026-11-23', OTHER_SITE_ID, {
    seconds: 36_000,
    billedSeconds: 36_000,
    costMicroCents: 4_000_000_000,
  }),
  part('2026-11-30', SITE_ID, { seconds: 5, billedSeconds: 5, costMicroCents: 1 }),
  part('2026-12-01', SITE_ID, { seconds: 20_000, costMicroCents: 98 }),
];
const NOTICES = { '2026-11': { 50: '2026-11-20T00:00:00.000Z' }, '2026-10': {} };
const USED_SECONDS = { '2026-11': 36_062, '2026-10': 10_000 };

const totalsFor = ({ now = NOW, plan = 'starter', parts = PARTS as readonly DayUsage[] } = {}) => {
  const asked: string[] = [];
  const usage: UsageReader = {
    readDays: async (workspaceId, { from, to }) => {
      asked.push(`days of ${workspaceId} ${from} ${to}`);
      return parts.filter(({ day }) => day >= from && day <= to);
    },
    readPeriod: async (workspaceId, period) => {
      asked.push(`period of ${workspaceId} ${period}`);
      const month = period as keyof typeof NOTICES;
      return { usedSeconds: USED_SECONDS[month], committedSeconds: 99_999, notices: NOTICES[month] };
    },
  };
  const tenancy = tenancyWith({ workspace: aWorkspace({ plan }), sites: sitesOf(2) });
  const ports = { ...tenancy.ports, usage, clock: () => now };
  const read = (question: Partial<UsageQuestion> = {}, siteId?: SiteId) =>
    readUsage(ports)(CALLER, siteId === undefined ? { workspaceId: WORKSPACE_ID } : { siteId }, {
      groupBy: [],
      ...question,
    });
  return { asked, read, compare: (month?: string) => compareOwnMonth(ports)(CALLER, WORKSPACE_ID, month) };
};

describe('the usage report', () => {
  it('of a workspace covers this month until today, and the used part of the plan', async () => {
    const { asked, read } = totalsFor();
    expect(await read({ groupBy: ['day', 'site'] })).toStrictEqual({
      from: '2026-11-01',
      to: '2026-11-23',
      groupBy: ['day', 'site'],
      rows: [
        { group: { day: '2026-11-01', siteId: SITE_ID }, ...sum(PARTS[1]?.entry ?? {}) },
        { group: { day: '2026-11-23', siteId: OTHER_SITE_ID }, ...sum(PARTS[2]?.entry ?? {}) },
      ],
      totals: sum({ seconds: 36_060, billedSeconds: 36_057, costMicroCents: 4_000_000_007 }),
      plan: {
        name: 'starter',
        plan: BUILT_IN_PLANS[1],
        period: '2026-11',
        usedSeconds: 36_062,
        notices: NOTICES['2026-11'],
      },
    });
    expect(asked).toEqual([
      `days of ${WORKSPACE_ID} 2026-11-01 2026-11-23`,
      `period of ${WORKSPACE_ID} 2026-11`,
    ]);
  });

  it('of a site covers its own usage, and the used part of the plan by all sites', async () => {
    const { read } = totalsFor();
    const report = await read({ to: '2026-11-30', groupBy: ['site'] }, SITE_ID);
    const own = sum({ seconds: 65, billedSeconds: 62, costMicroCents: 8 });
    expect(report.rows).toEqual([{ group: { siteId: SITE_ID }, ...own }]);
    expect(report.totals).toEqual(own);
    expect(report.plan.usedSeconds).toBe(36_062);
  });

  it('of other days includes both end days, and the plan usage of the month of the last day', async () => {
    const { asked, read } = totalsFor();
    const { totals } = await read({ from: '2026-10-31', to: '2026-11-01' });
    expect(totals.entry.seconds).toBe(10_060);
    const { plan } = await read({ to: '2026-10-31' });
    expect(plan).toMatchObject({ period: '2026-10', usedSeconds: 10_000, notices: {} });
    expect(asked).toEqual([
      `days of ${WORKSPACE_ID} 2026-10-31 2026-11-01`,
      `period of ${WORKSPACE_ID} 2026-11`,
      `days of ${WORKSPACE_ID} 2026-10-01 2026-10-31`,
      `period of ${WORKSPACE_ID} 2026-10`,
    ]);
  });

  it('names a plan that the deployment does not have, without its terms', async () => {
    const { plan } = await totalsFor({ plan: 'gone' }).read();
    expect(plan).toMatchObject({ name: 'gone', plan: undefined, usedSeconds: 36_062 });
  });

  it('is refused if its rows do not fit into one answer, with a hint to ask for less', async () => {
    const manySites = (count: number): readonly DayUsage[] =>
      Array.from({ length: count }, (_, site) =>
        part('2026-11-01', `${SITE_ID.slice(0, 18)}${String(site).padStart(6, '0')}` as SiteId, {
          seconds: 60,
        }),
      );
    const fitting = await totalsFor({ parts: manySites(8_000) }).read({ groupBy: ['day', 'site'] });
    expect(fitting.rows).toHaveLength(8_000);
    const { read } = totalsFor({ parts: manySites(8_001) });
    await expect(read({ groupBy: ['day', 'site'] })).rejects.toMatchObject({
      code: 'invalid_request',
      details: [{ path: 'group_by', message: expect.stringContaining('8001 rows') }],
    });
    expect((await read({ groupBy: ['day'] })).rows).toHaveLength(1);
  });

  it('of impossible days is refused without a read', async () => {
    const { asked, read } = totalsFor();
    expect(await outcomeOf(read({ from: '2026-11-24' }))).toBe('invalid_request');
    expect(asked).toEqual([]);
  });
});

describe('the comparison of a month', () => {
  it('covers exactly its days, with the cost at OpenAI and on each plan', async () => {
    const { asked, compare } = totalsFor();
    const { plans, ...month } = await compare('2026-11');
    expect(month).toStrictEqual({
      period: '2026-11',
      usage: sum({ seconds: 36_065, billedSeconds: 36_062, costMicroCents: 4_000_000_008 }),
      month: { seconds: 36_065, openAiMicroCents: 4_000_000_008 },
    });
    // 602 minutes, 102 more than Starter includes.
    expect(plans.map(({ plan: { name }, microCents, cheaper }) => [name, microCents, cheaper])).toEqual([
      ['free', null, null],
      ['starter', 2_900_000_000 + 102 * 8_000_000, 'managed'],
      ['pro', 9_900_000_000, 'byok'],
      ['enterprise', null, null],
    ]);
    expect(asked).toEqual([`days of ${WORKSPACE_ID} 2026-11-01 2026-11-31`]);
  });

  it.each([
    ['2026-11-30T23:59:59.999Z', '2026-11', 36_065],
    ['2026-12-01T00:00:00.000Z', '2026-12', 20_000],
  ])('at %s uses the month %s by default', async (now, period, seconds) => {
    const { compare } = totalsFor({ now: new Date(now) });
    expect(await compare()).toMatchObject({ period, month: { seconds } });
  });
});
