import type { AnomalyRecord, AnomalySubject } from '../../domain/anomalies/anomaly-record.ts';
import type { Incident } from '../../domain/anomalies/incident.ts';
import type { Tampering } from '../../domain/anomalies/tampering.ts';
import type { AuditEvent } from '../../domain/audit/audit-record.ts';

export interface AnomalyRecords {
  read(subject: AnomalySubject): Promise<AnomalyRecord | undefined>;
  /**
   * Writes the record as revision `record.revision + 1` together with the audit events of new incidents, all or nothing.
   * ConflictError when the stored revision is not `record.revision`.
   */
  save(
    subject: AnomalySubject,
    record: AnomalyRecord,
    events: readonly AuditEvent[],
    now: Date,
  ): Promise<void>;
}

/** Publishes the incident. Delivery is at least once; consumers deduplicate by `incidentId`. */
export interface IncidentAnnouncer {
  announce(incident: Incident): Promise<void>;
}

/** Publishes an incident of tampering, at least once; consumers deduplicate by `incidentId`. */
export interface TamperingAnnouncer {
  announceTampering(found: Tampering): Promise<void>;
}

export interface TamperingLog {
  /** True if the event has been recorded. */
  knows(event: AuditEvent): Promise<boolean>;
  /** ConflictError if it has been recorded. */
  note(event: AuditEvent): Promise<void>;
}
