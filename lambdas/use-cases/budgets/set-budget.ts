import { BrokerError } from '../../domain/broker-error.ts';
import {
  type Budget,
  type BudgetScope,
  type BudgetSettings,
  currentBudget,
  needsWatcher,
} from '../../domain/budgets/budget.ts';
import { periodNameOf, periodStart } from '../../domain/budgets/budget-period.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller, Site, Workspace } from '../../domain/tenancy/workspace.ts';
import { queueScopeEnd } from '../calls/queue-scope-end.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { BudgetStore } from '../ports/budgets.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type { MembershipReader, SiteLister } from '../ports/tenancy.ts';
import type { UsageReader } from '../ports/usage.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { authorizeBudget, type BudgetTarget, type ShownBudget } from './read-budget.ts';
import { refuseTooSmall, refuseUnpriced } from './refuse-unreservable.ts';
import { refuseWeakControl } from './refuse-weak-control.ts';
import { type SettleBudgetPorts, settleBudgets } from './settle-budgets.ts';

export interface SetBudgetPorts extends SettleBudgetPorts {
  readonly clock: Clock;
  readonly backOff: BackOff;
  readonly tenancy: MembershipReader & SiteLister;
  readonly budgets: BudgetStore & SettleBudgetPorts['budgets'];
  readonly usage: Pick<UsageReader, 'readDays'>;
  readonly auditEvents: AuditEventFactory;
  /** Whether this stage watches calls. */
  readonly watchesCalls: boolean;
}

/** Attempts at the write; each conflict means that another session added a cost. */
const MAX_ATTEMPTS = 8;

/**
 * Admin. Sets or changes a budget, which applies to the next request. Counts of the current period are kept; a new budget,
 * or one of another kind of period, begins with the usage totals of the period. An amount that is already spent takes
 * effect at once: with `end_calls` the running calls are hung up. The same happens when a budget becomes `never_exceed`
 * or is created as one. Changing the amount or the period of such a budget does not end calls.
 *
 * @param expected `changedAt` of the budget that the caller read, null for none; undefined: not checked.
 * @throws BrokerError `changed_meanwhile` if another one is stored.
 */
export const setBudget =
  (ports: SetBudgetPorts) =>
  async (
    caller: Caller,
    target: BudgetTarget,
    settings: BudgetSettings,
    expected?: string | null,
  ): Promise<ShownBudget> => {
    const { workspace, site } = await authorizeBudget(ports.tenancy, caller, target, 'admin');
    const { workspaceId } = workspace;
    if (workspace.billingMode === 'managed') throw new BrokerError('budget_needs_own_key');
    const sites = site === undefined ? await sitesOf(ports.tenancy, workspaceId) : [site];
    refuseWeakControl(settings.action, sites);
    if (needsWatcher(settings.action) && !ports.watchesCalls) throw new BrokerError('watch_required');
    refuseUnpriced(settings.action, sites, ports.clock());
    refuseTooSmall(settings, sites, ports.clock());
    const scope = { workspaceId, siteId: site?.siteId ?? null };
    const event = await ports.auditEvents.event(caller, 'budget.changed', {
      workspaceId,
      siteId: site?.siteId,
      facts: {
        scope: site === undefined ? 'workspace' : 'site',
        period: settings.period,
        action: settings.action,
        amount_micro_cents: settings.amountMicroCents,
      },
    });
    try {
      const saved = await retryOnConflict(ports.backOff, MAX_ATTEMPTS, async () => {
        const before = await ports.budgets.readBudget(scope);
        if (expected !== undefined && expected !== (before?.changedAt ?? null))
          throw new BrokerError('changed_meanwhile');
        // No running call has reserved its current response in this budget, not even one that reserves in another budget.
        // A call that starts after this point reserves its first response after the write below, or does not reserve at
        // all; the second pass ends the latter. It is queued before the budget is saved, so that a run that dies in between is
        // repeated.
        if (settings.action === 'never_exceed' && before?.action !== 'never_exceed')
          await queueScopeEnd(
            ports.hangUps,
            { workspaceId, ownKeys: true, siteId: scope.siteId, reservingSince: ports.clock().toISOString() },
            'budget',
          );
        return save(ports, { caller, workspace, scope, settings, before, event });
      });
      const now = ports.clock();
      await settleBudgets(ports, [saved], now);
      return { budget: currentBudget(saved, now, workspace.timeZone), workspace, now };
    } catch (error) {
      throw error instanceof ConflictError ? new BrokerError('version_conflict') : error;
    }
  };

interface Saving {
  readonly caller: Caller;
  readonly workspace: Workspace;
  readonly scope: BudgetScope;
  readonly settings: BudgetSettings;
  readonly before: Budget | undefined;
  readonly event: Awaited<ReturnType<AuditEventFactory['event']>>;
}

const save = async (
  ports: SetBudgetPorts,
  { caller, workspace, scope, settings, before, event }: Saving,
): Promise<Budget> => {
  const now = ports.clock();
  const stamp = {
    changedAt: now.toISOString(),
    changedBy: caller.sub,
    revision: (before?.revision ?? 0) + 1,
  };
  const current = before && currentBudget(before, now, workspace.timeZone);
  if (before !== undefined && current?.period === settings.period) {
    const { storedPeriodName, ...counted } = current;
    const remainingMicroCents =
      settings.amountMicroCents - counted.spentMicroCents - counted.reservedMicroCents;
    // With another amount each threshold is noticed again.
    const notices = settings.amountMicroCents === before.amountMicroCents ? counted.notices : {};
    const changed = { ...counted, ...settings, ...stamp, remainingMicroCents, notices, callsEndedAt: null };
    if (storedPeriodName === counted.periodName) await ports.budgets.changeBudget(changed, before, event);
    else await ports.budgets.putBudget(changed, before, event);
    return changed;
  }
  const periodName = periodNameOf(now, settings.period, workspace.timeZone);
  const spentMicroCents = await spentSince(ports, scope, periodStart(periodName, workspace.timeZone), now);
  // The highest cost of running responses stays reserved until this period ends.
  const reservedMicroCents = current?.reservedMicroCents ?? 0;
  const begun: Budget = {
    ...scope,
    ...settings,
    ...stamp,
    periodName,
    spentMicroCents,
    reservedMicroCents,
    remainingMicroCents: settings.amountMicroCents - spentMicroCents - reservedMicroCents,
    notices: {},
    callsEndedAt: null,
    createdAt: before === undefined ? stamp.changedAt : before.createdAt,
  };
  await ports.budgets.putBudget(begun, before, event);
  return begun;
};

/**
 * The cost of own keys by the totals, whole micro-cents. Totals are of days in UTC, by the start of each session: the first
 * of them may begin before the period does, and counts whole, so that a new budget never allows too much.
 */
const spentSince = async (
  { usage }: Pick<SetBudgetPorts, 'usage'>,
  { workspaceId, siteId }: BudgetScope,
  from: Date,
  now: Date,
): Promise<number> => {
  const day = (at: Date): string => at.toISOString().slice(0, 10);
  const days = await usage.readDays(workspaceId, { from: day(from), to: day(now) });
  return days
    .filter((one) => one.mode === 'byok' && (siteId === null || one.siteId === siteId))
    .reduce((sum, { entry }) => sum + entry.costMicroCents, 0);
};

const sitesOf = async (tenancy: SiteLister, workspaceId: WorkspaceId): Promise<readonly Site[]> => {
  const sites: Site[] = [];
  let after: string | undefined;
  do {
    const page = await tenancy.listSites(workspaceId, { limit: 100, after });
    sites.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return sites;
};
