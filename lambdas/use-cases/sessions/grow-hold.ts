import { wantedHoldSeconds } from '../../domain/sessions/hold.ts';
import type { SessionSnapshot } from '../../domain/sessions/recorded-session.ts';
import {
  billedSecondsOf,
  hasReleasedHold,
  isOver,
  type SessionUsage,
} from '../../domain/sessions/session-usage.ts';
import { billingPeriodOf, includedSeconds, type Plan, planNamed } from '../../domain/tenancy/plan.ts';
import type { PlanNotices } from '../ports/usage.ts';

export interface GrowHoldPorts {
  readonly plans: readonly Plan[];
  readonly notices: Pick<PlanNotices, 'readPeriod'>;
}

export interface GrownHold {
  /** The usage to save. */
  readonly usage: SessionUsage;
  /** Most seconds that the period may commit, this growth included; undefined: nothing more is committed, or the plan has no cap. */
  readonly capSeconds: number | undefined;
}

/**
 * Returns `after` with more seconds of a hard-capped plan set aside if its hold is nearly used up and the plan still has seconds.
 * Nothing is written: saveUsage writes the growth with the usage, on the condition that it still fits. `before` is the usage
 * that was read.
 *
 * After the hold was released, a late report adds seconds only while the plan still has some, on the same condition. Further
 * seconds are not charged.
 */
export const growHold = async (
  { plans, notices }: GrowHoldPorts,
  workspace: SessionSnapshot['workspace'],
  before: SessionUsage,
  after: SessionUsage,
): Promise<GrownHold> => {
  const unchanged: GrownHold = { usage: after, capSeconds: undefined };
  if (before.holdSeconds === 0 || workspace === undefined) return unchanged;
  const isReleased = hasReleasedHold(before);
  if (isOver(before) && !isReleased) return unchanged;
  const held = isReleased ? before.posted.committedSeconds : before.holdSeconds;
  const wanted = isReleased ? billedSecondsOf(after) : wantedHoldSeconds(after);
  if (wanted <= held) return unchanged;
  const plan = workspace.billingMode === 'managed' ? planNamed(plans, workspace.plan) : undefined;
  // A workspace that no longer has a hard cap has no limit for this session.
  const capSeconds = (plan?.hardCap ? includedSeconds(plan) : null) ?? undefined;
  const period = billingPeriodOf(new Date(before.issuedAt));
  const free =
    capSeconds === undefined
      ? Number.POSITIVE_INFINITY
      : capSeconds - (await notices.readPeriod(before.workspaceId, period)).committedSeconds;
  const granted = Math.min(wanted, held + free);
  if (!isReleased)
    return granted <= held ? unchanged : { usage: { ...after, holdSeconds: granted }, capSeconds };
  // 0 would mean no cap; less than SHORTEST_BILLED_SECONDS is not billed.
  return granted === wanted
    ? { usage: after, capSeconds }
    : { usage: { ...after, holdSeconds: Math.max(1, held, granted) }, capSeconds };
};
