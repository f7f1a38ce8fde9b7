import type { WorkspaceId } from '../../domain/identifiers.ts';
import { billingPeriodOf } from '../../domain/tenancy/plan.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { compareWithPlan, type Month, type PlanComparison } from '../../domain/usage/cost-estimate.ts';
import { totalUsage, type UsageSum } from '../../domain/usage/usage.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';
import type { UsagePorts } from './read-usage.ts';

export interface OwnMonth {
  readonly period: string;
  readonly usage: UsageSum;
  readonly month: Month;
  readonly plans: readonly PlanComparison[];
}

/**
 * Viewer. The cost of this workspace's month with its own key and on each plan, for either payer: its sessions at
 * OpenAI's prices of their days, and their minutes at the plans of today.
 */
export const compareOwnMonth =
  ({ clock, tenancy, usage, plans }: UsagePorts) =>
  async (caller: Caller, workspaceId: WorkspaceId, asked: string | undefined): Promise<OwnMonth> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'viewer');
    const period = asked ?? billingPeriodOf(clock());
    const sum = totalUsage(await usage.readDays(workspaceId, { from: `${period}-01`, to: `${period}-31` }));
    const month = { seconds: sum.entry.seconds, openAiMicroCents: sum.entry.costMicroCents };
    return { period, usage: sum, month, plans: plans.map((plan) => compareWithPlan(month, plan)) };
  };
