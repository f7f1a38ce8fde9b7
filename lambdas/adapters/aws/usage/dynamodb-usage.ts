import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import type { SlotReader } from '../../../use-cases/ports/sessions.ts';
import type { UsageReader } from '../../../use-cases/ports/usage.ts';
import { callAws } from '../aws-calls.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { heldSlotItem } from '../sessions/session-items.ts';
import { primaryKey } from '../table-keys.ts';
import { dayUsageItem, periodUsageItem } from './usage-items.ts';

/** Totals and slots as the operator of a workspace looks at them. Reads alone. */
export const dynamoDbUsage = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly usage: string; readonly limits: string },
): UsageReader & SlotReader => ({
  readDays: (workspaceId, { from, to }) => {
    const { pk, first, last } = primaryKey.dayUsageRange(workspaceId, from, to);
    return queryAll(
      dynamoDb,
      {
        TableName: tables.usage,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':pk': pk, ':first': first, ':last': last },
        ConsistentRead: true,
      },
      dayUsageItem,
    );
  },

  readPeriod: async (workspaceId, period) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tables.usage,
          Key: primaryKey.periodUsage(workspaceId, period),
          ConsistentRead: true,
        }),
      ),
    );
    return periodUsageItem.parse(Item ?? {});
  },

  listHeld: (workspaceId) =>
    queryAll(
      dynamoDb,
      {
        TableName: tables.limits,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': primaryKey.slot(workspaceId, '', 0).pk },
        ConsistentRead: true,
      },
      heldSlotItem,
    ),
});
