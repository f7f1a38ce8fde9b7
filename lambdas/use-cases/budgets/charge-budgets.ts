import { type CurrentBudget, currentBudget, isSpentWith } from '../../domain/budgets/budget.ts';
import { sameReservations } from '../../domain/budgets/response-reservation.ts';
import type { SessionId } from '../../domain/identifiers.ts';
import { entryOf, type SessionUsage } from '../../domain/sessions/session-usage.ts';
import type { BudgetNotes } from '../ports/budgets.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SessionUsageStore } from '../ports/sessions.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';
import { type SettleBudgetPorts, settleBudgets } from './settle-budgets.ts';

export interface ChargedUsage {
  /** Like `saveUsage` of the store. Calls `onSpent` as soon as this cost spends an `end_calls` budget of the session. */
  saveUsage(...given: [...Parameters<SessionUsageStore['saveUsage']>, onSpent?: () => void]): Promise<void>;
}

export interface BudgetPorts {
  readonly clock: Clock;
  readonly budgets: Pick<BudgetNotes, 'readBudgets'>;
  readonly workspaces: WorkspaceReader;
}

export interface ChargeBudgetPorts extends SettleBudgetPorts, BudgetPorts {
  readonly budgets: BudgetNotes;
  readonly sessionUsage: Pick<SessionUsageStore, 'saveUsage'>;
  /** Called with the error that prevented the notices and hang-ups after a charge. */
  readonly onUnsettled: (usage: SessionUsage, error: unknown) => void;
}

/**
 * Stores usage and charges its cost to the budgets of its site and workspace, both or neither; then notices and hang-ups
 * follow. If those fail, the charge is kept, and the session's next save tries them again. Usage without a new cost, and
 * managed usage, is only stored.
 *
 * @throws {ConflictError} as `saveUsage`
 */
export const chargeBudgets = (ports: ChargeBudgetPorts): ChargedUsage => {
  const unsettled = new Set<SessionId>();
  const settle = async (usage: SessionUsage, onSpent: () => void): Promise<void> => {
    unsettled.add(usage.sessionId);
    try {
      const budgets = await budgetsOf(ports, usage);
      if (budgets.some((budget) => isSpentWith(budget, 0))) onSpent();
      await settleBudgets(ports, budgets, ports.clock());
      unsettled.delete(usage.sessionId);
    } catch (error) {
      ports.onUnsettled(usage, error);
    }
  };
  return {
    saveUsage: async (usage, _budgets, capSeconds, onSpent = () => undefined) => {
      const costMicroCents = entryOf(usage).costMicroCents - usage.posted.costMicroCents;
      const isFree = costMicroCents === 0 && sameReservations(usage.reservations, usage.postedReservations);
      const isCharged = usage.mode === 'byok' && !isFree;
      const budgets = isCharged ? await budgetsOf(ports, usage) : [];
      // Before the write: where many calls charge one budget, it is tried again, and the call would continue meanwhile.
      if (budgets.some((budget) => isSpentWith(budget, costMicroCents))) onSpent();
      await ports.sessionUsage.saveUsage(usage, budgets, capSeconds);
      if (isCharged || unsettled.has(usage.sessionId)) await settle(usage, onSpent);
    },
  };
};

/** The budgets that the session counts against, with the counts of their current period. */
export const budgetsOf = async (
  { budgets, workspaces, clock }: BudgetPorts,
  { workspaceId, siteId }: Pick<SessionUsage, 'workspaceId' | 'siteId'>,
): Promise<readonly CurrentBudget[]> => {
  const stored = await budgets.readBudgets(workspaceId, siteId);
  if (stored.length === 0) return [];
  const workspace = await workspaces.readWorkspace(workspaceId);
  return workspace === undefined
    ? []
    : stored.map((budget) => currentBudget(budget, clock(), workspace.timeZone));
};
