import { ConflictError } from '../../domain/dependency.ts';
import type { RandomBytes } from '../../domain/identifiers.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import {
  billingPeriodOf,
  NOTICE_PERCENTS,
  type Plan,
  planNamed,
  thresholdReached,
} from '../../domain/tenancy/plan.ts';
import type { Workspace } from '../../domain/tenancy/workspace.ts';
import { systemEvent } from '../audit/system-event.ts';
import type { PlanNotices } from '../ports/usage.ts';

export interface ThresholdPorts {
  readonly random: RandomBytes;
  readonly notices: PlanNotices;
  readonly plans: readonly Plan[];
}

/**
 * Notes each threshold of the plan that the period has reached, once a period however many sessions reach it together. A notice that failed is made up for by the next report or end of any session.
 */
export const noteThresholds = async (
  { random, notices, plans }: ThresholdPorts,
  {
    session,
    workspace,
  }: {
    readonly session: Pick<ReservedSession, 'workspaceId' | 'mode' | 'createdAt'>;
    readonly workspace: Workspace | undefined;
  },
  now: Date,
): Promise<void> => {
  const plan = session.mode === 'managed' && workspace ? planNamed(plans, workspace.plan) : undefined;
  if (plan === undefined || plan.includedMinutes === null) return;
  // Read after the session's seconds are added: of two sessions that reach a threshold together, the later one sees both.
  const period = await notices.readPeriod(session.workspaceId, billingPeriodOf(new Date(session.createdAt)));
  const { usedSeconds } = period;
  const reached = thresholdReached(plan, usedSeconds);
  const due = NOTICE_PERCENTS.filter((percent) => percent <= reached && !(percent in period.notices));
  const periodName = billingPeriodOf(new Date(session.createdAt));
  for (const percent of due) {
    const event = systemEvent({ now, random }, 'system:meter', 'plan.threshold_reached', {
      workspaceId: session.workspaceId,
      siteId: null,
      facts: { percent, period: periodName, plan: plan.name, used_seconds: usedSeconds },
    });
    try {
      await notices.noteThreshold(session.workspaceId, periodName, percent, event);
    } catch (error) {
      // Another session was first.
      if (!(error instanceof ConflictError)) throw error;
    }
  }
};
