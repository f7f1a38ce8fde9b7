import { BrokerError } from '../../domain/broker-error.ts';
import { isSessionId, type SiteId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { CallRecords, HangUpQueue } from '../ports/calls.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeSite } from '../tenancy/authorize.ts';

export interface EndSessionPorts {
  readonly tenancy: MembershipReader;
  readonly auditEvents: AuditEventFactory;
  readonly records: Pick<CallRecords, 'readSession' | 'orderEnd'>;
  readonly hangUps: HangUpQueue;
}

/**
 * Admin. Queues the hang-up of one call. False for a session that has ended. Refuses as `not_endable` for a session of a
 * client secret, which nobody can end.
 */
export const endSession =
  ({ tenancy, auditEvents, records, hangUps }: EndSessionPorts) =>
  async (caller: Caller, siteId: SiteId, sessionId: string): Promise<boolean> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'admin');
    const found = isSessionId(sessionId) ? await records.readSession(siteId, sessionId) : undefined;
    if (found === undefined || !isSessionId(sessionId)) throw new BrokerError('session_not_found');
    const { state, endedBy, endedAt, session } = found;
    if (state === 'refused' || endedBy !== undefined) return false;
    if (session.openedWith !== 'call') {
      if (endedAt !== undefined) return false;
      throw new BrokerError('not_endable');
    }
    const { workspaceId } = site;
    const event = await auditEvents.event(caller, 'session.end_requested', {
      workspaceId,
      siteId,
      facts: { session_id: sessionId },
    });
    await records.orderEnd(siteId, sessionId, 'operator', event);
    await hangUps.send({ kind: 'end', siteId, sessionId, by: 'operator' });
    return true;
  };
