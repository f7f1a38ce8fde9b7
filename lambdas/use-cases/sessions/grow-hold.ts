import { wantedHoldSeconds } from '../../domain/sessions/hold.ts';
import type { SessionSnapshot } from '../../domain/sessions/recorded-session.ts';
import { isOver, type SessionUsage } from '../../domain/sessions/session-usage.ts';
import { billingPeriodOf, includedSeconds, type Plan, planNamed } from '../../domain/tenancy/plan.ts';
import type { PlanNotices } from '../ports/usage.ts';

export interface GrowHoldPorts {
  readonly plans: readonly Plan[];
  readonly notices: Pick<PlanNotices, 'readPeriod'>;
}

export interface GrownHold {
  /** The usage to save. */
  readonly usage: SessionUsage;
  /** The maximum committed seconds of the period including it; undefined: the hold is unchanged, or the plan has no cap. */
  readonly capSeconds: number | undefined;
}

/**
 * Returns `after` with more seconds of a hard-capped plan set aside if its hold runs short and the plan still has seconds.
 * Nothing is written: saveUsage writes the growth with the usage, on the condition that it still fits. `before` is the usage
 * that was read.
 */
export const growHold = async (
  { plans, notices }: GrowHoldPorts,
  workspace: SessionSnapshot['workspace'],
  before: SessionUsage,
  after: SessionUsage,
): Promise<GrownHold> => {
  const unchanged: GrownHold = { usage: after, capSeconds: undefined };
  const wanted = wantedHoldSeconds(after);
  if (isOver(before) || wanted <= before.holdSeconds || workspace === undefined) return unchanged;
  const plan = workspace.billingMode === 'managed' ? planNamed(plans, workspace.plan) : undefined;
  // A workspace that has left its hard cap meanwhile has no limit that this session could pass.
  const capSeconds = (plan?.hardCap ? includedSeconds(plan) : null) ?? undefined;
  const period = billingPeriodOf(new Date(before.issuedAt));
  const free =
    capSeconds === undefined
      ? Number.POSITIVE_INFINITY
      : capSeconds - (await notices.readPeriod(before.workspaceId, period)).committedSeconds;
  const holdSeconds = Math.min(wanted, before.holdSeconds + free);
  return holdSeconds <= before.holdSeconds ? unchanged : { usage: { ...after, holdSeconds }, capSeconds };
};
