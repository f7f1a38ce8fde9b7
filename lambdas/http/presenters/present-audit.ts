import type { AuditRow } from '../../domain/audit/audit-record.ts';

export const presentAuditRow = (row: AuditRow) => ({
  sequence: row.sequence,
  event_id: row.eventId,
  type: row.type,
  at: row.at,
  actor: row.actor,
  site_id: row.siteId,
  session_id: row.sessionId,
  ip_hash: row.ipHash,
  facts: { ...row.facts },
  previous_hash: row.previousHash,
  hash: row.hash,
});
