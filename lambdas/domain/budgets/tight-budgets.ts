import type { CurrentBudget } from './budget.ts';
import { forecastMicroCents } from './budget-forecast.ts';

/** The used share from which a budget is tight: the second of its notices. */
const TIGHT_SHARE = 0.8;

const usedShare = ({ amountMicroCents, remainingMicroCents }: CurrentBudget): number =>
  1 - remainingMicroCents / amountMicroCents;

/** The budgets that are used to 80 % or forecast to be used up, the fullest first. */
export const tightBudgets = (
  budgets: readonly CurrentBudget[],
  now: Date,
  timeZone: string,
): readonly CurrentBudget[] =>
  budgets
    .filter(
      (budget) =>
        usedShare(budget) >= TIGHT_SHARE ||
        (forecastMicroCents(budget, now, timeZone) ?? 0) > budget.amountMicroCents,
    )
    .toSorted((a, b) => usedShare(b) - usedShare(a));
