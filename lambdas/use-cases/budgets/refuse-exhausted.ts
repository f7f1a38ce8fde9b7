import { BrokerError } from '../../domain/broker-error.ts';
import {
  type Budget,
  type CurrentBudget,
  currentBudget,
  isExhausted,
  resetsAt,
} from '../../domain/budgets/budget.ts';

/**
 * The refusal of a new session if one of these budgets is spent; undefined if none is. `responseMicroCents`: the
 * highest cost of the session's first response, if it is known.
 */
export const exhaustedBudget = (
  budgets: readonly Budget[],
  timeZone: string,
  now: Date,
  responseMicroCents = 0,
): BrokerError | undefined => {
  const spent = budgets
    .map((budget) => currentBudget(budget, now, timeZone))
    .filter((budget) => isExhausted(budget, responseMicroCents));
  if (spent.length === 0) return undefined;
  // Every spent budget has to begin again before the next session is opened.
  const until = Math.max(...spent.map((budget) => resetsAt(budget, timeZone).getTime()));
  return new BrokerError('budget_exhausted', {
    retryAfterSeconds: Math.max(1, Math.ceil((until - now.getTime()) / 1_000)),
  });
};

/** Throws `budget_exhausted` if one of these budgets is spent. */
export const refuseExhausted = (
  budgets: readonly CurrentBudget[],
  now: Date,
  timeZone: string,
  responseMicroCents = 0,
): void => {
  const refusal = exhaustedBudget(budgets, timeZone, now, responseMicroCents);
  if (refusal !== undefined) throw refusal;
};
