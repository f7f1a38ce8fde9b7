import { type CurrentBudget, currentBudget } from '../../domain/budgets/budget.ts';
import { sameReservations } from '../../domain/budgets/response-reservation.ts';
import type { SessionId } from '../../domain/identifiers.ts';
import { entryOf, type SessionUsage } from '../../domain/sessions/session-usage.ts';
import type { BudgetNotes } from '../ports/budgets.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SessionUsageStore } from '../ports/sessions.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';
import { type SettleBudgetPorts, settleBudgets } from './settle-budgets.ts';

export interface ChargeBudgetPorts extends SettleBudgetPorts {
  readonly clock: Clock;
  readonly budgets: BudgetNotes;
  readonly workspaces: WorkspaceReader;
  readonly sessionUsage: Pick<SessionUsageStore, 'saveUsage'>;
  /** Called with what kept notices and hang-ups from following a charge. */
  readonly onUnsettled: (usage: SessionUsage, error: unknown) => void;
}

/**
 * Stores usage and charges its cost to the budgets of its site and workspace, both or neither; then notices and hang-ups
 * follow. Where those fail, the charge stands, and the session's next save tries them again. Usage without a new cost, and
 * managed usage, is only stored.
 *
 * @throws {ConflictError} as `saveUsage`
 */
export const chargeBudgets = (ports: ChargeBudgetPorts): Pick<SessionUsageStore, 'saveUsage'> => {
  const unsettled = new Set<SessionId>();
  const settle = async (usage: SessionUsage): Promise<void> => {
    unsettled.add(usage.sessionId);
    try {
      await settleBudgets(ports, await budgetsOf(ports, usage), ports.clock());
      unsettled.delete(usage.sessionId);
    } catch (error) {
      ports.onUnsettled(usage, error);
    }
  };
  return {
    saveUsage: async (usage, _budgets, capSeconds) => {
      const isFree =
        entryOf(usage).costMicroCents === usage.posted.costMicroCents &&
        sameReservations(usage.reservations, usage.postedReservations);
      const isCharged = usage.mode === 'byok' && !isFree;
      await ports.sessionUsage.saveUsage(usage, isCharged ? await budgetsOf(ports, usage) : [], capSeconds);
      if (isCharged || unsettled.has(usage.sessionId)) await settle(usage);
    },
  };
};

const budgetsOf = async (
  { budgets, workspaces, clock }: ChargeBudgetPorts,
  { workspaceId, siteId }: SessionUsage,
): Promise<readonly CurrentBudget[]> => {
  const stored = await budgets.readBudgets(workspaceId, siteId);
  if (stored.length === 0) return [];
  const workspace = await workspaces.readWorkspace(workspaceId);
  return workspace === undefined
    ? []
    : stored.map((budget) => currentBudget(budget, clock(), workspace.timeZone));
};
