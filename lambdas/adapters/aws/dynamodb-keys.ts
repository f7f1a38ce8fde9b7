import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { KeyActivityReader, KeyStore } from '../../use-cases/ports.ts';
import { callAws } from './aws-calls.ts';
import { keyActivityItem, primaryKey, storedKeyItem } from './items.ts';

/** Sealed keys, one item per scope. Every write is conditional on the version that the writer saw. */
export const dynamoDbKeys = (dynamoDb: DynamoDBDocumentClient, keysTable: string): KeyStore => ({
  readKey: async ({ scope, scopeId }) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({ TableName: keysTable, Key: primaryKey.key(scope, scopeId), ConsistentRead: true }),
      ),
    );
    return storedKeyItem.optional().parse(Item);
  },

  putKey: async (key, expectedVersion) => {
    const { scope, scopeId, version } = key.sealed;
    await callAws('dynamodb', 'PutItem', () =>
      dynamoDb.send(
        new PutCommand({
          TableName: keysTable,
          // The version stands beside the sealed record too, so that conditions and tombstones share one attribute.
          Item: { ...primaryKey.key(scope, scopeId), version, ...key },
          ...(expectedVersion === 0
            ? { ConditionExpression: 'attribute_not_exists(pk)' }
            : {
                ConditionExpression: 'version = :expected',
                ExpressionAttributeValues: { ':expected': expectedVersion },
              }),
        }),
      ),
    );
  },

  shredKey: async ({ scope, scopeId, workspaceId }, version, at, by) => {
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(
        new UpdateCommand({
          TableName: keysTable,
          Key: primaryKey.key(scope, scopeId),
          UpdateExpression:
            'SET #state = :deleted, #scope = :scope, scopeId = :scopeId, workspaceId = :workspaceId, changedAt = :at, changedBy = :by REMOVE sealed, verdict',
          ConditionExpression: 'version = :version AND #state <> :deleted',
          ExpressionAttributeNames: { '#state': 'state', '#scope': 'scope' },
          ExpressionAttributeValues: {
            ':deleted': 'deleted',
            ':scope': scope,
            ':scopeId': scopeId,
            ':workspaceId': workspaceId,
            ':at': at,
            ':by': by,
            ':version': version,
          },
        }),
      ),
    );
  },

  setKeyState: async ({ scope, scopeId }, version, state, at, by) => {
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(
        new UpdateCommand({
          TableName: keysTable,
          Key: primaryKey.key(scope, scopeId),
          UpdateExpression: 'SET #state = :state, changedAt = :at, changedBy = :by',
          ConditionExpression: 'version = :version AND #state <> :deleted',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':state': state,
            ':at': at,
            ':by': by,
            ':version': version,
            ':deleted': 'deleted',
          },
        }),
      ),
    );
  },
});

/** What the token function noted about a key; it lives beside the sessions, because that function may not write keys. */
export const dynamoDbKeyActivity = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
): KeyActivityReader => ({
  readActivity: async ({ scope, scopeId }) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: sessionsTable,
          Key: primaryKey.keyActivity(scope, scopeId),
          ConsistentRead: true,
        }),
      ),
    );
    return keyActivityItem.optional().parse(Item);
  },
});
