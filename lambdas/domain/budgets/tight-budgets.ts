import type { CurrentBudget } from './budget.ts';
import { forecastMicroCents } from './budget-forecast.ts';

/** A budget is tight from this used share on, the threshold of its second notice. */
const TIGHT_SHARE = 0.8;

const usedShare = ({ amountMicroCents, remainingMicroCents }: CurrentBudget): number =>
  1 - remainingMicroCents / amountMicroCents;

/** True once 80 % of the amount is used. */
export const isTight = (budget: CurrentBudget): boolean => usedShare(budget) >= TIGHT_SHARE;

/** The budgets that are at least 80 % used or forecast to run out, the most used first. */
export const tightBudgets = (
  budgets: readonly CurrentBudget[],
  now: Date,
  timeZone: string,
): readonly CurrentBudget[] =>
  budgets
    .filter(
      (budget) =>
        isTight(budget) || (forecastMicroCents(budget, now, timeZone) ?? 0) > budget.amountMicroCents,
    )
    .toSorted((a, b) => usedShare(b) - usedShare(a));
