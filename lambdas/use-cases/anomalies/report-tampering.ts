import type { Tampering } from '../../domain/anomalies/tampering.ts';
import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { TamperingAnnouncer, TamperingLog } from '../ports/anomalies.ts';

export interface TamperingPorts {
  readonly tamperings: TamperingLog;
  readonly announcer: TamperingAnnouncer;
  /** Called once with each new incident. */
  readonly onTampering: (found: Tampering) => void;
}

/** Announces an incident at least once and records it on the audit trail once. A known one is not announced again. */
export const reportTampering =
  ({ tamperings, announcer, onTampering }: TamperingPorts) =>
  async (found: Tampering): Promise<void> => {
    const event = tamperingEvent(found);
    if (await tamperings.knows(event)) return;
    onTampering(found);
    await announcer.announceTampering(found);
    try {
      await tamperings.note(event);
    } catch (error) {
      // Another delivery of the same record was first.
      if (!(error instanceof ConflictError)) throw error;
    }
  };

const tamperingEvent = ({ incidentId, kind, workspaceId, siteId, subject, at }: Tampering): AuditEvent => ({
  eventId: incidentId,
  workspaceId,
  type: 'tampering.detected',
  at,
  actor: 'system:detector',
  siteId,
  sessionId: null,
  ipHash: null,
  facts: { kind, subject },
});
