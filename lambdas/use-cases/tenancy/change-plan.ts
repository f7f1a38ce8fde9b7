import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { type Plan, planNamed } from '../../domain/tenancy/plan.ts';
import type { Caller, Workspace } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { PlanWriter, WorkspaceReader } from '../ports/tenancy.ts';

/**
 * For an operator of the deployment, without a route. Minutes, overage and the site cap are those of the new plan at the
 * next request, for the whole current billing period. Used minutes and existing sites are kept.
 */
export const changePlan =
  (ports: {
    readonly workspaces: WorkspaceReader;
    readonly planWriter: PlanWriter;
    readonly auditEvents: AuditEventFactory;
    readonly plans: readonly Plan[];
  }) =>
  async (operator: Caller, workspaceId: WorkspaceId, plan: string): Promise<Workspace> => {
    if (planNamed(ports.plans, plan) === undefined)
      throw new BrokerError('invalid_request', {
        details: [
          {
            path: 'plan',
            message: `This plan does not exist. The plans: ${ports.plans.map(({ name }) => name).join(', ')}.`,
          },
        ],
      });
    const workspace = await ports.workspaces.readWorkspace(workspaceId);
    if (workspace?.deletedAt !== null) throw new BrokerError('workspace_not_found');
    if (workspace.plan === plan) return workspace;
    const event = await ports.auditEvents.event(operator, 'workspace.plan_changed', {
      workspaceId,
      facts: { plan_before: workspace.plan, plan },
    });
    await ports.planWriter.changePlan(workspace, plan, event);
    return { ...workspace, plan };
  };
