import { MICRO_CENTS_PER_USD, resetsAt } from '../../domain/budgets/budget.ts';
import type { ShownBudget } from '../../use-cases/budgets/read-budget.ts';
import type { DataOf } from '../endpoints/endpoint.ts';

const usd = (microCents: number): number => microCents / MICRO_CENTS_PER_USD;

export const presentBudget = ({ budget, workspace }: ShownBudget): DataOf<'readSiteBudget'> => ({
  scope: budget.siteId === null ? 'workspace' : 'site',
  period: budget.period,
  amount_usd: usd(budget.amountMicroCents),
  action: budget.action,
  spent_usd: usd(budget.spentMicroCents),
  reserved_usd: usd(budget.reservedMicroCents),
  remaining_usd: usd(budget.remainingMicroCents),
  resets_at: resetsAt(budget, workspace.timeZone).toISOString(),
  paused: workspace.billingMode === 'managed',
  changed_at: budget.changedAt,
  changed_by: budget.changedBy,
});
