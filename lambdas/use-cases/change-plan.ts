import type { WorkspaceId } from '../domain/identifiers.ts';
import { type Plan, planNamed } from '../domain/plan.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Caller, Workspace } from '../domain/workspace.ts';
import type { Journal, PlanWriter, WorkspaceReader } from './ports.ts';

/**
 * For an operator of the deployment; no route leads here. Minutes, overage and the site cap are the new plan's from the
 * next request on, for the whole current billing period. Minutes already used and sites already made stay.
 */
export const changePlan =
  (ports: {
    readonly workspaces: WorkspaceReader;
    readonly planWriter: PlanWriter;
    readonly journal: Journal;
    readonly plans: readonly Plan[];
  }) =>
  async (operator: Caller, workspaceId: WorkspaceId, plan: string): Promise<Workspace> => {
    if (planNamed(ports.plans, plan) === undefined)
      throw new Refusal('invalid_request', {
        details: [
          {
            path: 'plan',
            message: `There is no such plan. The plans: ${ports.plans.map(({ name }) => name).join(', ')}.`,
          },
        ],
      });
    const workspace = await ports.workspaces.readWorkspace(workspaceId);
    if (workspace?.deletedAt !== null) throw new Refusal('workspace_not_found');
    if (workspace.plan === plan) return workspace;
    const event = await ports.journal.event(operator, 'workspace.plan_changed', {
      workspaceId,
      facts: { plan_before: workspace.plan, plan },
    });
    await ports.planWriter.changePlan(workspace, plan, event);
    return { ...workspace, plan };
  };
