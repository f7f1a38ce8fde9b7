import { newSiteId, type RandomBytes, type WorkspaceId } from '../domain/identifiers.ts';
import type { Caller, Site } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { Clock, Journal, SiteSettings, Tenancy } from './ports.ts';

/** Admin. The new site mints as soon as it, or its workspace, has a key. */
export const createSite =
  (ports: {
    readonly tenancy: Tenancy;
    readonly journal: Journal;
    readonly clock: Clock;
    readonly random: RandomBytes;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, settings: SiteSettings): Promise<Site> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'admin');
    const site: Site = {
      siteId: newSiteId(workspaceId, ports.random),
      workspaceId,
      ...settings,
      createdAt: ports.clock().toISOString(),
      createdBy: caller.sub,
    };
    const { siteId } = site;
    const event = await ports.journal.event(caller, 'site.created', { workspaceId, siteId });
    await ports.tenancy.createSite(site, event);
    return site;
  };
