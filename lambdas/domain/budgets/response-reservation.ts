import type { SiteId } from '../identifiers.ts';
import type { Budget, CurrentBudget } from './budget.ts';

/** The highest cost of one response, set aside in budgets before OpenAI is asked for the response. */
export interface ResponseReservation {
  /** Sent to OpenAI with the request, and returned with the response. */
  readonly id: string;
  readonly microCents: number;
  /** The budgets that reserve it. */
  readonly budgets: readonly ReservingBudget[];
  /** The call ended and the cost of the response is unknown: the whole amount counts as spent. */
  readonly lost: boolean;
}

/** One budget and the period in which it set the amount aside. */
export interface ReservingBudget {
  readonly siteId: SiteId | null;
  readonly createdAt: string | null;
  readonly periodName: string;
}

/** A change of the counts of one budget, whole micro-cents. Each may be negative. */
export interface BudgetCharge {
  readonly budget: CurrentBudget;
  readonly spentMicroCents: number;
  readonly reservedMicroCents: number;
}

const RESERVATION_ID = /^rsv_[0-9a-f]{24}$/;

export const isReservationId = (text: string): boolean => RESERVATION_ID.test(text);

/** Returns the reference of a reservation to the budget. */
export const reservingBudget = ({ siteId, createdAt, periodName }: Budget): ReservingBudget => ({
  siteId,
  createdAt,
  periodName,
});

/** True if the reference names this budget, in any period. A budget that was removed and set again is another one. */
const isOf = (named: ReservingBudget, { siteId, createdAt }: Budget): boolean =>
  named.siteId === siteId && named.createdAt === createdAt;

/** The amounts of these reservations that count in the current period of the budget. */
const amountsIn = (
  reservations: readonly ResponseReservation[],
  budget: CurrentBudget,
): { readonly lost: number; readonly reserved: number } => {
  const mine = reservations.filter(({ budgets }) =>
    budgets.some((named) => isOf(named, budget) && named.periodName === budget.periodName),
  );
  const sum = (some: readonly ResponseReservation[]): number =>
    some.reduce((total, { microCents }) => total + microCents, 0);
  return { lost: sum(mine.filter(({ lost }) => lost)), reserved: sum(mine.filter(({ lost }) => !lost)) };
};

/**
 * Returns how the counts of these budgets change when the reservations of a call change and it costs `costMicroCents` more. A
 * response counts in the period that reserved it: its cost is not added to a later one.
 */
export const budgetCharges = (
  budgets: readonly CurrentBudget[],
  costMicroCents: number,
  before: readonly ResponseReservation[],
  after: readonly ResponseReservation[],
): readonly BudgetCharge[] => {
  const settled = before.filter(({ id }) => !after.some((one) => one.id === id));
  return budgets.map((budget) => {
    const was = amountsIn(before, budget);
    const is = amountsIn(after, budget);
    const isOfPast = settled.some((one) =>
      one.budgets.some((named) => isOf(named, budget) && named.periodName !== budget.periodName),
    );
    return {
      budget,
      spentMicroCents: (isOfPast ? 0 : costMicroCents) + is.lost - was.lost,
      reservedMicroCents: is.reserved - was.reserved,
    };
  });
};

/** True if both lists have the same effect on budgets. */
export const sameReservations = (
  one: readonly ResponseReservation[],
  other: readonly ResponseReservation[],
): boolean =>
  one.length === other.length &&
  one.every(({ id, lost }, i) => id === other[i]?.id && lost === other[i]?.lost);
