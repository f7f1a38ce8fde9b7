import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import type { SlotReader } from '../../../use-cases/ports/sessions.ts';
import type { UsageReader } from '../../../use-cases/ports/usage.ts';
import { callAws } from '../aws-calls.ts';
import { liveItemsOf } from '../calls/dynamodb-live.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { leaseItem } from '../sessions/lease-item.ts';
import { primaryKey } from '../table-keys.ts';
import { dynamoDbDayUsage } from './dynamodb-day-usage.ts';
import { periodUsageItem } from './usage-items.ts';

/** Totals and slots for display, read-only. */
export const dynamoDbUsage = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly usage: string; readonly limits: string },
): UsageReader & SlotReader => ({
  ...dynamoDbDayUsage(dynamoDb, tables.usage),

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

  listHeld: async (workspaceId) => {
    const [leases, live] = await Promise.all([
      queryAll(
        dynamoDb,
        {
          TableName: tables.limits,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': primaryKey.slot(workspaceId, '', 0).pk },
          ConsistentRead: true,
        },
        leaseItem,
      ),
      liveItemsOf(dynamoDb, tables.limits, workspaceId),
    ]);
    const sessions = new Map(live.map((session) => [session.sessionId, session]));
    // A lease names the session of a slot. The details of the session are in its LIVE item, which is written and removed
    // with the lease.
    return leases.flatMap((lease) => {
      const session = sessions.get(lease.sessionId);
      if (session === undefined) return [];
      const { siteId, keyScope, keyScopeId } = session;
      return [{ ...lease, siteId, keyScope, keyScopeId }];
    });
  },
});
