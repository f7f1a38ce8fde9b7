import { currentBudget } from '../../domain/budgets/budget.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { BudgetLister } from '../ports/budgets.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';
import type { ShownBudget } from './read-budget.ts';

/**
 * Viewer. The budgets of the workspace and of its sites that are not archived, each with its counts of the current period. A page
 * may be shorter than its limit; the cursor shows whether more follows.
 */
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
    const kept = await Promise.all(
      items.map(
        async ({ siteId }) =>
          siteId === null || (await tenancy.readSiteMembership(siteId, caller.sub)).site !== undefined,
      ),
    );
    const shown = items.filter((_, index) => kept[index]);
    return {
      items: shown.map((stored) => ({
        budget: currentBudget(stored, now, workspace.timeZone),
        workspace,
        now,
      })),
      next,
    };
  };
