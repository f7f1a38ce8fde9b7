import { ConflictError } from '../domain/dependency.ts';
import type { SiteId } from '../domain/identifiers.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeSite } from './authorize.ts';
import { type EndingPorts, endSite } from './delete-workspace.ts';

/** Admin. The site answers `site_not_found` from the next request on, and its own key is shredded. */
export const archiveSite =
  (ports: EndingPorts) =>
  async (caller: Caller, siteId: SiteId): Promise<void> => {
    const { site } = await authorizeSite(ports.tenancy, caller, siteId, 'admin');
    try {
      await endSite(ports, caller, site);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // Somebody else archived it at the same moment; or its workspace was written, and the caller may repeat.
      const { site: left } = await ports.tenancy.readSiteMembership(siteId, caller.sub);
      throw left === undefined ? new Refusal('site_not_found') : error;
    }
  };
