import type { DynamoDBRecord } from 'aws-lambda';
import type { AuditRow } from '../domain/audit/audit-record.ts';
import { framesOf, type Log } from '../telemetry/log.ts';
import type { AuditArchive } from '../use-cases/ports/audit.ts';
import type { StreamHandler } from './stream-handler.ts';

/** Sorts as text as the numbers do, and as the sort keys of the audit table do. */
const padded = (sequence: number): string => String(sequence).padStart(10, '0');

/** `audit/<workspace>/<first sequence>-<last sequence>.ndjson` */
export const archiveNameOf = (workspaceId: string, first: number, last: number): string =>
  `audit/${workspaceId}/${padded(first)}-${padded(last)}.ndjson`;

/**
 * One row as one line of JSON, every field of it, so that its hash can be computed again from the line alone. The names
 * are those of the API; they are the format of objects that are kept for years and change only by adding.
 */
export const archiveLineOf = (row: AuditRow): string =>
  JSON.stringify({
    workspace_id: row.workspaceId,
    sequence: row.sequence,
    event_id: row.eventId,
    type: row.type,
    at: row.at,
    actor: row.actor,
    site_id: row.siteId,
    session_id: row.sessionId,
    ip_hash: row.ipHash,
    facts: row.facts,
    previous_hash: row.previousHash,
    hash: row.hash,
  });

interface Part {
  /** Place in the batch of the part's first record. */
  readonly index: number;
  readonly rows: AuditRow[];
}

interface Failure {
  readonly index: number;
  readonly error: unknown;
}

/**
 * Writes the rows of a batch to the archive, one object per workspace. The same batch gives the same objects under the
 * same names, so a repeated delivery changes nothing. The first record that is not archived is reported and delivered
 * again with all that follow it; rows of other workspaces among those are then in two objects, alike to the byte.
 */
export const auditArchiver =
  (ports: {
    readonly rowOf: (record: DynamoDBRecord) => AuditRow | undefined;
    readonly archive: AuditArchive;
    readonly log: Log;
  }): StreamHandler =>
  async ({ Records }) => {
    const { parts, failures } = partsOf(Records, ports.rowOf);
    await Promise.all(
      [...parts].map(async ([workspaceId, { index, rows }]) => {
        try {
          await archivePart(ports.archive, workspaceId, rows);
        } catch (error) {
          failures.push({ index, error });
        }
      }),
    );
    const [first] = failures.toSorted((a, b) => a.index - b.index);
    if (first === undefined) return { batchItemFailures: [] };
    const { error } = first;
    const record = Records[first.index];
    const itemIdentifier = record?.dynamodb?.SequenceNumber ?? '';
    ports.log.error('audit record failed', {
      stream_event_id: record?.eventID,
      sequence_number: itemIdentifier,
      error_name: error instanceof Error ? error.name : typeof error,
      frames: error instanceof Error ? framesOf(error) : undefined,
    });
    return { batchItemFailures: [{ itemIdentifier }] };
  };

/** Rows by workspace, up to the first record that cannot be read. */
const partsOf = (
  records: readonly DynamoDBRecord[],
  rowOf: (record: DynamoDBRecord) => AuditRow | undefined,
): { readonly parts: ReadonlyMap<string, Part>; readonly failures: Failure[] } => {
  const parts = new Map<string, Part>();
  for (const [index, record] of records.entries()) {
    try {
      const row = rowOf(record);
      if (row === undefined) continue;
      const part = parts.get(row.workspaceId);
      if (part === undefined) parts.set(row.workspaceId, { index, rows: [row] });
      else part.rows.push(row);
    } catch (error) {
      return { parts, failures: [{ index, error }] };
    }
  }
  return { parts, failures: [] };
};

const archivePart = async (
  archive: AuditArchive,
  workspaceId: string,
  rows: readonly AuditRow[],
): Promise<void> => {
  const inOrder = rows.toSorted((a, b) => a.sequence - b.sequence);
  const [first, last] = [inOrder.at(0), inOrder.at(-1)];
  if (first === undefined || last === undefined) return;
  await archive.put(
    archiveNameOf(workspaceId, first.sequence, last.sequence),
    `${inOrder.map(archiveLineOf).join('\n')}\n`,
  );
};
