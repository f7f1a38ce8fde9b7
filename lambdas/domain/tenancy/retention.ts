/** How long a workspace keeps its sessions and its errors. Neither limits the audit trail or the totals of usage. */

/** Days that a session is kept, with its usage, its receipt and each opening of a key for it. */
export const SESSION_DAYS = { min: 30, max: 400, default: 400 } as const;

/** Days that an error is kept after it last happened. */
export const ERROR_DAYS = { min: 7, max: 90, default: 30 } as const;

export interface RetentionSetting {
  readonly sessionDays: number;
  readonly errorDays: number;
}

export interface Retention extends RetentionSetting {
  /** RFC 3339; null: never changed since the workspace was created. Older items keep the time that they were stored with. */
  readonly changedAt: string | null;
}

export const DEFAULT_RETENTION: Retention = {
  sessionDays: SESSION_DAYS.default,
  errorDays: ERROR_DAYS.default,
  changedAt: null,
};

const DAY_SECONDS = 86_400;

const dayBefore = (now: Date, days: number): string =>
  new Date(now.getTime() - days * DAY_SECONDS * 1_000).toISOString().slice(0, 10);

/** When an item of `at` expires, unix seconds. @param days Default: the longest time of a session. */
export const expiryOf = (at: string, days: number = SESSION_DAYS.default): number =>
  Math.floor(Date.parse(at) / 1_000) + days * DAY_SECONDS;

/** True if the session is still kept. DynamoDB may delete it days after its time. */
export const isKept = (
  { createdAt, keptDays }: { readonly createdAt: string; readonly keptDays?: number | undefined },
  now: Date,
): boolean => expiryOf(createdAt, keptDays) > now.getTime() / 1_000;

/**
 * The first day (UTC) of which all usage records are stored, with a margin of a day. Sessions from before the last change may
 * have had the shortest time.
 */
export const firstCompleteDay = ({ sessionDays, changedAt }: Retention, now: Date): string => {
  const kept = dayBefore(now, sessionDays - 2);
  if (changedAt === null) return kept;
  const shortest = dayBefore(now, SESSION_DAYS.min - 2);
  const afterChange = dayBefore(new Date(changedAt), -1);
  const safe = afterChange < shortest ? afterChange : shortest;
  return safe > kept ? safe : kept;
};
