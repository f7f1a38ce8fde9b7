import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { receiptOf } from '../../../domain/sessions/receipt.ts';
import { claimsTooMuch } from '../../../domain/sessions/watched-usage.ts';
import type { SessionEndRecorder } from '../../../use-cases/ports/sessions.ts';
import { callAws, ignoreConflict } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';

export const dynamoDbSessionEnds = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
): SessionEndRecorder => ({
  recordEnd: async (usage) => {
    const { endedAt, seconds } = receiptOf(usage);
    const claims = claimsTooMuch(usage);
    await ignoreConflict(
      callAws('dynamodb', 'UpdateItem', () =>
        dynamoDb.send(
          new UpdateCommand({
            TableName: sessionsTable,
            Key: primaryKey.session(usage, usage.sessionId),
            // A claim is removed if it turns out later that the watcher had missed something.
            UpdateExpression: `SET endedAt = :endedAt, usedSeconds = :seconds${claims ? ', claimsTooMuch = :claims' : ' REMOVE claimsTooMuch'}`,
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeValues: {
              ':endedAt': endedAt ?? usage.issuedAt,
              ':seconds': seconds,
              ...(claims && { ':claims': true }),
            },
          }),
        ),
      ),
    );
  },
});
