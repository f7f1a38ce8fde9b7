import { FIRST_HOLD_SECONDS } from '../limits.ts';
import { durationSecondsOf, isOver, OVERTIME_SECONDS, type SessionUsage } from './session-usage.ts';

/** A hold grows once less than this is left of it, seconds: about one extra write a minute. */
const GROW_BELOW_SECONDS = 60;

/**
 * Returns the seconds that a session of a hard-capped plan should hold: what it has used and FIRST_HOLD_SECONDS more, at most
 * its longest duration; once it has ended, what it has used. Never less than it holds.
 */
export const wantedHoldSeconds = (usage: SessionUsage): number => {
  const { holdSeconds, longestSeconds } = usage;
  const used = durationSecondsOf(usage);
  if (holdSeconds === 0) return 0;
  if (!isOver(usage) && holdSeconds - used >= GROW_BELOW_SECONDS) return holdSeconds;
  const wanted = isOver(usage) ? used : used + FIRST_HOLD_SECONDS;
  return Math.max(holdSeconds, Math.min(wanted, longestSeconds - OVERTIME_SECONDS));
};

/** True if a session has used its whole hold, which could not grow because the plan is used up. */
export const holdUsedUp = (usage: SessionUsage): boolean =>
  usage.holdSeconds > 0 &&
  usage.holdSeconds < usage.longestSeconds - OVERTIME_SECONDS &&
  durationSecondsOf(usage) >= usage.holdSeconds;
