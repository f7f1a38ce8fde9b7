import type { AuditEventType, AuditRow } from '../../domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { filteredPage } from '../filtered-page.ts';
import type { AuditLog } from '../ports/audit.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

export interface AuditFilter {
  readonly type?: AuditEventType | undefined;
  readonly actor?: string | undefined;
  readonly siteId?: string | undefined;
  /** RFC 3339, inclusive. */
  readonly from?: string | undefined;
  /** RFC 3339, exclusive. */
  readonly to?: string | undefined;
}

const READ_PAGE = 200;

/** Owner. The trail, newest first. */
export const listAuditTrail =
  (ports: { readonly tenancy: MembershipReader; readonly audit: AuditLog }) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    filter: AuditFilter,
    request: PageRequest,
  ): Promise<Page<AuditRow>> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'owner');
    return filteredPage(request, {
      readSize: READ_PAGE,
      read: (page) => ports.audit.listRows(workspaceId, page, 'newest_first'),
      matches: (row) => matches(row, filter),
      positionOf: (row) => ports.audit.positionOf(row),
    });
  };

const matches = (row: AuditRow, { type, actor, siteId, from, to }: AuditFilter): boolean =>
  (type === undefined || row.type === type) &&
  (actor === undefined || row.actor === actor) &&
  (siteId === undefined || row.siteId === siteId) &&
  // As instants, not as text: the contract leaves the number of fraction digits to the caller.
  (from === undefined || Date.parse(row.at) >= Date.parse(from)) &&
  (to === undefined || Date.parse(row.at) < Date.parse(to));
