import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import type { AnomalyRecords } from '../../../use-cases/ports/anomalies.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { anomalyRecordItem } from './anomaly-item.ts';

/** A key without events for this long starts with a fresh state, seconds. */
export const KEEP_SECONDS = 90 * 86_400;

/**
 * The anomaly detector's state, one small item per subject, among the other short-lived items of `limits`. Each write
 * is conditional on the revision that it was computed from and includes the audit events of what was found.
 */
export const dynamoDbAnomalies = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly limits: string; readonly tenancy: string },
): AnomalyRecords => ({
  read: async ({ workspaceId, subject }) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tables.limits,
          Key: primaryKey.anomaly(workspaceId, subject),
          ConsistentRead: true,
        }),
      ),
    );
    return anomalyRecordItem.optional().parse(Item);
  },

  save: async ({ workspaceId, subject }, record, events, now) => {
    const write = {
      Item: {
        ...primaryKey.anomaly(workspaceId, subject),
        ...record,
        revision: record.revision + 1,
        expires_at: Math.floor(now.getTime() / 1_000) + KEEP_SECONDS,
      },
      ...(record.revision === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: 'revision = :expected',
            ExpressionAttributeValues: { ':expected': record.revision },
          }),
    };
    // Nearly every write is without events, and a transaction costs twice as much.
    if (events.length === 0) {
      await callAws('dynamodb', 'PutItem', () =>
        dynamoDb.send(new PutCommand({ TableName: tables.limits, ...write })),
      );
      return;
    }
    const TransactItems: TransactWrite[] = [
      { Put: { TableName: tables.limits, ...write } },
      ...events.map((event) => eventPut(tables.tenancy, 'detector', event)),
    ];
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  },
});
