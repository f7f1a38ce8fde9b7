import { wantedHoldSeconds } from '../../domain/sessions/hold.ts';
import type { SessionSnapshot } from '../../domain/sessions/recorded-session.ts';
import { entryOf, isOver, type SessionUsage } from '../../domain/sessions/session-usage.ts';
import { billingPeriodOf, includedSeconds, type Plan, planNamed } from '../../domain/tenancy/plan.ts';
import type { SessionUsageStore } from '../ports/sessions.ts';
import type { PlanNotices } from '../ports/usage.ts';

export interface GrowHoldPorts {
  readonly plans: readonly Plan[];
  readonly notices: Pick<PlanNotices, 'readPeriod'>;
  readonly sessionUsage: Pick<SessionUsageStore, 'saveHold'>;
}

/**
 * Sets aside more of a hard-capped plan for a session whose hold runs short, as far as the plan still has seconds. Returns
 * `before` as it is stored then. `after` is the same usage with the reports of this request.
 *
 * @throws ConflictError when the usage changed, or the plan's last seconds were taken, after they were read.
 */
export const growHold = async (
  { plans, notices, sessionUsage }: GrowHoldPorts,
  workspace: SessionSnapshot['workspace'],
  before: SessionUsage,
  after: SessionUsage,
): Promise<SessionUsage> => {
  const wanted = wantedHoldSeconds(after);
  if (isOver(before) || wanted <= before.holdSeconds || workspace === undefined) return before;
  const plan = workspace.billingMode === 'managed' ? planNamed(plans, workspace.plan) : undefined;
  // A workspace that has left its hard cap meanwhile has no limit that this session could pass.
  const capSeconds = plan?.hardCap ? includedSeconds(plan) : null;
  const period = billingPeriodOf(new Date(before.issuedAt));
  const free =
    capSeconds === null
      ? Number.POSITIVE_INFINITY
      : capSeconds - (await notices.readPeriod(before.workspaceId, period)).committedSeconds;
  const holdSeconds = Math.min(wanted, before.holdSeconds + free);
  if (holdSeconds <= before.holdSeconds) return before;
  const grown = { ...before, holdSeconds };
  await sessionUsage.saveHold(grown, capSeconds);
  return { ...grown, posted: entryOf(grown), revision: grown.revision + 1 };
};
