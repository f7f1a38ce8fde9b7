import { BrokerError } from '../../domain/broker-error.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import { loosenedSettings } from '../../domain/tenancy/loosened-settings.ts';
import type { Caller, Site, SiteChange } from '../../domain/tenancy/workspace.ts';
import { changesCost, refuseUnreservable } from '../budgets/refuse-unreservable.ts';
import { refuseWeakControl } from '../budgets/refuse-weak-control.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { BudgetReader } from '../ports/budgets.ts';
import type { Clock } from '../ports/runtime.ts';
import type { PublicSuffixes, Tenancy } from '../ports/tenancy.ts';
import { authorizeSite } from './authorize.ts';
import { refuseSiteSettings } from './refuse-site-settings.ts';
import { requireRecentSignIn } from './require-recent-sign-in.ts';

/**
 * Admin. Settings count from the next mint; a running session keeps its own. A person who goes back to the model that the
 * service moved the site from has undone the move: the site opts out, or the next run would move it again. An API token can make
 * a site stricter, but never less strict.
 */
export const changeSite =
  ({
    tenancy,
    auditEvents,
    clock,
    suffixes,
    budgets,
  }: {
    readonly budgets: BudgetReader;
    readonly tenancy: Tenancy;
    readonly auditEvents: AuditEventFactory;
    readonly clock: Clock;
    readonly suffixes: PublicSuffixes;
  }) =>
  async (caller: Caller, siteId: SiteId, change: SiteChange): Promise<Site> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'admin');
    if (caller.token !== undefined) refuseLoosened(loosenedSettings(site, change));
    if (change.allowedOrigins?.some((origin) => !site.allowedOrigins.includes(origin)))
      requireRecentSignIn(caller);
    const newModel = change.model === site.model ? undefined : change.model;
    if (change.control !== undefined && change.control !== site.control)
      for (const { action } of await budgets.readBudgets(site.workspaceId, siteId))
        refuseWeakControl(action, [{ name: change.name ?? site.name, control: change.control }]);
    const { control = site.control, tools = site.tools } = change;
    refuseSiteSettings(
      {
        model: newModel,
        allowedOrigins: change.allowedOrigins,
        control,
        tools,
        ...((newModel !== undefined || change.conversation !== undefined) && {
          conversation: {
            model: change.model ?? site.model,
            settings: change.conversation ?? site.conversation,
          },
        }),
      },
      suffixes,
      clock(),
    );
    const changed = { ...site, ...change };
    if (changesCost(site, changed))
      refuseUnreservable(await budgets.readBudgets(site.workspaceId, siteId), changed, clock());
    const undone = newModel !== undefined && newModel === site.modelMove?.from;
    const whole = {
      ...(undone && { modelAutoUpgrade: false }),
      ...change,
      ...(newModel !== undefined && site.modelMove !== null && { modelMove: null }),
    };
    const event = await auditEvents.event(caller, 'site.changed', {
      workspaceId: site.workspaceId,
      siteId,
      facts: { fields: Object.keys(change).sort().join(',') },
    });
    await refuseConflict(tenancy.changeSite(site, whole, event));
    return { ...site, ...whole };
  };

/** A leaked API token must not let strangers use the key of the workspace, nor for longer than the token is valid. */
const refuseLoosened = (settings: readonly string[]): void => {
  if (settings.length === 0) return;
  throw new BrokerError('api_token_not_allowed', {
    details: settings.map((path) => ({
      path,
      message: 'An API token cannot make this setting less strict. Only a person can.',
    })),
  });
};
