import type { CurrentBudget } from './budget.ts';
import { periodEnd, periodStart } from './budget-period.ts';

/** The share of a period that must have passed before its spending is used for a forecast. */
const EARLIEST_SHARE = 0.1;

/**
 * Returns the cost at the end of the period if spending continues at its current rate, whole micro-cents. null while
 * less than a tenth of the period has passed: one conversation would be multiplied by hundreds.
 */
export const forecastMicroCents = (
  { periodName, spentMicroCents }: Pick<CurrentBudget, 'periodName' | 'spentMicroCents'>,
  now: Date,
  timeZone: string,
): number | null => {
  const start = periodStart(periodName, timeZone).getTime();
  const share = (now.getTime() - start) / (periodEnd(periodName, timeZone).getTime() - start);
  return share < EARLIEST_SHARE ? null : Math.round(spentMicroCents / Math.min(1, share));
};
