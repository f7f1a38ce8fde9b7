import {
  type ChainVerification,
  ChainVerifier,
  continuationOf,
  headOfContinuation,
} from '../../domain/audit/audit-record.ts';
import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { AuditLog, ChainKeys } from '../ports/audit.ts';
import type { PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

/** DynamoDB ends a page at 1 MB, which is about this many rows. */
const PAGE = 1_000;

export interface TrailVerification extends ChainVerification {
  /** The cursor for the next call if the chain continues; then it is not yet known whether the chain is intact. */
  readonly next: string | undefined;
}

/**
 * Owner, or an API token of an auditor. Reads the chain of a workspace and its event markers, `limit` rows at most, and names the first row that is not
 * as it was written: altered, missing, inserted, out of order, or cut off at the end. A longer chain continues with `after`,
 * which is refused with `invalid_request` unless an earlier call for this workspace gave it within the hour.
 */
export const verifyAuditTrail =
  (ports: {
    readonly tenancy: MembershipReader;
    readonly audit: AuditLog;
    readonly chainKeys: ChainKeys;
    readonly clock: Clock;
  }) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    { limit, after }: PageRequest,
  ): Promise<TrailVerification> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'auditor');
    const chainKey = await ports.chainKeys.keyOf(workspaceId);
    const nowMs = ports.clock().getTime();
    const checked = after === undefined ? undefined : headOfContinuation(after, workspaceId, nowMs, chainKey);
    if (after !== undefined && checked === undefined)
      throw new BrokerError('invalid_request', {
        details: [
          {
            path: 'cursor',
            message: 'This cursor does not continue a verification. Start again without one.',
          },
        ],
      });
    // Markers first: a row that is appended during the read is then never mistaken for a missing one.
    const lastWritten = await ports.audit.lastMarkedSequence(workspaceId);
    const verifier = new ChainVerifier(workspaceId, chainKey, checked);
    let position = checked && ports.audit.positionOf({ workspaceId, sequence: checked.sequence });
    // The first row of a continuation is the last row of the previous call.
    for (let left = checked === undefined ? limit : limit + 1; left > 0 && !verifier.decided; ) {
      const request = { limit: Math.min(PAGE, left), after: position };
      const page = await ports.audit.listRows(workspaceId, request, 'oldest_first');
      for (const row of page.items) verifier.take(row);
      if (page.next === undefined) return { ...verifier.finish(lastWritten), next: undefined };
      position = page.next;
      left -= page.items.length;
    }
    const verdict = verifier.finish(0);
    return verifier.decided
      ? { ...verdict, next: undefined }
      : { ...verdict, intact: false, next: continuationOf(workspaceId, verifier.checked, nowMs, chainKey) };
  };
