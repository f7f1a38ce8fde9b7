/** Limits of the public routes. Identical in both billing modes. */

/** Calls that one subject may make within one clock minute, and within one second of it. */
export interface RateLimit {
  readonly perMinute: number;
  /** undefined: only the minute counts. */
  readonly perSecond?: number;
}

export interface RateLimits {
  readonly perIp: RateLimit;
  readonly perSite: RateLimit;
  /** Checks of a pasted or stored key, per workspace: a check uses the key owner's requests at OpenAI. */
  readonly probesPerWorkspace: RateLimit;
}

export const DEFAULT_RATE_LIMITS: RateLimits = {
  perIp: { perMinute: 60, perSecond: 20 },
  perSite: { perMinute: 200 },
  probesPerWorkspace: { perMinute: 10 },
};

/** The subject of a site's budget. */
export const siteBudget = (siteId: string): string => `site#${siteId}`;

/** Whole seconds until the current clock minute ends, at least 1: then a per-minute limit starts again. */
export const secondsToNextMinute = (now: Date): number =>
  Math.max(1, Math.ceil((60_000 - (now.getTime() % 60_000)) / 1_000));

/** Concurrent sessions by OpenAI usage tier, as promised on the product's page. */
const SLOTS_BY_TIER: Readonly<Record<number, number>> = { 1: 1, 2: 10, 3: 30, 4: 100, 5: 1_000 };

export const MAX_CONCURRENCY = 1_000;

/** At least one, so that a visitor is admitted on the smallest key too. */
const LEAST_SLOTS_OF_ADDRESS = 1;

/**
 * The share of a key's slots that one address may hold, per cent, so that no address takes all; a stage can change it.
 */
export const DEFAULT_ADDRESS_SLOT_PERCENT = 34;

/** Seconds of a hard-capped plan that a session holds ahead of what it has used. */
export const FIRST_HOLD_SECONDS = 120;

/** How many of a key's `limit` slots one address may hold at a time; `percent` is from 1 to 100. */
export const slotsOfAddress = (limit: number, percent: number): number =>
  Math.max(LEAST_SLOTS_OF_ADDRESS, Math.floor((limit * percent) / 100));

/**
 * How many sessions one address may run at a time on a hard-capped plan that has `remainingSeconds` left, at least 1: each
 * holds FIRST_HOLD_SECONDS ahead of what it has used, and together they hold at most `percent` of the rest. 100 per cent: no
 * limit per address.
 */
export const holdsOfAddress = (remainingSeconds: number, percent: number): number =>
  percent === 100
    ? Number.POSITIVE_INFINITY
    : Math.max(1, Math.floor((remainingSeconds * percent) / 100 / FIRST_HOLD_SECONDS));

/** The number of concurrent managed sessions: the lower of the workspace's own setting and its plan's; undefined: no limit. */
export const managedConcurrencyOf = (
  { concurrencyLimit }: { readonly concurrencyLimit: number | null },
  plan: { readonly maxConcurrent: number | null } | undefined,
): number | undefined => {
  const limits = [concurrencyLimit, plan?.maxConcurrent].flatMap((limit) => limit ?? []);
  return limits.length === 0 ? undefined : Math.min(...limits);
};

/** The number of concurrent sessions that a workspace's own setting, or else its tier, allows on one key. */
export const concurrencyLimitOf = (workspace: {
  readonly openaiTier: number;
  readonly concurrencyLimit: number | null;
}): number => workspace.concurrencyLimit ?? SLOTS_BY_TIER[workspace.openaiTier] ?? 1;
