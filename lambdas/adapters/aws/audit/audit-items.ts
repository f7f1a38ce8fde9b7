import * as z from 'zod';
import { AUDIT_EVENT_TYPES, type AuditEvent, type AuditRow } from '../../../domain/audit/audit-record.ts';

const auditEventFields = {
  eventId: z.string(),
  workspaceId: z.string(),
  type: z.enum(AUDIT_EVENT_TYPES),
  at: z.string(),
  actor: z.string(),
  siteId: z.string().nullable(),
  sessionId: z.string().nullable(),
  ipHash: z.string().nullable(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
};

export const auditEventItem: z.ZodType<AuditEvent> = z.object(auditEventFields);

/** A row of the audit table, in exactly the form that the product writes. */
export const wholeAuditRow = z.object({
  ...auditEventFields,
  sequence: z.number(),
  previousHash: z.string(),
  hash: z.string(),
});

/**
 * A row of the audit table. A row in another form, or with the sequence number of another position, is returned as
 * `row.damaged`. It breaks the chain at its position and hides no other row.
 */
export const auditRowItem: z.ZodType<AuditRow> = z
  .record(z.string(), z.unknown())
  .transform((item): AuditRow => {
    const row = wholeAuditRow.safeParse(item);
    const sequence = Number(item['sk']);
    if (row.success && row.data.sequence === sequence) return row.data;
    return {
      eventId: '',
      workspaceId: String(item['pk']).replace(/^AUDIT#/, ''),
      type: 'row.damaged',
      at: '1970-01-01T00:00:00.000Z',
      actor: 'unknown',
      siteId: null,
      sessionId: null,
      ipHash: null,
      facts: {},
      sequence,
      previousHash: '',
      hash: '',
    };
  });

/** An entry of the index by type: where the row is. */
export const auditTypeEntryItem = z.object({ sequence: z.number() });

export const auditMarkerItem = z.object({ sequence: z.number(), hash: z.string() });
