import * as z from 'zod';
import { AUDIT_EVENT_TYPES, type AuditRow } from '../../../domain/audit/audit-record.ts';

/** Parses a line of the archive (lambdas/streams/audit-archiver.ts) into the audit row. */
const archivedRow: z.ZodType<AuditRow> = z
  .object({
    workspace_id: z.string(),
    sequence: z.int().positive(),
    event_id: z.string(),
    type: z.enum(AUDIT_EVENT_TYPES),
    at: z.string(),
    actor: z.string(),
    site_id: z.string().nullable(),
    session_id: z.string().nullable(),
    ip_hash: z.string().nullable(),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    previous_hash: z.string(),
    hash: z.string(),
  })
  .transform((line) => ({
    workspaceId: line.workspace_id,
    sequence: line.sequence,
    eventId: line.event_id,
    type: line.type,
    at: line.at,
    actor: line.actor,
    siteId: line.site_id,
    sessionId: line.session_id,
    ipHash: line.ip_hash,
    facts: line.facts,
    previousHash: line.previous_hash,
    hash: line.hash,
  }));

/** The rows of one object. Throws an error with the number of the first line that is not a row, without its content. */
export const parseArchivedRows = (text: string): AuditRow[] =>
  text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parsed = archivedRow.safeParse(parseJson(line));
    if (!parsed.success) throw new Error(`Line ${index + 1} is not an audit row.`);
    return [parsed.data];
  });

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
