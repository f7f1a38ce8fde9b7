/**
 * Periods of budgets: local days and months of a time zone. A period is named by its local date (`2026-11-30`) or month
 * (`2026-11`); the names of one kind sort as the periods do.
 */

export const BUDGET_PERIODS = ['day', 'month'] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

/** The time zone of a workspace that has not chosen one. */
export const DEFAULT_TIME_ZONE = 'UTC';

const formatters = new Map<string, Intl.DateTimeFormat>();

const formatterOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  formatters.set(timeZone, made);
  return made;
};

/** True for an IANA name that this runtime knows, such as `Europe/Berlin`. An offset such as `+01:00` is not one. */
export const isTimeZone = (text: string): boolean => {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

/** The local date at `at`, `yyyy-mm-dd`. */
const localDate = (at: Date, timeZone: string): string => {
  const parts = new Map(
    formatterOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes, digits: number): string =>
    (parts.get(type) ?? '').padStart(digits, '0');
  return `${part('year', 4)}-${part('month', 2)}-${part('day', 2)}`;
};

/** The name of the period that contains `now`. */
export const periodNameOf = (now: Date, period: BudgetPeriod, timeZone: string): string =>
  localDate(now, timeZone).slice(0, period === 'day' ? 10 : 7);

const HOUR_MS = 3_600_000;
/** More than any zone is away from UTC: from -12 to +14 hours today, up to 16 in the past. */
const FARTHEST_OFFSET_MS = 16 * HOUR_MS;

/** The first instant, to the second, at which the local date is `date` or later. Local midnight may not exist. */
const firstInstantOf = (date: string, timeZone: string): Date => {
  const utcMidnight = Date.parse(`${date}T00:00:00Z`);
  let before = (utcMidnight - FARTHEST_OFFSET_MS) / 1_000;
  let after = (utcMidnight + FARTHEST_OFFSET_MS) / 1_000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (localDate(new Date(middle * 1_000), timeZone) >= date) after = middle;
    else before = middle;
  }
  return new Date(after * 1_000);
};

/** When the named period begins. */
export const periodStart = (name: string, timeZone: string): Date =>
  firstInstantOf(name.length === 7 ? `${name}-01` : name, timeZone);

/** When the named period ends and the next one begins. */
export const periodEnd = (name: string, timeZone: string): Date => {
  const [year = 0, month = 1, day] = name.split('-').map(Number);
  const next = day === undefined ? Date.UTC(year, month, 1) : Date.UTC(year, month - 1, day + 1);
  return firstInstantOf(new Date(next).toISOString().slice(0, 10), timeZone);
};
