import type { SiteId } from '../../domain/identifiers.ts';
import type { Caller, Site, SiteChange } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Tenancy } from '../ports/tenancy.ts';
import { authorizeSite } from './authorize.ts';

/** Admin. Settings count from the next mint; a running session keeps its own. */
export const changeSite =
  ({ tenancy, auditEvents }: { readonly tenancy: Tenancy; readonly auditEvents: AuditEventFactory }) =>
  async (caller: Caller, siteId: SiteId, change: SiteChange): Promise<Site> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'admin');
    const event = await auditEvents.event(caller, 'site.changed', {
      workspaceId: site.workspaceId,
      siteId,
      facts: { fields: Object.keys(change).sort().join(',') },
    });
    await refuseConflict(tenancy.changeSite(site, change, event));
    return { ...site, ...change };
  };
