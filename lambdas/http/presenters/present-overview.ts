import type { Overview } from '../../use-cases/usage/read-overview.ts';
import type { DataOf } from '../endpoints/endpoint.ts';
import { presentBudget, presentListedBudget } from './present-budgets.ts';
import { presentUsage } from './present-usage.ts';

export const presentOverview = ({
  at,
  month,
  budget,
  tightSiteBudgets,
  visitors,
}: Overview): DataOf<'readOverview'> => ({
  at: at.toISOString(),
  month: presentUsage(month),
  budget: budget === undefined ? null : presentBudget(budget),
  tight_site_budgets: tightSiteBudgets.map(presentListedBudget),
  visitors: { session_seen: visitors.sessionSeen, talked: visitors.talked },
});
