import type { listAuditTrail } from '../../use-cases/audit/list-audit-trail.ts';
import type { verifyAuditTrail } from '../../use-cases/audit/verify-audit-trail.ts';
import { encodeCursor, pageRequestOf } from '../cursor.ts';
import { presentAuditRow } from '../presenters/present-audit.ts';
import type { EndpointsOf } from './endpoint.ts';
import { workspaceIdIn } from './path-ids.ts';

/** Routes of the audit trail. They only read. */
export const auditEndpoints = (useCases: {
  readonly listAuditTrail: ReturnType<typeof listAuditTrail>;
  readonly verifyAuditTrail: ReturnType<typeof verifyAuditTrail>;
}): EndpointsOf<'audit'> => ({
  listAudit: async ({ caller, path, query }) => {
    const { type, actor, site_id: siteId, from, to } = query;
    const filter = { type, actor, siteId, from, to };
    const workspaceId = workspaceIdIn(path);
    // A cursor is valid only for its filter. With another filter it would skip rows unnoticed.
    const list = { caller, route: `audit?${JSON.stringify(filter)}`, resource: workspaceId };
    const { items, next, searchedTo } = await useCases.listAuditTrail(
      caller,
      workspaceId,
      filter,
      pageRequestOf(list, query),
    );
    return {
      items: items.map(presentAuditRow),
      next_cursor: encodeCursor(list, next),
      searched_to: searchedTo ?? null,
    };
  },
  verifyAudit: async ({ caller, path, query }) => {
    const workspaceId = workspaceIdIn(path);
    const check = { caller, route: 'audit/verify', resource: workspaceId };
    const { broken, next, ...verdict } = await useCases.verifyAuditTrail(
      caller,
      workspaceId,
      pageRequestOf(check, query),
    );
    return { ...verdict, broken: broken ?? null, next_cursor: encodeCursor(check, next) };
  },
});
