import { BrokerError } from '../broker-error.ts';
import type { SiteId } from '../identifiers.ts';
import type { BillingMode } from '../tenancy/workspace.ts';
import { addEntries, isZeroEntry, type LedgerEntry, NO_ENTRY } from './ledger.ts';

/** Reading the totals: the days, and the grouping. docs/usage.md explains each number. */

/** Columns by which rows of usage can be grouped. */
export const USAGE_GROUPS = ['day', 'site', 'model', 'mode'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** How long session usage is kept, days; the totals stay. */
export const USAGE_KEPT_DAYS = 400;

/** Longest range of one read, days: more than a year, and no longer than the session usage that proves it is kept. */
export const MAX_RANGE_DAYS = USAGE_KEPT_DAYS;

/**
 * Rows of one answer at most. One has up to 700 bytes in Lambda's response, which may have 6 MB:
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const MAX_USAGE_ROWS = 8_000;

const DAY_MS = 86_400_000;

/** Days of UTC, `yyyy-mm-dd`, both inclusive. */
export interface DayRange {
  readonly from: string;
  readonly to: string;
}

/** The day of `at`, UTC. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** The moment at which the day after `day` begins. */
export const endOfDay = (day: string): Date => new Date(Date.parse(day) + DAY_MS);

/**
 * Returns the requested days. `to` defaults to today, `from` to the first day of the month of `to`. Throws
 * `invalid_request` for a range that ends before it begins or is longer than MAX_RANGE_DAYS.
 */
export const dayRange = (
  asked: { readonly from?: string | undefined; readonly to?: string | undefined },
  now: Date,
): DayRange => {
  const to = asked.to ?? dayOf(now);
  const from = asked.from ?? `${to.slice(0, 7)}-01`;
  const refuse = (message: string): never => {
    throw new BrokerError('invalid_request', { details: [{ path: 'from', message }] });
  };
  if (from > to) refuse(`The range begins after its end: ${from} is later than ${to}.`);
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days > MAX_RANGE_DAYS)
    refuse(`A range has at most ${MAX_RANGE_DAYS} days; this one has ${days}. Ask for it in parts.`);
  return { from, to };
};

/** The place of a part of the totals. */
export interface UsageDimensions {
  readonly day: string;
  readonly siteId: SiteId;
  readonly model: string;
  readonly mode: BillingMode;
}

export interface DayUsage extends UsageDimensions {
  readonly entry: LedgerEntry;
}

export interface UsageSum {
  readonly entry: LedgerEntry;
  /**
   * True if the cost is not exact: with your own key OpenAI's bill decides, a session with reports that cannot be true
   * counts only in part, and one whose model has no known price not at all.
   */
  readonly estimated: boolean;
}

export interface UsageRow extends UsageSum {
  /** The places that the row sums, by what it was grouped by. */
  readonly group: Partial<UsageDimensions>;
}

const FIELD_OF_GROUP = { day: 'day', site: 'siteId', model: 'model', mode: 'mode' } as const;

/** The sum of all parts. */
export const totalUsage = (parts: readonly DayUsage[]): UsageSum => {
  const entry = parts.reduce((sum, part) => addEntries(sum, part.entry), NO_ENTRY);
  const byok = parts.some((part) => part.mode === 'byok' && !isZeroEntry(part.entry));
  const { flaggedSessions, unpricedSessions, incompleteSessions } = entry;
  return { entry, estimated: byok || flaggedSessions + unpricedSessions + incompleteSessions > 0 };
};

/** Throws `invalid_request` for more rows than one answer can have. */
export const refuseTooManyRows = ({ length }: { readonly length: number }): void => {
  if (length <= MAX_USAGE_ROWS) return;
  const message = `The answer would have ${length} rows, and the maximum is ${MAX_USAGE_ROWS}. Ask for fewer days, or leave a column out of group_by.`;
  throw new BrokerError('invalid_request', { details: [{ path: 'group_by', message }] });
};

/** One row for each combination that occurs, in ascending order of `groups`. The rows add up to totalUsage. */
export const groupUsage = (
  parts: readonly DayUsage[],
  groups: readonly UsageGroup[],
): readonly UsageRow[] => {
  const fields = groups.map((group) => FIELD_OF_GROUP[group]);
  const keyOf = (part: DayUsage): string => JSON.stringify(fields.map((field) => part[field]));
  return [
    ...Map.groupBy(
      parts.filter(({ entry }) => !isZeroEntry(entry)),
      keyOf,
    ),
  ]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, [first, ...rest]]) =>
      first === undefined
        ? []
        : [
            {
              group: Object.fromEntries(fields.map((field) => [field, first[field]])),
              ...totalUsage([first, ...rest]),
            },
          ],
    );
};
