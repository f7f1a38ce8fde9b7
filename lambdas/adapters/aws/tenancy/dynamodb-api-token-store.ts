import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { ApiTokenStore } from '../../../use-cases/ports/tenancy.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { apiTokenUseItem, dynamoDbApiTokenReader, keptUntil } from './dynamodb-api-tokens.ts';
import { memberWrites } from './member-writes.ts';
import { apiTokenItem } from './tenancy-items.ts';

/** API tokens, stored with the members of their workspace. Each change and its audit event are one transaction. */
export const dynamoDbApiTokenStore = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): ApiTokenStore => {
  const { workspaceExists } = memberWrites(tenancyTable);
  const { readApiToken } = dynamoDbApiTokenReader(dynamoDb, tenancyTable);
  const write = async (...TransactItems: TransactWrite[]): Promise<void> => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  };

  return {
    readApiToken,

    listApiTokens: (workspaceId) => {
      const { pk, sk } = primaryKey.apiToken(workspaceId, '');
      return queryAll(
        dynamoDb,
        {
          TableName: tenancyTable,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':pk': pk, ':prefix': sk },
          ConsistentRead: true,
        },
        apiTokenItem,
      );
    },

    readApiTokenUses: async (workspaceId) => {
      const uses = await queryAll(
        dynamoDb,
        {
          TableName: tenancyTable,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': primaryKey.apiTokenUse(workspaceId, '').pk },
        },
        apiTokenUseItem,
      );
      return new Map(uses.map(({ sk, usedAt }) => [sk, usedAt]));
    },

    createApiToken: (token, event) =>
      write(eventPut(tenancyTable, 'manage', event), workspaceExists(token.workspaceId), {
        Put: {
          TableName: tenancyTable,
          Item: {
            ...primaryKey.apiToken(token.workspaceId, token.tokenId),
            ...token,
            expires_at: keptUntil(token.expiresAt),
          },
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      }),

    removeApiToken: ({ workspaceId, tokenId }, event) =>
      write(
        eventPut(tenancyTable, 'manage', event),
        {
          Delete: {
            TableName: tenancyTable,
            Key: primaryKey.apiToken(workspaceId, tokenId),
            ConditionExpression: 'attribute_exists(pk)',
          },
        },
        { Delete: { TableName: tenancyTable, Key: primaryKey.apiTokenUse(workspaceId, tokenId) } },
      ),
  };
};
