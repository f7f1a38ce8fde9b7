import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { holderTagOf } from '../../../domain/sessions/slots.ts';
import type { SlotReader } from '../../../use-cases/ports/sessions.ts';
import type { UsageReader } from '../../../use-cases/ports/usage.ts';
import { callAws } from '../aws-calls.ts';
import { liveItemsOf } from '../calls/dynamodb-live.ts';
import { readSlotPartition } from '../sessions/slot-partition.ts';
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
    const [{ leases }, live] = await Promise.all([
      readSlotPartition(dynamoDb, tables.limits, workspaceId, true),
      liveItemsOf(dynamoDb, tables.limits, workspaceId),
    ]);
    const sessions = Map.groupBy(live, ({ sessionId }) => holderTagOf(sessionId));
    const seen = new Map<string, number>();
    // The details of a session are in its LIVE item, which is written and removed with the lease. Sessions with the same tag
    // are assigned one to each lease.
    return leases.flatMap((lease) => {
      const name = `${lease.pool} ${lease.holder}`;
      const before = seen.get(name) ?? 0;
      seen.set(name, before + 1);
      const session = sessions.get(lease.holder)?.[before];
      if (session === undefined) return [];
      const { siteId, keyScope, keyScopeId } = session;
      return [{ ...lease, siteId, keyScope, keyScopeId }];
    });
  },
});
