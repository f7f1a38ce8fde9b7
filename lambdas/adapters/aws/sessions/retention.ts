/** How long sessions and error rows are kept, seconds. The audit trail has a separate retention. */
export interface Retention {
  readonly sessionSeconds: number;
  readonly errorSeconds: number;
}

const DAY_SECONDS = 86_400;
export const DEFAULT_RETENTION: Retention = {
  sessionSeconds: 400 * DAY_SECONDS,
  errorSeconds: 30 * DAY_SECONDS,
};

export const unixSeconds = (at: string): number => Math.floor(Date.parse(at) / 1_000);
