import { describe, expect, it } from '@jest/globals';
import type { Budget } from '../../../lambdas/domain/budgets/budget.ts';
import type { SessionId, SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { RecordedSession } from '../../../lambdas/domain/sessions/recorded-session.ts';
import { newSessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { readOverview } from '../../../lambdas/use-cases/usage/read-overview.ts';
import { aSession } from '../../domain/sessions/session-usage-fixture.ts';
import { aBudget, aDay } from '../budgets/budget-fixture.ts';
import { NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, OTHER_SITE_ID, pageOf, sitesOf, tenancyWith } from '../tenancy/tenancy-fixture.ts';

const DASHBOARD = 'https://dashboard.example';

let made = 0;
const recorded = (
  facts: Partial<RecordedSession> & { readonly answered?: boolean } = {},
): RecordedSession & { readonly answered: boolean } => ({
  ...aSession(),
  sessionId: `ses_${String(++made).padStart(26, '0')}` as SessionId,
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  state: 'issued',
  refusal: null,
  openAiFailure: null,
  endedBy: null,
  answered: false,
  ...facts,
});
const ofSite = (siteId: SiteId, count: number, facts: Parameters<typeof recorded>[0] = {}) =>
  Array.from({ length: count }, () => recorded({ siteId, ...facts }));

const overviewOf = ({
  budgets = [] as readonly Budget[],
  sessions = [] as readonly ReturnType<typeof recorded>[],
  sites = sitesOf(2),
} = {}) => {
  const reads: string[] = [];
  const { ports } = tenancyWith({ sites });
  const answered = new Set<SessionId>(
    sessions.filter(({ answered }) => answered).map(({ sessionId }) => sessionId),
  );
  const read = readOverview({
    clock: () => NOW,
    plans: [],
    tenancy: {
      readMembership: ports.tenancy.readMembership,
      readSiteMembership: ports.tenancy.readSiteMembership,
      readSite: ports.tenancy.readSite,
      listSites: async (_, page) => {
        reads.push('sites');
        return pageOf(sites, ({ siteId }) => siteId, page);
      },
    },
    usage: {
      readDays: async () => [aDay('2026-11-02', 30), aDay('2026-11-23', 12)],
      readPeriod: async () => ({ usedSeconds: 0, committedSeconds: 0, notices: {} }),
    },
    budgets: {
      readBudget: async ({ siteId }) => budgets.find((budget) => budget.siteId === siteId),
      listBudgets: async (_, page) =>
        pageOf(budgets, ({ siteId }) => siteId ?? 'WORKSPACE', { ...page, limit: 2 }),
    },
    sessions: {
      listSessions: async ({ siteId }, _, page) => {
        reads.push(`sessions of ${siteId}`);
        const own = sessions.filter((session) => session.siteId === siteId);
        return pageOf(own, ({ sessionId }) => sessionId, page);
      },
      readSessionUsage: async (siteId, ids) => {
        if (ids.length > 0) reads.push(`meters of ${siteId}`);
        const usages = sessions
          .filter(({ sessionId }) => ids.includes(sessionId))
          .map((session) => ({
            ...newSessionUsage(session),
            responses: answered.has(session.sessionId) ? 1 : 0,
          }));
        return new Map(usages.map((usage) => [usage.sessionId, usage]));
      },
    },
  });
  return { reads, read: (caller = CALLER) => read(caller, WORKSPACE_ID, DASHBOARD) };
};

const visitorsOf = async (given: Parameters<typeof overviewOf>[0]) =>
  (await overviewOf(given).read()).visitors;

describe('the overview of a workspace', () => {
  it('contains the month by day, the workspace budget, and no site budget with enough left', async () => {
    const { read } = overviewOf({
      budgets: [aBudget({ siteId: SITE_ID }), aBudget({ spentMicroCents: 42, remainingMicroCents: 58 })],
    });
    const { at, month, budget, tightSiteBudgets } = await read();
    expect(at).toEqual(NOW);
    expect(month).toMatchObject({ from: '2026-11-01', to: '2026-11-23' });
    expect(month.rows.map(({ group, entry }) => [group.day, entry.costMicroCents])).toEqual([
      ['2026-11-02', 30],
      ['2026-11-23', 12],
    ]);
    expect(budget?.budget).toMatchObject({ siteId: null, spentMicroCents: 42 });
    expect(tightSiteBudgets).toEqual([]);
  });

  it('contains no budget if the workspace has none, and tight budgets only of active sites', async () => {
    const full = { spentMicroCents: 90, remainingMicroCents: 10 };
    const archived = `${WORKSPACE_ID}000000000009` as SiteId;
    const { read } = overviewOf({
      budgets: [
        aBudget({ siteId: SITE_ID }),
        aBudget({ siteId: archived, ...full }),
        aBudget({ siteId: OTHER_SITE_ID, ...full }),
      ],
    });
    const { budget, tightSiteBudgets } = await read();
    expect(budget).toBeUndefined();
    expect(tightSiteBudgets.map(({ budget: { siteId } }) => siteId)).toEqual([OTHER_SITE_ID]);
  });

  it('contains the tight budgets of sites, even after twenty fuller ones of archived sites', async () => {
    const spent = { spentMicroCents: 99, remainingMicroCents: 1 };
    const archived = Array.from({ length: 25 }, (_, index) =>
      aBudget({ siteId: `${WORKSPACE_ID}${String(index + 100).padStart(12, '0')}` as SiteId, ...spent }),
    );
    const full = { spentMicroCents: 90, remainingMicroCents: 10 };
    const sites = sitesOf(30);
    const few = [...archived, ...sites.slice(0, 1).map(({ siteId }) => aBudget({ siteId, ...full }))];
    expect((await overviewOf({ budgets: few, sites }).read()).tightSiteBudgets).toHaveLength(1);
    const many = [...archived, ...sites.map(({ siteId }) => aBudget({ siteId, ...full }))];
    expect((await overviewOf({ budgets: many, sites }).read()).tightSiteBudgets).toHaveLength(20);
  });

  it('is not read for a person who is not a member', async () => {
    const { reads, read } = overviewOf();
    expect(await outcomeOf(read({ ...CALLER, sub: 'stranger' }))).toBe('workspace_not_found');
    expect(reads).toEqual([]);
  });
});

describe('the first-visitor steps in the overview', () => {
  it('are false without a session, or with sessions of the dashboard, tests or refusals only', async () => {
    const none = { sessionSeen: false, talked: false };
    expect(await visitorsOf({ sites: [] })).toEqual(none);
    expect(
      await visitorsOf({
        sessions: [
          recorded({ origin: DASHBOARD, answered: true }),
          recorded({ kind: 'test', state: 'used' }),
          recorded({ state: 'refused' }),
        ],
      }),
    ).toEqual(none);
  });

  it('are true after the session of a visitor, and after the first answer of OpenAI', async () => {
    expect(await visitorsOf({ sessions: [recorded()] })).toEqual({ sessionSeen: true, talked: false });
    const sessions = [recorded(), recorded({ siteId: OTHER_SITE_ID, answered: true })];
    expect(await visitorsOf({ sessions })).toEqual({ sessionSeen: true, talked: true });
  });

  it('are unknown if older sessions or further sites were not read', async () => {
    const tested = ofSite(SITE_ID, 21, { origin: DASHBOARD });
    expect(await visitorsOf({ sessions: tested })).toEqual({ sessionSeen: null, talked: null });
    expect(await visitorsOf({ sessions: [...ofSite(SITE_ID, 20), ...tested] })).toEqual({
      sessionSeen: true,
      talked: null,
    });
    expect(await visitorsOf({ sites: sitesOf(26) })).toEqual({ sessionSeen: null, talked: null });
  });

  it('take a bounded number of reads, and few if a visitor of the first sites was answered', async () => {
    const sites = sitesOf(40);
    const many = sites.flatMap(({ siteId }) => ofSite(siteId, 30));
    const slow = overviewOf({ sites, sessions: many });
    await slow.read();
    expect(slow.reads.filter((read) => read.startsWith('sessions'))).toHaveLength(25);
    expect(slow.reads.filter((read) => read.startsWith('meters'))).toHaveLength(25);
    const quick = overviewOf({ sites, sessions: [recorded({ answered: true }), ...many] });
    await quick.read();
    expect(quick.reads.filter((read) => read.startsWith('sessions'))).toHaveLength(5);
  });
});
