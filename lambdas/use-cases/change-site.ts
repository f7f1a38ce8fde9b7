import type { SiteId } from '../domain/identifiers.ts';
import type { Caller, Site } from '../domain/workspace.ts';
import { authorizeSite } from './authorize.ts';
import type { Journal, SiteChange, Tenancy } from './ports.ts';
import { refuseConflict } from './save-member.ts';

/** Admin. Settings count from the next mint; a running session keeps its own. */
export const changeSite =
  ({ tenancy, journal }: { readonly tenancy: Tenancy; readonly journal: Journal }) =>
  async (caller: Caller, siteId: SiteId, change: SiteChange): Promise<Site> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'admin');
    const event = await journal.event(caller, 'site.changed', {
      workspaceId: site.workspaceId,
      siteId,
      facts: { fields: Object.keys(change).sort().join(',') },
    });
    await refuseConflict(tenancy.changeSite(site, change, event));
    return { ...site, ...change };
  };
