import { type DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { KeyUse, KeyUseOutcome } from '../../../domain/calls/key-use.ts';
import { expiryOf } from '../../../domain/tenancy/retention.ts';
import type { KeyUseLog } from '../../../use-cases/ports/calls.ts';
import { callAws } from '../aws-calls.ts';
import { callKey } from './call-keys.ts';

/** The intent to open a key for a call. It can be written only once. */
export const keyUseWrite = (use: KeyUse) => ({
  Item: {
    ...callKey.use(use.sessionId, use.useId),
    ...use,
    state: 'intended',
    expires_at: expiryOf(use.createdAt, use.keptDays),
  },
  ConditionExpression: 'attribute_not_exists(pk)',
});

/** The outcome of a use, alone or as part of a transaction. */
export const keyUseOutcomeWrite = (
  use: KeyUse,
  { at, result, kmsRequestId, openAiRequestId }: KeyUseOutcome,
) => {
  const given = Object.entries({ settledAt: at, result, kmsRequestId, openAiRequestId }).filter(
    ([, value]) => value !== undefined,
  );
  return {
    Key: callKey.use(use.sessionId, use.useId),
    UpdateExpression: `SET #state = :settled, ${given.map((_, i) => `#a${i} = :a${i}`).join(', ')}`,
    // The second half accepts a retry whose first attempt succeeded but whose response was lost.
    ConditionExpression: '#state = :intended OR (#state = :settled AND settledAt = :at)',
    ExpressionAttributeNames: {
      '#state': 'state',
      ...Object.fromEntries(given.map(([name], i) => [`#a${i}`, name])),
    },
    ExpressionAttributeValues: {
      ':intended': 'intended',
      ':settled': 'settled',
      ':at': at,
      ...Object.fromEntries(given.map(([, value], i) => [`:a${i}`, value])),
    },
  };
};

/**
 * Decrypts of keys for calls. No list of sessions contains them; the audit trail reads them from the table's stream.
 */
export const dynamoDbKeyUses = (dynamoDb: DynamoDBDocumentClient, sessionsTable: string): KeyUseLog => ({
  intend: async (use) => {
    await callAws('dynamodb', 'PutItem', () =>
      dynamoDb.send(new PutCommand({ TableName: sessionsTable, ...keyUseWrite(use) })),
    );
  },

  settle: async (use, outcome) => {
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(new UpdateCommand({ TableName: sessionsTable, ...keyUseOutcomeWrite(use, outcome) })),
    );
  },
});
