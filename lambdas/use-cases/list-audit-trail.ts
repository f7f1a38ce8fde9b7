import type { AuditEventType, AuditRow } from '../domain/audit-record.ts';
import type { WorkspaceId } from '../domain/identifiers.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { AuditLog, MembershipReader, Page, PageRequest } from './ports.ts';

export interface AuditFilter {
  readonly type?: AuditEventType | undefined;
  readonly actor?: string | undefined;
  readonly siteId?: string | undefined;
  /** RFC 3339, inclusive. */
  readonly from?: string | undefined;
  /** RFC 3339, exclusive. */
  readonly to?: string | undefined;
}

/** Rows looked at for one page at most, so that a narrow filter over a long trail stays quick; the cursor goes on. */
const MAX_ROWS_READ = 2_000;
const READ_PAGE = 200;

/** Owner. The trail, newest first. A page may be shorter than asked for; the cursor, not the length, says whether more follows. */
export const listAuditTrail =
  (ports: { readonly tenancy: MembershipReader; readonly audit: AuditLog }) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    filter: AuditFilter,
    request: PageRequest,
  ): Promise<Page<AuditRow>> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'owner');
    const items: AuditRow[] = [];
    let after = request.after;
    for (let read = 0; read < MAX_ROWS_READ; ) {
      const page = await ports.audit.listRows(workspaceId, { limit: READ_PAGE, after }, 'newest_first');
      for (const row of page.items) {
        if (matches(row, filter)) items.push(row);
        if (items.length === request.limit && row !== page.items.at(-1))
          return { items, next: ports.audit.positionOf(row) };
      }
      if (page.next === undefined || items.length === request.limit) return { items, next: page.next };
      read += page.items.length;
      after = page.next;
    }
    return { items, next: after };
  };

const matches = (row: AuditRow, { type, actor, siteId, from, to }: AuditFilter): boolean =>
  (type === undefined || row.type === type) &&
  (actor === undefined || row.actor === actor) &&
  (siteId === undefined || row.siteId === siteId) &&
  // As instants, not as text: the contract leaves the number of fraction digits to the caller.
  (from === undefined || Date.parse(row.at) >= Date.parse(from)) &&
  (to === undefined || Date.parse(row.at) < Date.parse(to));
