import type { SessionUsage } from './session-usage.ts';

/**
 * Client secrets of a managed site whose sessions never reported, in one UTC day. After this many the site opens calls only
 * until the day ends: the cost of a client secret is known only from reports.
 */
export const MOST_SILENT_SESSIONS = 20;

/** The UTC day that a session counts for, `yyyy-mm-dd`. */
export const silentDayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** True for a closed session that the platform key may have paid for, and that never sent a signed request. */
export const isUnreported = ({ mode, openedWith, silent, pace }: SessionUsage): boolean =>
  mode === 'managed' && openedWith === 'token' && silent && pace.requests === 0;
