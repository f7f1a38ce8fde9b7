import { type Budget, controlInForce } from '../../domain/budgets/budget.ts';
import type { Control } from '../../domain/calls/control.ts';
import type { Site, Workspace } from '../../domain/tenancy/workspace.ts';

/** Returns the control that currently applies to the site. Budgets pause while the platform pays. */
export const controlOf = (
  site: Pick<Site, 'control'>,
  workspace: Pick<Workspace, 'billingMode'>,
  budgets: readonly Budget[],
): Control => (workspace.billingMode === 'byok' ? controlInForce(site.control, budgets) : site.control);
