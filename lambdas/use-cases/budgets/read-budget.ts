import { BrokerError } from '../../domain/broker-error.ts';
import { type CurrentBudget, currentBudget } from '../../domain/budgets/budget.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller, Role, Site, Workspace } from '../../domain/tenancy/workspace.ts';
import type { BudgetStore } from '../ports/budgets.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeSite, authorizeWorkspace } from '../tenancy/authorize.ts';

/** The target of a budget route. */
export type BudgetTarget = { readonly siteId: SiteId } | { readonly workspaceId: WorkspaceId };

/** A budget in the form for people. */
export interface ShownBudget {
  readonly budget: CurrentBudget;
  readonly workspace: Workspace;
  /** When it was read. */
  readonly now: Date;
}

/** The workspace and, for a site's budget, the site, if the caller holds `role`. */
export const authorizeBudget = async (
  tenancy: MembershipReader,
  caller: Caller,
  target: BudgetTarget,
  role: Role,
): Promise<{ readonly workspace: Workspace; readonly site: Site | undefined }> =>
  'siteId' in target
    ? authorizeSite(tenancy, caller, target.siteId, role)
    : { workspace: await authorizeWorkspace(tenancy, caller, target.workspaceId, role), site: undefined };

/** Viewer. The budget with its counts of the current period; `budget_not_found` where none is set. */
export const readBudget =
  ({
    tenancy,
    budgets,
    clock,
  }: {
    readonly tenancy: MembershipReader;
    readonly budgets: Pick<BudgetStore, 'readBudget'>;
    readonly clock: Clock;
  }) =>
  async (caller: Caller, target: BudgetTarget): Promise<ShownBudget> => {
    const { workspace, site } = await authorizeBudget(tenancy, caller, target, 'viewer');
    const stored = await budgets.readBudget({
      workspaceId: workspace.workspaceId,
      siteId: site?.siteId ?? null,
    });
    if (stored === undefined) throw new BrokerError('budget_not_found');
    const now = clock();
    return { budget: currentBudget(stored, now, workspace.timeZone), workspace, now };
  };
