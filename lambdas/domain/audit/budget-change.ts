import { BUDGET_NOTICE_PERCENTS } from '../budgets/budget.ts';
import { type BudgetPeriod, periodNameOf } from '../budgets/budget-period.ts';
import { type Explanation, RESTORED, type TenancyChange } from './explained-change.ts';

type Image = Readonly<Record<string, unknown>>;

/** A budget in a stream record with both images. */
export interface ChangedBudget {
  readonly pk: string;
  readonly sk: string;
  /** undefined for a new one. */
  readonly before: Image | undefined;
  /** undefined for one that was removed. */
  readonly after: Image | undefined;
  /** The time of the write by DynamoDB's clock, and the time of this examination. */
  readonly at: Date;
  readonly now: Date;
}

export interface BudgetChange {
  /** The change that needs an explanation; undefined: only counts moved, as costs move them. */
  readonly change: TenancyChange | undefined;
  /** The spent amount of this period was lowered, which the totals must confirm. */
  readonly lowered:
    | {
        readonly workspaceId: string;
        readonly siteId: string | null;
        readonly period: BudgetPeriod;
        readonly periodName: string;
      }
    | undefined;
}

const noticeOf = (percent: number): string => `notice${percent}`;
const NOTICES: readonly string[] = BUDGET_NOTICE_PERCENTS.map(noticeOf);

const SETTINGS: ReadonlySet<string> = new Set([
  'pk',
  'sk',
  'workspaceId',
  'siteId',
  'period',
  'amountMicroCents',
  'action',
  'createdAt',
  'changedAt',
  'changedBy',
  'revision',
]);

/** Attributes that costs change. */
const COUNTS: ReadonlySet<string> = new Set([
  'periodName',
  'spentMicroCents',
  'reservedMicroCents',
  'remainingMicroCents',
  'callsEndedAt',
  ...NOTICES,
]);

/** The change of a budget in the partition of a workspace. */
export const budgetChangeOf = (changed: ChangedBudget): BudgetChange => {
  const { pk, sk, before, after } = changed;
  const workspaceId = pk.slice(pk.indexOf('#') + 1);
  const siteId = sk.startsWith('SITE#') ? sk.slice('SITE#'.length) : null;
  const name = siteId === null ? 'budget of the workspace' : `budget of site ${siteId}`;
  const of = (subject: string, explanations: readonly Explanation[]): BudgetChange => ({
    change: { workspaceId, siteId, subject, explanations: [...explanations, RESTORED] },
    lowered: undefined,
  });
  const about = {
    ...(siteId !== null && { siteId }),
    facts: { scope: siteId === null ? 'workspace' : 'site' },
  };
  if (after === undefined) return of(name, [{ writer: 'manage', types: ['budget.removed'], ...about }]);
  const isPlaced = after['workspaceId'] === workspaceId && after['siteId'] === siteId;
  if (!isPlaced || (sk !== 'WORKSPACE' && siteId === null)) return of(name, []);
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after)])];
  const moved = names.filter((one) => JSON.stringify(before?.[one]) !== JSON.stringify(after[one]));
  // An expiry, for example, with which DynamoDB would remove the budget later.
  if (moved.some((one) => !COUNTS.has(one) && !SETTINGS.has(one))) return of(name, []);
  if (!addsUp(after)) return of(`counts of the ${name}`, []);
  if (moved.some((one) => SETTINGS.has(one)))
    return of(name, [{ writer: 'manage', types: ['budget.changed'], ...about, ...settingsOf(after, about) }]);
  if (before?.['periodName'] !== after['periodName'])
    return beginsPeriod(changed, after) ? NOTHING : of(`counts of the ${name}`, []);
  const [notice, ...more] = moved.filter((one) => NOTICES.includes(one));
  const isEnded = !moved.includes('callsEndedAt') || endsCalls(after);
  if (!isEnded || more.length > 0 || (notice !== undefined && before?.[notice] !== undefined))
    return of(`counts of the ${name}`, []);
  if (notice !== undefined) {
    const percent = Number(notice.slice('notice'.length));
    const explained = {
      types: ['budget.threshold_reached'],
      ...about,
      facts: { ...about.facts, percent },
    } as const;
    return of(
      `notices of the ${name}`,
      (['events', 'watch', 'manage'] as const).map((writer) => ({ writer, ...explained })),
    );
  }
  const isLowered = Number(after['spentMicroCents']) < Number(before?.['spentMicroCents']);
  const [period, periodName] = [after['period'] as BudgetPeriod, String(after['periodName'])];
  return { change: undefined, lowered: isLowered ? { workspaceId, siteId, period, periodName } : undefined };
};

const NOTHING: BudgetChange = { change: undefined, lowered: undefined };

/** The facts and the actor in the event of these settings. */
const settingsOf = (after: Image, { facts }: { readonly facts: Explanation['facts'] }) => ({
  actor: String(after['changedBy']),
  facts: {
    ...facts,
    period: String(after['period']),
    action: String(after['action']),
    amount_micro_cents: Number(after['amountMicroCents']),
  },
});

/** Every write of the product fulfils this. */
const addsUp = (after: Image): boolean => {
  const [amount, spent, reserved, remaining] = [
    after['amountMicroCents'],
    after['spentMicroCents'],
    after['reservedMicroCents'],
    after['remainingMicroCents'],
  ].map((value) => (typeof value === 'number' ? value : Number.NaN)) as [number, number, number, number];
  return remaining === amount - spent - reserved && reserved >= 0;
};

const endsCalls = (after: Image): boolean =>
  after['action'] === 'end_calls' && Number(after['remainingMicroCents']) <= 0 && 'callsEndedAt' in after;

const HOUR_MS = 3_600_000;
/** Time zones are at most this far behind and ahead of UTC, hours. A write that is tried again adds minutes. */
const [BEHIND_HOURS, AHEAD_HOURS] = [12.5, 14];

/** True if a current period begins after an earlier one, without the marks of the earlier one. */
const beginsPeriod = ({ before, at, now }: ChangedBudget, after: Image): boolean => {
  const name = String(after['periodName']);
  const nameAt = (ms: number): string => periodNameOf(new Date(ms), after['period'] as BudgetPeriod, 'UTC');
  const latestMs = Math.max(at.getTime(), now.getTime());
  const earliestMs = Math.min(at.getTime(), now.getTime());
  return (
    name > String(before?.['periodName']) &&
    name >= nameAt(earliestMs - BEHIND_HOURS * HOUR_MS) &&
    name <= nameAt(latestMs + AHEAD_HOURS * HOUR_MS) &&
    !['callsEndedAt', ...NOTICES].some((mark) => mark in after)
  );
};
