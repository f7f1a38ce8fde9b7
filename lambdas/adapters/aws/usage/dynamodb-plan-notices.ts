import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { EventWriter } from '../../../domain/audit/event-writers.ts';
import type { PlanNotices } from '../../../use-cases/ports/usage.ts';
import { eventPut } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { dynamoDbPeriodUsage } from './dynamodb-period-usage.ts';

/** The use of plans and the notices about it. */
export const dynamoDbPlanNotices = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly tenancy: string; readonly usage: string },
  writer: EventWriter,
): PlanNotices => ({
  ...dynamoDbPeriodUsage(dynamoDb, tables.usage),

  noteThreshold: async (workspaceId, period, percent, event) => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: tables.usage,
                Key: primaryKey.periodUsage(workspaceId, period),
                UpdateExpression: 'SET #notice = :at',
                ConditionExpression: 'attribute_not_exists(#notice)',
                ExpressionAttributeNames: { '#notice': `notice${percent}` },
                ExpressionAttributeValues: { ':at': event.at },
              },
            },
            eventPut(tables.tenancy, writer, event),
          ],
        }),
      ),
    );
  },
});
