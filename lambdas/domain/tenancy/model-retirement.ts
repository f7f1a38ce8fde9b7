/**
 * Realtime models that OpenAI shuts down, when, and what replaces them. Dates: developers.openai.com/api/docs/deprecations
 * and the model list of openai-node 7.57.0. `GET /v1/models` has the same dates as `shutdown_date`, which
 * `npm run model-check` compares with this table.
 */

export interface Retirement {
  readonly model: string;
  /** The day on which OpenAI stops serving it, UTC, `YYYY-MM-DD`. */
  readonly shutdownDate: string;
  /** The model that a site is moved to. */
  readonly successor: string;
  readonly source: string;
}

const DEPRECATIONS = 'https://developers.openai.com/api/docs/deprecations';
const SDK = 'openai-node 7.57.0, src/resources/realtime/realtime.ts';

const retirement = (
  model: string,
  shutdownDate: string,
  successor: string,
  source = DEPRECATIONS,
): Retirement => ({
  model,
  shutdownDate,
  successor,
  source,
});

/** A successor is of the same size: a mini model is never replaced by a large one, which costs three times as much. */
export const RETIREMENTS: readonly Retirement[] = [
  retirement('gpt-realtime', '2027-01-20', 'gpt-realtime-2.1', SDK),
  retirement('gpt-realtime-2025-08-28', '2027-01-20', 'gpt-realtime-2.1', SDK),
  retirement('gpt-realtime-mini', '2027-01-20', 'gpt-realtime-2.1-mini', SDK),
  retirement('gpt-realtime-mini-2025-12-15', '2027-01-20', 'gpt-realtime-2.1-mini', SDK),
  retirement('gpt-realtime-mini-2025-10-06', '2026-07-23', 'gpt-realtime-2.1-mini'),
  retirement('gpt-4o-mini-realtime-preview-2024-12-17', '2026-07-23', 'gpt-realtime-2.1-mini'),
  retirement('gpt-4o-mini-realtime-preview', '2026-05-07', 'gpt-realtime-2.1-mini'),
  retirement('gpt-4o-realtime', '2026-05-07', 'gpt-realtime-2.1'),
  retirement('gpt-4o-realtime-preview', '2026-05-07', 'gpt-realtime-2.1'),
  retirement('gpt-4o-realtime-preview-2024-10-01', '2026-05-07', 'gpt-realtime-2.1'),
  retirement('gpt-4o-realtime-preview-2024-12-17', '2026-05-07', 'gpt-realtime-2.1'),
  retirement('gpt-4o-realtime-preview-2025-06-03', '2026-05-07', 'gpt-realtime-2.1'),
];

/** Owners are notified this many days before a model shuts down. */
export const NOTICE_DAYS = [60, 30, 7] as const;

const DAY_MS = 86_400_000;

/** A site is moved on the day before its model shuts down. */
const MOVE_DAYS_BEFORE = 1;

const startOf = ({ shutdownDate }: Retirement): number => Date.parse(`${shutdownDate}T00:00:00Z`);

/** The announced end of `model`; undefined while none is announced. */
export const retirementOf = (model: string): Retirement | undefined =>
  RETIREMENTS.find((one) => one.model === model);

/** True from the first second of the shutdown date, UTC. */
export const isShutDown = (retirement: Retirement, now: Date): boolean =>
  now.getTime() >= startOf(retirement);

/** Days until the shutdown date begins, rounded up; 0 or less once it has. */
export const daysUntilShutdown = (retirement: Retirement, now: Date): number =>
  Math.ceil((startOf(retirement) - now.getTime()) / DAY_MS);

/** The first day on which a site is moved, `YYYY-MM-DD`. */
export const moveDateOf = (retirement: Retirement): string =>
  new Date(startOf(retirement) - MOVE_DAYS_BEFORE * DAY_MS).toISOString().slice(0, 10);

/** The settings of a site that decide on its model. */
export interface SiteModel {
  readonly model: string;
  /** false: the owner chooses the next model, and the site stops with the old one. */
  readonly modelAutoUpgrade: boolean;
}

/** The retirement for which the site is moved now; undefined: it keeps its model. */
export const moveDue = (site: SiteModel, now: Date): Retirement | undefined => {
  const retirement = site.modelAutoUpgrade ? retirementOf(site.model) : undefined;
  return retirement !== undefined && now.getTime() >= startOf(retirement) - MOVE_DAYS_BEFORE * DAY_MS
    ? retirement
    : undefined;
};

/** The model that a session of the site uses: the successor of a model that is shut down, unless the site opted out. */
export const modelInUse = (site: SiteModel, now: Date): string => {
  const retirement = site.modelAutoUpgrade ? retirementOf(site.model) : undefined;
  if (retirement === undefined || !isShutDown(retirement, now)) return site.model;
  return modelInUse({ ...site, model: retirement.successor }, now);
};

/**
 * The notice that is due for the site's model: of 60, 30 and 7 days the nearest one that has been reached. undefined
 * if none is due, or if `noticed`, by model, shows that this or a nearer one was sent. A nearer notice replaces the earlier ones:
 * nobody gets three for one model on one day.
 */
export const noticeDue = (
  { model, noticed }: { readonly model: string; readonly noticed: Readonly<Record<string, number>> },
  now: Date,
): { readonly retirement: Retirement; readonly days: number } | undefined => {
  const retirement = retirementOf(model);
  if (retirement === undefined) return undefined;
  const left = daysUntilShutdown(retirement, now);
  const days = NOTICE_DAYS.findLast((threshold) => left <= threshold);
  const sent = Object.hasOwn(noticed, model) ? noticed[model] : undefined;
  if (days === undefined || (sent !== undefined && sent <= days)) return undefined;
  return { retirement, days };
};
