import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import type { Budget } from '../../../lambdas/domain/budgets/budget.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { Role, Site } from '../../../lambdas/domain/tenancy/workspace.ts';
import { NO_ENTRY } from '../../../lambdas/domain/usage/ledger.ts';
import type { DayUsage } from '../../../lambdas/domain/usage/usage.ts';
import type { SetBudgetPorts } from '../../../lambdas/use-cases/budgets/set-budget.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aMember, aSite, aWorkspace, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';

/** A monthly budget of 100 micro-cents for the whole workspace, of which nothing is spent in the current period. */
export const aBudget = (facts: Partial<Budget> = {}): Budget => ({
  workspaceId: WORKSPACE_ID,
  siteId: null,
  period: 'month',
  amountMicroCents: 100,
  action: 'end_calls',
  periodName: '2026-11',
  spentMicroCents: 0,
  reservedMicroCents: 0,
  remainingMicroCents: 100,
  notices: {},
  callsEndedAt: null,
  createdAt: null,
  changedAt: NOW.toISOString(),
  changedBy: 'owner',
  revision: 1,
  ...facts,
});

export const CALLER = { sub: 'admin', sourceIp: '192.0.2.1' };
export const DOWN = new DependencyUnavailableError('dynamodb', 'PutItem', 'InternalServerError');
export const OTHER_SITE_ID = `${WORKSPACE_ID}000000000001` as SiteId;

/** A day’s usage of one site, with own keys. */
export const aDay = (day: string, costMicroCents: number, facts: Partial<DayUsage> = {}): DayUsage => ({
  day,
  siteId: SITE_ID,
  model: 'gpt-realtime-2.1-mini',
  mode: 'byok',
  entry: { ...NO_ENTRY, costMicroCents },
  ...facts,
});

/**
 * A workspace with one budget, and every port that sets, reads or removes it. Each write is conditional on the budget that
 * was read, as the table’s is. `log` has each step; `events` the audit events.
 */
export const budgetWorld = ({
  stored = null as Budget | null,
  workspace = aWorkspace(),
  sites = [aSite({ control: 'brokered' })] as readonly Site[],
  role = 'admin' as Role,
  days = [] as readonly DayUsage[],
  watchesCalls = true,
  own = {} as Partial<SetBudgetPorts>,
} = {}) => {
  const log: unknown[][] = [];
  const events: unknown[] = [];
  const state = { budget: stored ?? undefined };
  const write = (step: string) => async (budget: Budget, before: Budget | undefined, event: AuditEvent) => {
    if (before?.revision !== state.budget?.revision) throw new ConflictError();
    log.push([step]);
    events.push(event);
    state.budget = budget;
  };
  const ports = strictPorts<SetBudgetPorts>({
    clock: () => NOW,
    random: (size) => Buffer.alloc(size, 7),
    backOff: async (attempt) => void log.push(['wait', attempt]),
    tenancy: {
      readMembership: async () => ({ workspace, member: aMember(role) }),
      readSiteMembership: async (siteId) => ({
        workspace,
        site: sites.find((site) => site.siteId === siteId),
        member: aMember(role),
      }),
      listSites: async (_, { after = '0' }) => {
        const next = Number(after) + 1;
        return {
          items: sites.slice(Number(after), next),
          next: next < sites.length ? String(next) : undefined,
        };
      },
    },
    budgets: {
      readBudget: async () => state.budget,
      readBudgets: () => Promise.reject(new Error('not asked for those of a session')),
      putBudget: write('put'),
      changeBudget: write('change'),
      removeBudget: async (budget, event) => {
        if (budget !== state.budget) throw new ConflictError();
        log.push(['remove']);
        events.push(event);
        state.budget = undefined;
      },
      noteThreshold: async (_, percent) => void log.push(['notice', percent]),
      noteCallsEnded: async () => void log.push(['note calls ended']),
    },
    usage: {
      readDays: async (_, range) => {
        log.push(['read days', range.from, range.to]);
        return days;
      },
    },
    hangUps: {
      send: async (message, delay = 0) =>
        void log.push(['end calls', 'scope' in message && message.scope, delay]),
    },
    auditEvents: {
      event: async (caller, type, subject) => ({ by: caller.sub, type, ...subject }) as unknown as AuditEvent,
    },
    watchesCalls,
    ...own,
  });
  return { ports, log, events, state };
};
