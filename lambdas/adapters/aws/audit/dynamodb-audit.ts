import {
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import {
  type AuditRow,
  type ChainHead,
  emptyChain,
  isIndexedType,
} from '../../../domain/audit/audit-record.ts';
import type { AuditLog } from '../../../use-cases/ports/audit.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { auditMarkerItem, auditRowItem, auditTypeEntryItem } from './audit-items.ts';

/** Items of one BatchGetItem: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
const MAX_BATCH = 100;

/**
 * The audit table: rows by workspace and sequence, an index of the rarer types, and one marker per event. Every put requires
 * that the item does not exist, and no method changes or removes an item. IAM prevents the projector's role from updating and
 * deleting, but not from a put without the condition, which would overwrite a row. The nightly comparison finds that.
 */
export const dynamoDbAudit = (dynamoDb: DynamoDBDocumentClient, auditTable: string): AuditLog => {
  const newest = async (pk: string): Promise<Readonly<Record<string, unknown>> | undefined> => {
    const { Items } = await callAws('dynamodb', 'Query', () =>
      dynamoDb.send(
        new QueryCommand({
          TableName: auditTable,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk },
          ScanIndexForward: false,
          Limit: 1,
          ConsistentRead: true,
        }),
      ),
    );
    return Items?.[0];
  };
  const put = (item: Readonly<Record<string, unknown>>) => ({
    Put: { TableName: auditTable, Item: item, ConditionExpression: 'attribute_not_exists(pk)' },
  });

  return {
    knows: async ({ workspaceId, eventId }) => {
      const { Item } = await callAws('dynamodb', 'GetItem', () =>
        dynamoDb.send(
          new GetCommand({
            TableName: auditTable,
            Key: primaryKey.auditEvent(workspaceId, eventId),
            ConsistentRead: true,
          }),
        ),
      );
      return Item !== undefined;
    },

    // The later of the two positions: if an attacker cuts off the rows or the markers, the trail continues after the
    // gap, which verification then names.
    readHead: async (workspaceId) => {
      const [row, marker] = await Promise.all([
        newest(primaryKey.auditRow(workspaceId, 0).pk),
        newest(primaryKey.auditMarker(workspaceId, 0).pk),
      ]);
      const heads: ChainHead[] = [
        emptyChain(workspaceId),
        ...(row === undefined ? [] : [auditRowItem.parse(row)]),
        ...(marker === undefined ? [] : [auditMarkerItem.parse(marker)]),
      ];
      return heads.reduce((head, other) => (other.sequence > head.sequence ? other : head));
    },

    append: async (row) => {
      const { workspaceId, eventId, sequence, hash, type } = row;
      const isIndexed = type !== 'row.damaged' && isIndexedType(type);
      await callAws('dynamodb', 'TransactWriteItems', () =>
        dynamoDb.send(
          new TransactWriteCommand({
            TransactItems: [
              put({ ...primaryKey.auditRow(workspaceId, sequence), ...row }),
              put({ ...primaryKey.auditEvent(workspaceId, eventId), sequence, hash }),
              put({ ...primaryKey.auditMarker(workspaceId, sequence), eventId, sequence, hash }),
              ...(isIndexed
                ? [put({ ...primaryKey.auditRowOfType(workspaceId, type, sequence), sequence })]
                : []),
            ],
          }),
        ),
      );
    },

    listRows: (workspaceId, page, order) => {
      const { pk } = primaryKey.auditRow(workspaceId, 0);
      return queryPage(
        dynamoDb,
        { TableName: auditTable, pk, newestFirst: order === 'newest_first' },
        page,
        auditRowItem,
      );
    },

    listRowsOfType: async (workspaceId, type, page) => {
      const { pk } = primaryKey.auditRowOfType(workspaceId, type, 0);
      const entries = await queryPage(
        dynamoDb,
        { TableName: auditTable, pk, newestFirst: true },
        page,
        auditTypeEntryItem,
      );
      const keys = entries.items.map(({ sequence }) => primaryKey.auditRow(workspaceId, sequence));
      const rows: AuditRow[] = [];
      for (let from = 0; from < keys.length; from += MAX_BATCH) {
        const batch = keys.slice(from, from + MAX_BATCH);
        const found = await readTogether(dynamoDb, { [auditTable]: batch });
        for (const key of batch) {
          const item = found(auditTable, key);
          if (item !== undefined) rows.push(auditRowItem.parse(item));
        }
      }
      return { items: rows, next: entries.next };
    },

    positionOf: ({ workspaceId, sequence }) => primaryKey.auditRow(workspaceId, sequence).sk,

    lastMarkedSequence: async (workspaceId) => {
      const item = await newest(primaryKey.auditMarker(workspaceId, 0).pk);
      return item === undefined ? 0 : auditMarkerItem.parse(item).sequence;
    },
  };
};
