import type { SiteId } from '../domain/identifiers.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeSite } from './authorize.ts';
import { type EndingPorts, endSite } from './delete-workspace.ts';

/** Admin. The site answers `site_not_found` from the next request on, and its own key is shredded. */
export const archiveSite =
  (ports: EndingPorts) =>
  async (caller: Caller, siteId: SiteId): Promise<void> => {
    const { site } = await authorizeSite(ports.tenancy, caller, siteId, 'admin');
    await endSite(ports, caller, site);
  };
