import {
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import { type ChainHead, emptyChain } from '../../../domain/audit/audit-record.ts';
import type { AuditLog } from '../../../use-cases/ports/audit.ts';
import { callAws } from '../aws-calls.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { auditMarkerItem, auditRowItem } from './audit-items.ts';

/**
 * The audit table: rows by workspace and sequence, and one marker per event. Both are only ever put where nothing is; no
 * method changes or removes an item, and the projector's role could not.
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

    // Whichever of the two reaches further: if somebody cuts off the rows or the markers, the trail goes on behind the
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
      const { workspaceId, eventId, sequence, hash } = row;
      await callAws('dynamodb', 'TransactWriteItems', () =>
        dynamoDb.send(
          new TransactWriteCommand({
            TransactItems: [
              put({ ...primaryKey.auditRow(workspaceId, sequence), ...row }),
              put({ ...primaryKey.auditEvent(workspaceId, eventId), sequence, hash }),
              put({ ...primaryKey.auditMarker(workspaceId, sequence), eventId, sequence, hash }),
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

    positionOf: ({ workspaceId, sequence }) => primaryKey.auditRow(workspaceId, sequence).sk,

    lastMarkedSequence: async (workspaceId) => {
      const item = await newest(primaryKey.auditMarker(workspaceId, 0).pk);
      return item === undefined ? 0 : auditMarkerItem.parse(item).sequence;
    },
  };
};
