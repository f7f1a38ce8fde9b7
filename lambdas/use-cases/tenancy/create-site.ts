import { BrokerError } from '../../domain/broker-error.ts';
import { ConflictError } from '../../domain/dependency.ts';
import { newSiteId, type RandomBytes, type WorkspaceId } from '../../domain/identifiers.ts';
import { type Plan, planNamed, siteCapOf } from '../../domain/tenancy/plan.ts';
import type { Caller, Site, SiteQuota, SiteSettings, Workspace } from '../../domain/tenancy/workspace.ts';
import { refuseUnreservable } from '../budgets/refuse-unreservable.ts';
import { refuseWeakControl } from '../budgets/refuse-weak-control.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { BudgetReader } from '../ports/budgets.ts';
import type { Clock } from '../ports/runtime.ts';
import type { PublicSuffixes, Tenancy } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';
import { refuseSiteSettings } from './refuse-site-settings.ts';
import { requireRecentSignIn } from './require-recent-sign-in.ts';

/** A site without a given region gets the workspace's region. */
export type NewSiteSettings = Omit<SiteSettings, 'dataResidency'> &
  Partial<Pick<SiteSettings, 'dataResidency'>>;

/**
 * Admin. The new site mints as soon as it, or its workspace, has a key. Never one more site than the plan has room for
 * in the workspace's billing mode; a workspace that has more, because its plan or mode was changed, keeps them and gets no new one.
 */
export const createSite =
  (ports: {
    readonly tenancy: Tenancy;
    readonly auditEvents: AuditEventFactory;
    readonly clock: Clock;
    readonly random: RandomBytes;
    readonly plans: readonly Plan[];
    readonly suffixes: PublicSuffixes;
    readonly budgets: BudgetReader;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, settings: NewSiteSettings): Promise<Site> => {
    const workspace = await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'admin');
    requireRecentSignIn(caller);
    const { model, allowedOrigins, control, tools, conversation } = settings;
    refuseSiteSettings(
      { model, allowedOrigins, control, tools, conversation: { model, settings: conversation } },
      ports.suffixes,
      ports.clock(),
    );
    const dataResidency = settings.dataResidency ?? workspace.dataResidency;
    const budgets = await ports.budgets.readBudgets(workspaceId, null);
    for (const { action } of budgets) refuseWeakControl(action, [settings]);
    refuseUnreservable(budgets, { ...settings, dataResidency }, ports.clock());
    const quota = quotaIn(workspace, ports.plans);
    const site: Site = {
      siteId: newSiteId(workspaceId, ports.random),
      workspaceId,
      ...settings,
      embedKey: null,
      modelMove: null,
      retirementNotices: {},
      dataResidency,
      createdAt: ports.clock().toISOString(),
      createdBy: caller.sub,
    };
    const { siteId } = site;
    const event = await ports.auditEvents.event(caller, 'site.created', { workspaceId, siteId });
    try {
      await ports.tenancy.createSite(site, quota, event);
    } catch (error) {
      // Another person may have taken the last place: that is another error than a conflict.
      if (error instanceof ConflictError)
        quotaIn(await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'admin'), ports.plans);
      throw error;
    }
    return site;
  };

/** The number of sites that the plan allows, or the refusal if it is reached. */
const quotaIn = ({ plan, billingMode, siteCount }: Workspace, plans: readonly Plan[]): SiteQuota => {
  const maxSites = siteCapOf(planNamed(plans, plan), billingMode);
  if (maxSites !== null && siteCount >= maxSites)
    throw new BrokerError('site_limit_reached', {
      details: [
        {
          path: 'max_sites',
          message: `The plan ${plan} allows ${maxSites} sites; this workspace has ${siteCount}.`,
        },
      ],
    });
  return { plan, billingMode, maxSites };
};
