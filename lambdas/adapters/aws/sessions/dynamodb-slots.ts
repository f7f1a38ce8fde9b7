import { DeleteCommand, type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { ConflictError } from '../../../domain/dependency.ts';
import type { SlotLeases } from '../../../use-cases/ports/sessions.ts';
import { callAws, ignoreConflict } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { HELD_BY_SESSION, holderValues } from './lease-item.ts';

/** Concurrency slots after they were acquired. Only the session that holds a slot renews or releases it. */
export const dynamoDbSlots = (dynamoDb: DynamoDBDocumentClient, limitsTable: string): SlotLeases => ({
  release: async (workspaceId, leases) => {
    await Promise.all(
      leases.map(({ pool, index, sessionId }) =>
        ignoreConflict(
          callAws('dynamodb', 'DeleteItem', () =>
            dynamoDb.send(
              new DeleteCommand({
                TableName: limitsTable,
                Key: primaryKey.slot(workspaceId, pool, index),
                ConditionExpression: HELD_BY_SESSION,
                ExpressionAttributeValues: holderValues(sessionId),
              }),
            ),
          ),
        ),
      ),
    );
  },

  renew: async (workspaceId, leases, now) => {
    const kept = await Promise.all(
      leases.map(({ pool, index, sessionId, expiresAt }) =>
        stillHeld(
          callAws('dynamodb', 'UpdateItem', () =>
            dynamoDb.send(
              new UpdateCommand({
                TableName: limitsTable,
                Key: primaryKey.slot(workspaceId, pool, index),
                // A page that was told to hang up, and then may continue, is expected to stay.
                UpdateExpression: 'SET expires_at = :until REMOVE e',
                // An expired lease no longer counts, even if no other session has taken its slot yet.
                ConditionExpression: `${HELD_BY_SESSION} AND expires_at > :now`,
                ExpressionAttributeValues: {
                  ...holderValues(sessionId),
                  ':now': Math.floor(now.getTime() / 1_000),
                  ':until': expiresAt,
                },
              }),
            ),
          ),
        ),
      ),
    );
    return kept.every((held) => held);
  },

  expect: async (workspaceId, leases, now) => {
    const kept = await Promise.all(
      leases.map(({ pool, index, sessionId, expectedUntil }) =>
        stillHeld(
          callAws('dynamodb', 'UpdateItem', () =>
            dynamoDb.send(
              new UpdateCommand({
                TableName: limitsTable,
                Key: primaryKey.slot(workspaceId, pool, index),
                UpdateExpression: 'SET e = :until',
                ConditionExpression: `${HELD_BY_SESSION} AND expires_at > :now`,
                ExpressionAttributeValues: {
                  ...holderValues(sessionId),
                  ':now': Math.floor(now.getTime() / 1_000),
                  ':until': expectedUntil,
                },
              }),
            ),
          ),
        ),
      ),
    );
    return kept.every((held) => held);
  },
});

const stillHeld = async (write: Promise<unknown>): Promise<boolean> => {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
};
