import type { Control } from '../calls/control.ts';
import type { SiteId, WorkspaceId } from '../identifiers.ts';
import type { NoticePercent } from '../tenancy/plan.ts';
import { type BudgetPeriod, periodEnd, periodNameOf } from './budget-period.ts';

/**
 * The amount that an owner allows own keys to cost in a day or a month, for one site or the whole workspace. Amounts are whole
 * micro-cents: 1 USD is 100,000,000.
 */

export const BUDGET_ACTIONS = ['notify', 'refuse', 'end_calls', 'never_exceed'] as const;
export type BudgetAction = (typeof BUDGET_ACTIONS)[number];

export const MICRO_CENTS_PER_USD = 100_000_000;

/** The subject of a budget: one site, or the workspace where `siteId` is null. */
export interface BudgetScope {
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId | null;
}

export interface BudgetSettings {
  readonly period: BudgetPeriod;
  readonly amountMicroCents: number;
  readonly action: BudgetAction;
}

/** A budget as it is stored. Its counts belong to the period `periodName`. */
export interface Budget extends BudgetScope, BudgetSettings {
  readonly periodName: string;
  readonly spentMicroCents: number;
  /** Highest possible cost of responses that have not ended yet. */
  readonly reservedMicroCents: number;
  /** Amount minus spent minus reserved; negative once the amount is exceeded. */
  readonly remainingMicroCents: number;
  /** When the notice of each threshold was recorded, RFC 3339. */
  readonly notices: Readonly<Partial<Record<NoticePercent, string>>>;
  /** When the running calls were ended because the amount was spent; null: they were not. */
  readonly callsEndedAt: string | null;
  /** When it was first set, RFC 3339: another budget of the scope has another time. null: set before this field existed. */
  readonly createdAt: string | null;
  readonly changedAt: string;
  readonly changedBy: string;
  /** Grows with each change by a person; costs do not change it. */
  readonly revision: number;
}

/** A budget at a moment: its counts are those of the current period. */
export interface CurrentBudget extends Budget {
  /** The period that the stored counts are of. Differs from `periodName` until the first cost of a new period. */
  readonly storedPeriodName: string;
}

/**
 * The budget in the period that contains `now`. A period never goes back: if the workspace moved to a time zone in
 * which it is still yesterday, the period that has begun continues.
 */
export const currentBudget = (stored: Budget, now: Date, timeZone: string): CurrentBudget => {
  const { periodName: storedPeriodName } = stored;
  const periodName = periodNameOf(now, stored.period, timeZone);
  if (periodName <= storedPeriodName) return { ...stored, storedPeriodName };
  return {
    ...stored,
    periodName,
    storedPeriodName,
    spentMicroCents: 0,
    reservedMicroCents: 0,
    remainingMicroCents: stored.amountMicroCents,
    notices: {},
    callsEndedAt: null,
  };
};

/** Returns when the counts restart at zero: the start of the next period. */
export const resetsAt = ({ periodName }: Pick<CurrentBudget, 'periodName'>, timeZone: string): Date =>
  periodEnd(periodName, timeZone);

/** Shares of the amount at which the owners get a notice, percent. */
export const BUDGET_NOTICE_PERCENTS = [50, 80, 100] as const satisfies readonly NoticePercent[];

/** The thresholds that are reached and have no notice yet, ascending. */
export const dueNotices = ({
  spentMicroCents,
  amountMicroCents,
  notices,
}: Budget): readonly NoticePercent[] =>
  BUDGET_NOTICE_PERCENTS.filter(
    (percent) => spentMicroCents * 100 >= amountMicroCents * percent && notices[percent] === undefined,
  );

/**
 * True when no session may be opened: the amount is spent, and the budget does more than notify. With `never_exceed` also if
 * the rest is less than the highest cost of one response.
 */
export const isExhausted = (
  { action, amountMicroCents, spentMicroCents, remainingMicroCents }: Budget,
  responseMicroCents = 0,
): boolean =>
  action !== 'notify' &&
  (remainingMicroCents <= 0 ||
    (action === 'never_exceed' && amountMicroCents - spentMicroCents < responseMicroCents));

/** True when live calls must be ended and were not ended yet. */
export const endsCalls = (budget: Budget): boolean =>
  budget.action === 'end_calls' && budget.remainingMicroCents <= 0 && budget.callsEndedAt === null;

/** True when no response may run any more once `costMicroCents` is charged as well. */
export const isSpentWith = (
  { action, remainingMicroCents }: Pick<Budget, 'action' | 'remainingMicroCents'>,
  costMicroCents: number,
): boolean => action === 'end_calls' && remainingMicroCents - costMicroCents <= 0;

const REQUIRED_CONTROL: Readonly<Record<BudgetAction, Control>> = {
  notify: 'open',
  refuse: 'open',
  end_calls: 'brokered',
  never_exceed: 'locked',
};

const STRICTNESS: Readonly<Record<Control, number>> = { open: 0, brokered: 1, locked: 2 };

/** The weakest `control` that a site under a budget with this action may have. */
export const requiredControl = (action: BudgetAction): Control => REQUIRED_CONTROL[action];

export const isWeaker = (control: Control, than: Control): boolean => STRICTNESS[control] < STRICTNESS[than];

/** True for actions that count costs while a call runs, which only a watcher can. */
export const needsWatcher = (action: BudgetAction): boolean =>
  action === 'end_calls' || action === 'never_exceed';

/**
 * The site's control, or the stricter one that a budget requires. The two differ only if a site and a budget were
 * changed at the same moment.
 */
export const controlInForce = (control: Control, budgets: readonly Pick<Budget, 'action'>[]): Control =>
  budgets
    .map(({ action }) => requiredControl(action))
    .reduce((strictest, required) => (isWeaker(strictest, required) ? required : strictest), control);
