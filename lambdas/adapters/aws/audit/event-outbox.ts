import {
  type DynamoDBDocumentClient,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';
import type { AuditEvent } from '../../../domain/audit/audit-record.ts';
import type { EventWriter } from '../../../domain/audit/event-writers.ts';
import type { Outbox } from '../../../use-cases/ports/audit.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';

export type TransactWrite = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/**
 * How long an event stays in the outbox, seconds. The projector reads it within moments, and the audit trail keeps it.
 */
export const OUTBOX_SECONDS = 30 * 86_400;

/**
 * Puts an audit event into the partition of its writer, in the transaction of the change that it explains. An event can be
 * written only once.
 */
export const eventPut = (tenancyTable: string, writer: EventWriter, event: AuditEvent): TransactWrite => ({
  Put: {
    TableName: tenancyTable,
    Item: {
      ...primaryKey.event(writer, event.workspaceId, event.eventId),
      ...event,
      expires_at: Math.floor(Date.parse(event.at) / 1_000) + OUTBOX_SECONDS,
    },
    ConditionExpression: 'attribute_not_exists(pk)',
  },
});

/** Puts single events, for a command that changes nothing in a transaction. */
export const dynamoDbOutbox = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
  writer: EventWriter,
): Outbox => ({
  put: async (event) => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems: [eventPut(tenancyTable, writer, event)] })),
    );
  },
});
