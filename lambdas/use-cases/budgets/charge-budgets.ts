import { type CurrentBudget, currentBudget } from '../../domain/budgets/budget.ts';
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
}

/**
 * Stores usage and charges its cost to the budgets of its site and workspace, both or neither; then notices and hang-ups
 * follow. Usage without a new cost, and managed usage, is only stored.
 *
 * @throws {ConflictError} as `saveUsage`
 */
export const chargeBudgets = (ports: ChargeBudgetPorts): Pick<SessionUsageStore, 'saveUsage'> => ({
  saveUsage: async (usage) => {
    const isFree = entryOf(usage).costMicroCents === usage.posted.costMicroCents;
    if (usage.mode !== 'byok' || isFree) return ports.sessionUsage.saveUsage(usage);
    await ports.sessionUsage.saveUsage(usage, await budgetsOf(ports, usage));
    await settleBudgets(ports, await budgetsOf(ports, usage), ports.clock());
  },
});

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
