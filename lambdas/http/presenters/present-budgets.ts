import { MICRO_CENTS_PER_USD, resetsAt } from '../../domain/budgets/budget.ts';
import { forecastMicroCents } from '../../domain/budgets/budget-forecast.ts';
import { periodStart } from '../../domain/budgets/budget-period.ts';
import type { ShownBudget } from '../../use-cases/budgets/read-budget.ts';
import type { DataOf } from '../endpoints/endpoint.ts';

const usd = (microCents: number): number => microCents / MICRO_CENTS_PER_USD;
const usdOrNull = (microCents: number | null): number | null =>
  microCents === null ? null : usd(microCents);

export const presentBudget = ({ budget, workspace, now }: ShownBudget): DataOf<'readSiteBudget'> => ({
  scope: budget.siteId === null ? 'workspace' : 'site',
  period: budget.period,
  amount_usd: usd(budget.amountMicroCents),
  action: budget.action,
  spent_usd: usd(budget.spentMicroCents),
  reserved_usd: usd(budget.reservedMicroCents),
  remaining_usd: usd(budget.remainingMicroCents),
  started_at: periodStart(budget.periodName, workspace.timeZone).toISOString(),
  resets_at: resetsAt(budget, workspace.timeZone).toISOString(),
  forecast_usd: usdOrNull(forecastMicroCents(budget, now, workspace.timeZone)),
  paused: workspace.billingMode === 'managed',
  changed_at: budget.changedAt,
  changed_by: budget.changedBy,
});

export const presentListedBudget = (shown: ShownBudget) => ({
  ...presentBudget(shown),
  site_id: shown.budget.siteId,
});
