import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { ConflictError } from '../../../domain/dependency.ts';
import type { ApiTokenReader } from '../../../use-cases/ports/tenancy.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { apiTokenItem } from './tenancy-items.ts';

const HOUR_MS = 60 * 60_000;
/** Maximum number of recorded uses that a container remembers. A forgotten one costs a write whose condition fails. */
const REMEMBERED = 1_000;
/** DynamoDB may delete a token this long after it expires. Until then, owners see it as expired. */
export const KEPT_SECONDS = 7 * 24 * 60 * 60;

export const keptUntil = (expiresAt: string): number =>
  Math.floor(Date.parse(expiresAt) / 1_000) + KEPT_SECONDS;

export const apiTokenUseItem = z.object({ sk: z.string(), usedAt: z.string() });

/** Reads API tokens for the functions that accept them. */
export const dynamoDbApiTokenReader = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): ApiTokenReader => {
  const notedAtMs = new Map<string, number>();

  return {
    readApiToken: async (workspaceId, tokenId) => {
      const { Item } = await callAws('dynamodb', 'GetItem', () =>
        dynamoDb.send(
          new GetCommand({
            TableName: tenancyTable,
            Key: primaryKey.apiToken(workspaceId, tokenId),
            ConsistentRead: true,
          }),
        ),
      );
      return apiTokenItem.optional().parse(Item);
    },

    noteApiTokenUse: async ({ workspaceId, tokenId, expiresAt }, at) => {
      const noted = notedAtMs.get(tokenId);
      if (noted !== undefined && at.getTime() - noted < HOUR_MS) return;
      if (notedAtMs.size >= REMEMBERED) notedAtMs.clear();
      notedAtMs.set(tokenId, at.getTime());
      try {
        await callAws('dynamodb', 'UpdateItem', () =>
          dynamoDb.send(
            new UpdateCommand({
              TableName: tenancyTable,
              Key: primaryKey.apiTokenUse(workspaceId, tokenId),
              UpdateExpression: 'SET usedAt = :at, expires_at = :kept',
              ConditionExpression: 'attribute_not_exists(usedAt) OR usedAt <= :hourAgo',
              ExpressionAttributeValues: {
                ':at': at.toISOString(),
                ':hourAgo': new Date(at.getTime() - HOUR_MS).toISOString(),
                ':kept': keptUntil(expiresAt),
              },
            }),
          ),
        );
      } catch (error) {
        // A conflict means that another container has recorded this hour. After any other failure, the next use retries.
        if (!(error instanceof ConflictError)) notedAtMs.delete(tokenId);
      }
    },
  };
};
