import { BrokerError } from '../../domain/broker-error.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { authorizeSite } from './authorize.ts';
import { type DeletionPorts, deleteSite } from './delete-workspace.ts';

/**
 * Admin. The site answers `site_not_found`, effective at the next request, and its own key is shredded. Returns how
 * many live calls are being ended.
 */
export const archiveSite =
  (ports: DeletionPorts) =>
  async (caller: Caller, siteId: SiteId): Promise<number> => {
    const { site } = await authorizeSite(ports.tenancy, caller, siteId, 'admin');
    try {
      // First, so that a request that crashes between the two leaves no call without an end.
      const { workspaceId } = site;
      const ending = await ports.callEnder.end({ workspaceId, siteId }, 'site_archived');
      await deleteSite(ports, caller, site);
      return ending;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // Another person archived it at the same moment, or its workspace was written and the caller may repeat the request.
      const { site: left } = await ports.tenancy.readSiteMembership(siteId, caller.sub);
      throw left === undefined ? new BrokerError('site_not_found') : error;
    }
  };
