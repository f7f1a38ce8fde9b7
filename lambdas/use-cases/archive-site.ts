import type { SiteId } from '../domain/identifiers.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeSite } from './authorize.ts';
import { endSite } from './delete-workspace.ts';
import type { Clock, KeyStore, TenancyEnding } from './ports.ts';

/** Admin. The site answers `site_not_found` from the next request on, and its own key is shredded. */
export const archiveSite =
  (ports: { readonly tenancy: TenancyEnding; readonly keys: KeyStore; readonly clock: Clock }) =>
  async (caller: Caller, siteId: SiteId): Promise<void> => {
    const { site } = await authorizeSite(ports.tenancy, caller, siteId, 'admin');
    await endSite(ports, caller, site);
  };
