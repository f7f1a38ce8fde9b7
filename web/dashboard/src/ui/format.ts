/** How the dashboard writes numbers and times: in the browser's language, times in its own zone, which each of them names. */

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const MINUTE = {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
} as const;
const dateTime = new Intl.DateTimeFormat(undefined, MINUTE);
const dateTimeExact = new Intl.DateTimeFormat(undefined, { ...MINUTE, second: '2-digit' });

/** The zone that times are shown in. */
export const timeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const dayShort = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', timeZone: 'UTC' });

export const formatNumber = (value: number): string => number.format(value);
export const formatWhole = (value: number): string => whole.format(value);

/** `1 session`, `1,200 sessions` */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${formatWhole(count)} ${count === 1 ? one : many}`;

/** The smallest amount that is written in digits, US dollars. */
const LEAST_DOLLARS = 0.0001;
/** From here on, two digits after the point. Just below it, four digits would round to `$1.0000`. */
const WHOLE_DOLLARS = 0.99995;

/** US dollars from cents. An amount that is not zero never looks like zero: `<$0.0001`. */
export const formatCents = (cents: number): string => {
  const dollars = cents / 100;
  const size = Math.abs(dollars);
  if (size > 0 && size < LEAST_DOLLARS) return `${dollars < 0 ? '>-' : '<'}$${LEAST_DOLLARS}`;
  const digits = size > 0 && size < WHOLE_DOLLARS ? 4 : 2;
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(dollars);
};

export const formatUsd = (dollars: number): string => formatCents(dollars * 100);

export const formatTime = (iso: string | null | undefined): string =>
  iso === null || iso === undefined ? 'never' : dateTime.format(new Date(iso));
export const formatExactTime = (iso: string): string => dateTimeExact.format(new Date(iso));

/** A day `YYYY-MM-DD`, which is a day in UTC. */
export const formatDay = (isoDay: string): string => day.format(new Date(`${isoDay}T00:00:00Z`));
export const formatShortDay = (isoDay: string): string => dayShort.format(new Date(`${isoDay}T00:00:00Z`));

const month = new Intl.DateTimeFormat(undefined, { month: 'long', year: 'numeric', timeZone: 'UTC' });
/** A month `YYYY-MM`, UTC. */
export const formatMonth = (isoMonth: string): string => month.format(new Date(`${isoMonth}-01T00:00:00Z`));

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** True for a day of the calendar, `YYYY-MM-DD`. An address can contain any text. */
export const isDay = (text: string): boolean =>
  DAY.test(text) &&
  !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) &&
  // Browsers take February 30 for March 2.
  new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);

/** `2 min 5 s` */
export const formatSeconds = (seconds: number): string => {
  const rounded = Math.round(seconds);
  const minutes = Math.floor(rounded / 60);
  return minutes === 0 ? `${rounded} s` : `${formatWhole(minutes)} min ${rounded % 60} s`;
};

/** `site.created` → `Site created` */
export const formatCode = (code: string): string => {
  const words = code.replace(/[._]/g, ' ').replace(/\bopenai\b/gi, 'OpenAI');
  return words.charAt(0).toUpperCase() + words.slice(1);
};
