import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { AuditEvent } from '../domain/audit-record.ts';
import { framesOf, type Log } from '../http/log.ts';

export type StreamHandler = (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse>;

/**
 * Appends the audit event of each record, in order. At the first failure it stops and reports that record: Lambda then
 * delivers from there again, so the order of a shard is kept and nothing is skipped. A record that keeps failing is
 * isolated by bisection and ends in the dead-letter queue (lib/audit-stack.ts).
 */
export const auditProjector =
  (ports: {
    readonly eventOf: (record: DynamoDBRecord) => AuditEvent | undefined;
    readonly append: (event: AuditEvent) => Promise<'appended' | 'duplicate'>;
    readonly log: Log;
  }): StreamHandler =>
  async ({ Records }) => {
    for (const record of Records) {
      try {
        const event = ports.eventOf(record);
        if (event !== undefined) await ports.append(event);
      } catch (error) {
        const itemIdentifier = record.dynamodb?.SequenceNumber ?? '';
        ports.log.error('audit record failed', {
          stream_event_id: record.eventID,
          sequence_number: itemIdentifier,
          error_name: error instanceof Error ? error.name : typeof error,
          frames: error instanceof Error ? framesOf(error) : undefined,
        });
        return { batchItemFailures: [{ itemIdentifier }] };
      }
    }
    return { batchItemFailures: [] };
  };
