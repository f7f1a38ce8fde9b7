import {
  type DynamoDBDocumentClient,
  GetCommand,
  type QueryCommandOutput,
  ScanCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { sessionIdsFrom, type WorkspaceId } from '../../../domain/identifiers.ts';
import { entryOf } from '../../../domain/sessions/session-usage.ts';
import { DEFAULT_RETENTION } from '../../../domain/tenancy/retention.ts';
import type { LedgerTenant, UsageLedgerAudit } from '../../../use-cases/ports/usage.ts';
import { eventPut } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { queryAll, queryPage } from '../dynamodb-pages.ts';
import { siteId, workspaceId } from '../ids.ts';
import { sessionUsageItem } from '../sessions/session-usage-item.ts';
import { totalsOf } from '../sessions/usage-writes.ts';
import { primaryKey } from '../table-keys.ts';
import { retentionItem } from '../tenancy/tenancy-items.ts';
import { ledgerTotalItem } from './usage-items.ts';

/**
 * Reads usage records and totals, and can set totals. Only for an operator's tool: no deployed function scans or sets a
 * total.
 */
export const dynamoDbUsageLedgerAudit = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly usage: string; readonly tenancy: string },
): UsageLedgerAudit => ({
  listWorkspaces: async (only) =>
    sitesByWorkspace(
      only === undefined
        ? await scanTenants(dynamoDb, tables.tenancy)
        : await queryAll(
            dynamoDb,
            {
              TableName: tables.tenancy,
              KeyConditionExpression: 'pk = :pk',
              ExpressionAttributeValues: { ':pk': primaryKey.workspace(only).pk },
              ConsistentRead: true,
            },
            tenantItem,
          ),
    ),

  listSessionUsage: (siteId, { from, before }, page) => {
    const { pk, sk: first } = primaryKey.sessionUsage(siteId, sessionIdsFrom(from));
    // No session ID equals this bound, because IDs continue with random characters after the time.
    const within = { first, last: sessionIdsFrom(before) };
    return queryPage(dynamoDb, { TableName: tables.usage, pk, within }, page, sessionUsageItem);
  },

  readTotals: async (workspaceId, month) => {
    const { pk, first, last } = primaryKey.dayUsageRange(workspaceId, `${month}-01`, `${month}-31`);
    const days = await queryAll(
      dynamoDb,
      {
        TableName: tables.usage,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':pk': pk, ':first': first, ':last': last },
        ConsistentRead: true,
      },
      ledgerTotalItem,
    );
    return [...days, await readTotal(dynamoDb, tables.usage, primaryKey.periodUsage(workspaceId, month))];
  },

  readTotal: (workspaceId, place) =>
    readTotal(dynamoDb, tables.usage, { ...primaryKey.periodUsage(workspaceId, ''), sk: place }),

  postingsOf: (usage) =>
    totalsOf(usage, entryOf(usage)).map(({ key, counts }) => ({ place: key.sk, counts })),

  correctTotal: async (workspaceId, { place, writes }, counts, event) => {
    const entries = Object.entries({ ...counts, writes: writes + 1 });
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: tables.usage,
                Key: { ...primaryKey.periodUsage(workspaceId, ''), sk: place },
                UpdateExpression: `SET ${entries.map((_, i) => `#c${i} = :c${i}`).join(', ')}`,
                ConditionExpression: writes === 0 ? 'attribute_not_exists(writes)' : 'writes = :seen',
                ExpressionAttributeNames: Object.fromEntries(entries.map(([name], i) => [`#c${i}`, name])),
                ExpressionAttributeValues: {
                  ...(writes > 0 && { ':seen': writes }),
                  ...Object.fromEntries(entries.map(([, count], i) => [`:c${i}`, count])),
                },
              },
            },
            eventPut(tables.tenancy, 'rebuild-usage', event),
          ],
        }),
      ),
    );
  },
});

const readTotal = async (
  dynamoDb: DynamoDBDocumentClient,
  usageTable: string,
  key: { readonly pk: string; readonly sk: string },
) => {
  const { Item } = await callAws('dynamodb', 'GetItem', () =>
    dynamoDb.send(new GetCommand({ TableName: usageTable, Key: key, ConsistentRead: true })),
  );
  return ledgerTotalItem.parse(Item ?? key);
};

const tenantItem = z.object({
  pk: z.string(),
  sk: z.string(),
  workspaceId,
  siteId: siteId.optional(),
  retention: retentionItem.unwrap().optional(),
});
type TenantItem = z.output<typeof tenantItem>;

/** Workspaces and their sites; a workspace that is deleted keeps its item, and an archived site has a separate one. */
const scanTenants = async (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): Promise<readonly TenantItem[]> => {
  const items: TenantItem[] = [];
  let ExclusiveStartKey: QueryCommandOutput['LastEvaluatedKey'];
  do {
    const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Scan', () =>
      dynamoDb.send(
        new ScanCommand({
          TableName: tenancyTable,
          FilterExpression: 'begins_with(pk, :workspace)',
          ExpressionAttributeValues: { ':workspace': 'WORKSPACE#' },
          ConsistentRead: true,
          ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
        }),
      ),
    );
    items.push(...Items.map((item) => tenantItem.parse(item)));
    ExclusiveStartKey = LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return items;
};

const sitesByWorkspace = (items: readonly TenantItem[]): ReadonlyMap<WorkspaceId, LedgerTenant> =>
  new Map(
    [...Map.groupBy(items, ({ workspaceId }) => workspaceId)].map(([workspaceId, own]) => [
      workspaceId,
      {
        sites: own.flatMap(({ siteId }) => siteId ?? []),
        retention: own.find(({ sk }) => sk === 'WORKSPACE')?.retention ?? DEFAULT_RETENTION,
      },
    ]),
  );
