import { type ChainVerdict, ChainVerifier } from '../domain/audit-record.ts';
import type { WorkspaceId } from '../domain/identifiers.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { AuditLog, ChainKeys, MembershipReader } from './ports.ts';

const PAGE = 100;

/**
 * Owner. Reads the whole chain of a workspace and its event markers, and names the first row that is not as it was
 * written: altered, missing, inserted, out of order, or cut off at the end.
 */
export const verifyAuditTrail =
  (ports: { readonly tenancy: MembershipReader; readonly audit: AuditLog; readonly chainKeys: ChainKeys }) =>
  async (caller: Caller, workspaceId: WorkspaceId): Promise<ChainVerdict> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'owner');
    // Markers first: a row that is appended while we read is then never mistaken for a missing one.
    const lastWritten = await ports.audit.lastMarkedSequence(workspaceId);
    const verifier = new ChainVerifier(workspaceId, await ports.chainKeys.keyOf(workspaceId));
    for (let after: string | undefined; ; ) {
      const page = await ports.audit.listRows(workspaceId, { limit: PAGE, after }, 'oldest_first');
      for (const row of page.items) verifier.take(row);
      if (page.next === undefined) break;
      after = page.next;
    }
    return verifier.finish(lastWritten);
  };
