import type { DynamoDBRecord } from 'aws-lambda';
import type { AuditEvent } from '../domain/audit/audit-record.ts';
import { framesOf, type Log } from '../telemetry/log.ts';
import type { StreamHandler } from './stream-handler.ts';

/**
 * Appends the audit event of each record, those of one workspace in order. Workspaces run in parallel: each has a separate
 * chain, and one row after the other would take as long as all their round trips together. A workspace stops at its first
 * failure, and the earliest failed record is reported: Lambda then delivers from there again, rows that were written
 * already are recognised, and nothing is skipped. A record that keeps failing is isolated by bisection and ends in the
 * dead-letter queue (lib/audit-stack.ts).
 */
export const auditProjector =
  (ports: {
    readonly eventOf: (record: DynamoDBRecord) => AuditEvent | undefined;
    readonly append: (event: AuditEvent) => Promise<'appended' | 'duplicate'>;
    readonly log: Log;
  }): StreamHandler =>
  async ({ Records }) => {
    const failures = new Map<DynamoDBRecord, unknown>();
    const workspaces = new Map<string, Entry[]>();
    for (const record of Records) {
      try {
        const event = ports.eventOf(record);
        if (event === undefined) continue;
        const entries = workspaces.get(event.workspaceId) ?? [];
        workspaces.set(event.workspaceId, entries);
        entries.push({ record, event });
      } catch (error) {
        // Whose it is cannot be known, so nothing may overtake it.
        failures.set(record, error);
        break;
      }
    }
    await Promise.all(
      [...workspaces.values()].map(async (entries) => {
        for (const { record, event } of entries) {
          try {
            await ports.append(event);
          } catch (error) {
            failures.set(record, error);
            return;
          }
        }
      }),
    );
    const first = Records.find((record) => failures.has(record));
    if (first === undefined) return { batchItemFailures: [] };
    const error = failures.get(first);
    const itemIdentifier = first.dynamodb?.SequenceNumber ?? '';
    ports.log.error('audit record failed', {
      stream_event_id: first.eventID,
      sequence_number: itemIdentifier,
      error_name: error instanceof Error ? error.name : typeof error,
      frames: error instanceof Error ? framesOf(error) : undefined,
    });
    return { batchItemFailures: [{ itemIdentifier }] };
  };

interface Entry {
  readonly record: DynamoDBRecord;
  readonly event: AuditEvent;
}
