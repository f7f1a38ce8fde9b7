import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import { type Plan, planNamed } from '../../domain/tenancy/plan.ts';
import type { Caller, Workspace } from '../../domain/tenancy/workspace.ts';
import type { PeriodUsage } from '../../domain/usage/period-usage.ts';
import {
  type DayRange,
  dayRange,
  groupUsage,
  refuseTooManyRows,
  totalUsage,
  type UsageGroup,
  type UsageRow,
  type UsageSum,
} from '../../domain/usage/usage.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import type { UsageReader } from '../ports/usage.ts';
import { authorizeSite, authorizeWorkspace } from '../tenancy/authorize.ts';

export interface UsagePorts {
  readonly clock: Clock;
  readonly tenancy: MembershipReader;
  readonly usage: UsageReader;
  readonly plans: readonly Plan[];
}

export interface UsageQuestion {
  /** Days of UTC, both inclusive. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly groupBy: readonly UsageGroup[];
}

export interface UsageReport extends DayRange {
  readonly groupBy: readonly UsageGroup[];
  readonly rows: readonly UsageRow[];
  readonly totals: UsageSum;
  readonly plan: PlanUsage;
}

/** The used part of the plan by all sites of the workspace together. */
export interface PlanUsage extends Pick<PeriodUsage, 'usedSeconds' | 'notices'> {
  readonly name: string;
  /** undefined for a plan that the deployment does not have. */
  readonly plan: Plan | undefined;
  /** The month of the last day asked for, `yyyy-mm`. */
  readonly period: string;
}

/** Viewer. The usage of a workspace or of one of its sites. Throws `invalid_request` for an impossible range and too many rows. */
export const readUsage =
  (ports: UsagePorts) =>
  async (
    caller: Caller,
    of: { readonly workspaceId: WorkspaceId } | { readonly siteId: SiteId },
    question: UsageQuestion,
  ): Promise<UsageReport> => {
    const { workspace, siteId } = await authorized(ports.tenancy, caller, of);
    const { groupBy } = question;
    const days = dayRange(question, ports.clock());
    const period = days.to.slice(0, 7);
    const [all, { usedSeconds, notices }] = await Promise.all([
      ports.usage.readDays(workspace.workspaceId, days),
      ports.usage.readPeriod(workspace.workspaceId, period),
    ]);
    const parts = siteId === undefined ? all : all.filter((part) => part.siteId === siteId);
    const rows = groupUsage(parts, groupBy);
    refuseTooManyRows(rows);
    const plan = planNamed(ports.plans, workspace.plan);
    return {
      ...days,
      groupBy,
      rows,
      totals: totalUsage(parts),
      plan: { name: workspace.plan, plan, period, usedSeconds, notices },
    };
  };

const authorized = async (
  tenancy: MembershipReader,
  caller: Caller,
  of: { readonly workspaceId: WorkspaceId } | { readonly siteId: SiteId },
): Promise<{ readonly workspace: Workspace; readonly siteId: SiteId | undefined }> => {
  if ('workspaceId' in of)
    return {
      workspace: await authorizeWorkspace(tenancy, caller, of.workspaceId, 'viewer'),
      siteId: undefined,
    };
  const { workspace } = await authorizeSite(tenancy, caller, of.siteId, 'viewer');
  return { workspace, siteId: of.siteId };
};
