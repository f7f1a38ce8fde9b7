import { type AuditEventType, type AuditRow, isIndexedType } from '../../domain/audit/audit-record.ts';
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

export interface AuditPage extends Page<AuditRow> {
  /** The time of the last row that was read; undefined if there is no older one. */
  readonly searchedTo: string | undefined;
}

/**
 * Owner, or an API token of an auditor. The trail, newest first. A rare type is read from its index, so that its rows are found
 * at any age.
 */
export const listAuditTrail =
  (ports: { readonly tenancy: MembershipReader; readonly audit: AuditLog }) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    filter: AuditFilter,
    request: PageRequest,
  ): Promise<AuditPage> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'auditor');
    const { type } = filter;
    const readPage = (page: PageRequest): Promise<Page<AuditRow>> =>
      type !== undefined && isIndexedType(type)
        ? ports.audit.listRowsOfType(workspaceId, type, page)
        : ports.audit.listRows(workspaceId, page, 'newest_first');
    let lastRead: AuditRow | undefined;
    const found = await filteredPage(request, {
      readSize: READ_PAGE,
      read: async (page) => {
        const rows = await readPage(page);
        lastRead = rows.items.at(-1) ?? lastRead;
        return rows;
      },
      matches: (row) => matches(row, filter),
      positionOf: (row) => ports.audit.positionOf(row),
    });
    // A full page ends between rows that were read; the next one begins there.
    const shown = found.items.length === request.limit ? found.items.at(-1) : undefined;
    return { ...found, searchedTo: found.next === undefined ? undefined : (shown ?? lastRead)?.at };
  };

const matches = (row: AuditRow, { type, actor, siteId, from, to }: AuditFilter): boolean =>
  (type === undefined || row.type === type) &&
  (actor === undefined || row.actor === actor) &&
  (siteId === undefined || row.siteId === siteId) &&
  // As instants, not as text: the contract leaves the number of fraction digits to the caller.
  (from === undefined || Date.parse(row.at) >= Date.parse(from)) &&
  (to === undefined || Date.parse(row.at) < Date.parse(to));
