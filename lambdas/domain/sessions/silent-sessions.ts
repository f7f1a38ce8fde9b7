import type { SessionUsage } from './session-usage.ts';

/**
 * Client secrets of a managed site whose sessions never reported, in one UTC day. After this many the site opens calls only
 * until the day ends: what a client secret costs is known from reports alone.
 */
export const MOST_SILENT_SESSIONS = 20;

/** The UTC day that a session counts for, `yyyy-mm-dd`. */
export const silentDayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** True for a closed session that the platform's key may have paid for, and of which no signed request ever came. */
export const isUnreported = ({ mode, openedWith, silent, pace }: SessionUsage): boolean =>
  mode === 'managed' && openedWith === 'token' && silent && pace.requests === 0;
