import type * as z from 'zod';
import type { putBudgetRequest } from '../../contract/budgets.ts';
import { type BudgetSettings, MICRO_CENTS_PER_USD } from '../../domain/budgets/budget.ts';
import type { listBudgets } from '../../use-cases/budgets/list-budgets.ts';
import type { readBudget } from '../../use-cases/budgets/read-budget.ts';
import type { removeBudget } from '../../use-cases/budgets/remove-budget.ts';
import type { setBudget } from '../../use-cases/budgets/set-budget.ts';
import { presentBudget, presentListedBudget } from '../presenters/present-budgets.ts';
import type { EndpointsOf } from './endpoint.ts';
import { pageOf } from './page.ts';
import { siteIdIn, workspaceIdIn } from './path-ids.ts';

export interface BudgetUseCases {
  readonly listBudgets: ReturnType<typeof listBudgets>;
  readonly readBudget: ReturnType<typeof readBudget>;
  readonly setBudget: ReturnType<typeof setBudget>;
  readonly removeBudget: ReturnType<typeof removeBudget>;
}

const settingsIn = ({ period, amount_usd, action }: z.output<typeof putBudgetRequest>): BudgetSettings => ({
  period,
  action,
  amountMicroCents: Math.round(amount_usd * MICRO_CENTS_PER_USD),
});

/** Routes of budgets, of sites and of workspaces. */
export const budgetEndpoints = (
  useCases: BudgetUseCases,
): Pick<
  EndpointsOf<'manage'>,
  | 'listBudgets'
  | 'readSiteBudget'
  | 'putSiteBudget'
  | 'removeSiteBudget'
  | 'readWorkspaceBudget'
  | 'putWorkspaceBudget'
  | 'removeWorkspaceBudget'
> => ({
  listBudgets: async ({ caller, path, query }) => {
    const workspaceId = workspaceIdIn(path);
    return pageOf(
      { caller, route: 'budgets', resource: workspaceId },
      query,
      (page) => useCases.listBudgets(caller, workspaceId, page),
      presentListedBudget,
    );
  },
  readSiteBudget: async ({ caller, path }) =>
    presentBudget(await useCases.readBudget(caller, { siteId: siteIdIn(path) })),
  putSiteBudget: async ({ caller, path, body }) =>
    presentBudget(
      await useCases.setBudget(
        caller,
        { siteId: siteIdIn(path) },
        settingsIn(body),
        body.expected_changed_at,
      ),
    ),
  removeSiteBudget: async ({ caller, path }) => {
    await useCases.removeBudget(caller, { siteId: siteIdIn(path) });
    return { deleted: true as const };
  },
  readWorkspaceBudget: async ({ caller, path }) =>
    presentBudget(await useCases.readBudget(caller, { workspaceId: workspaceIdIn(path) })),
  putWorkspaceBudget: async ({ caller, path, body }) =>
    presentBudget(
      await useCases.setBudget(
        caller,
        { workspaceId: workspaceIdIn(path) },
        settingsIn(body),
        body.expected_changed_at,
      ),
    ),
  removeWorkspaceBudget: async ({ caller, path }) => {
    await useCases.removeBudget(caller, { workspaceId: workspaceIdIn(path) });
    return { deleted: true as const };
  },
});
