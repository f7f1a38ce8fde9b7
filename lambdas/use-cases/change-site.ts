import type { SiteId } from '../domain/identifiers.ts';
import type { Caller, Site } from '../domain/workspace.ts';
import { authorizeSite } from './authorize.ts';
import type { SiteChange, Tenancy } from './ports.ts';
import { refuseConflict } from './save-member.ts';

/** Admin. Settings count from the next mint; a running session keeps its own. */
export const changeSite =
  ({ tenancy }: { readonly tenancy: Tenancy }) =>
  async (caller: Caller, siteId: SiteId, change: SiteChange): Promise<Site> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'admin');
    await refuseConflict(tenancy.changeSite(site, change));
    return { ...site, ...change };
  };
