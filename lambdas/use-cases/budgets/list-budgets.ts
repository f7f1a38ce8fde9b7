import { currentBudget } from '../../domain/budgets/budget.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { BudgetLister } from '../ports/budgets.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';
import type { ShownBudget } from './read-budget.ts';

/** Viewer. The budgets of the workspace and of its sites, each with its counts of the present period. */
export const listBudgets =
  ({
    tenancy,
    budgets,
    clock,
  }: {
    readonly tenancy: MembershipReader;
    readonly budgets: BudgetLister;
    readonly clock: Clock;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, page: PageRequest): Promise<Page<ShownBudget>> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'viewer');
    const { items, next } = await budgets.listBudgets(workspaceId, page);
    const now = clock();
    return {
      items: items.map((stored) => ({
        budget: currentBudget(stored, now, workspace.timeZone),
        workspace,
        now,
      })),
      next,
    };
  };
