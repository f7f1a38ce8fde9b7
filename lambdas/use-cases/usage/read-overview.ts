import { type CurrentBudget, currentBudget } from '../../domain/budgets/budget.ts';
import { tightBudgets } from '../../domain/budgets/tight-budgets.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller, Workspace } from '../../domain/tenancy/workspace.ts';
import type { ShownBudget } from '../budgets/read-budget.ts';
import type { BudgetLister, BudgetStore } from '../ports/budgets.ts';
import type { SessionReader } from '../ports/sessions.ts';
import type { MembershipReader, SiteLister, SiteReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';
import { findVisitors, type Visitors } from './find-visitors.ts';
import { readUsage, type UsagePorts, type UsageReport } from './read-usage.ts';

export interface OverviewPorts extends UsagePorts {
  readonly tenancy: MembershipReader & SiteReader & SiteLister;
  readonly budgets: Pick<BudgetStore, 'readBudget'> & BudgetLister;
  readonly sessions: Pick<SessionReader, 'listSessions' | 'readSessionUsage'>;
}

export interface Overview {
  readonly at: Date;
  readonly month: UsageReport;
  readonly budget: ShownBudget | undefined;
  readonly tightSiteBudgets: readonly ShownBudget[];
  readonly visitors: Visitors;
}

/** Budgets read at a time. */
const BUDGETS_READ = 100;

/** Maximum number of site budgets that are shown. */
const SHOWN_BUDGETS = 20;

/**
 * Viewer. A workspace at a glance. The number of reads depends on its sites and on the days of the month, and not on its
 * sessions.
 */
export const readOverview =
  (ports: OverviewPorts) =>
  async (caller: Caller, workspaceId: WorkspaceId, ownOrigin: string | undefined): Promise<Overview> => {
    const workspace = await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'viewer');
    const at = ports.clock();
    const [month, own, tightSiteBudgets, visitors] = await Promise.all([
      readUsage(ports)(caller, { workspaceId }, { groupBy: ['day'] }),
      ports.budgets.readBudget({ workspaceId, siteId: null }),
      tightOfSites(ports, workspace, at),
      findVisitors(ports, workspaceId, ownOrigin),
    ]);
    const shown = (budget: CurrentBudget): ShownBudget => ({ budget, workspace, now: at });
    return {
      at,
      month,
      budget: own && shown(currentBudget(own, at, workspace.timeZone)),
      tightSiteBudgets: tightSiteBudgets.map(shown),
      visitors,
    };
  };

/** An archived site keeps its budget, but nothing counts against it. */
const tightOfSites = async (
  { budgets, tenancy }: OverviewPorts,
  { workspaceId, timeZone }: Workspace,
  now: Date,
): Promise<readonly CurrentBudget[]> => {
  const ofSites: CurrentBudget[] = [];
  let after: string | undefined;
  do {
    const page = await budgets.listBudgets(workspaceId, { limit: BUDGETS_READ, after });
    for (const stored of page.items)
      if (stored.siteId !== null) ofSites.push(currentBudget(stored, now, timeZone));
    after = page.next;
  } while (after !== undefined);
  const fullest = tightBudgets(ofSites, now, timeZone);
  const kept: CurrentBudget[] = [];
  for (let first = 0; first < fullest.length && kept.length < SHOWN_BUDGETS; first += SHOWN_BUDGETS) {
    const together = fullest.slice(first, first + SHOWN_BUDGETS);
    const sites = await Promise.all(
      together.map(({ siteId }) => (siteId === null ? undefined : tenancy.readSite(siteId))),
    );
    kept.push(...together.filter((_, index) => sites[index] !== undefined));
  }
  return kept.slice(0, SHOWN_BUDGETS);
};
