import { type DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { ReservedSession } from '../../../domain/sessions/session.ts';
import { expiryOf } from '../../../domain/tenancy/retention.ts';
import type { SessionLog } from '../../../use-cases/ports/sessions.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';

/** A session on record before its key is opened. It can be written only once. */
export const sessionWrite = (session: ReservedSession) => ({
  Item: {
    ...primaryKey.session(session, session.sessionId),
    ...session,
    state: 'reserved',
    expires_at: expiryOf(session.createdAt, session.keptDays),
  },
  ConditionExpression: 'attribute_not_exists(pk)',
});

/** Sessions, and what they reveal about the state of their key. */
export const dynamoDbSessions = (dynamoDb: DynamoDBDocumentClient, sessionsTable: string): SessionLog => {
  const noteActivity = async (
    { keyScope, keyScopeId }: ReservedSession,
    UpdateExpression: string,
    { names, values }: { readonly names?: Record<string, string>; readonly values: Record<string, unknown> },
  ): Promise<void> => {
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(
        new UpdateCommand({
          TableName: sessionsTable,
          Key: primaryKey.keyActivity(keyScope, keyScopeId),
          UpdateExpression,
          ...(names !== undefined && { ExpressionAttributeNames: names }),
          ExpressionAttributeValues: values,
        }),
      ),
    );
  };

  return {
    reserve: async (session) => {
      await callAws('dynamodb', 'PutItem', () =>
        dynamoDb.send(
          new PutCommand({
            TableName: sessionsTable,
            ...sessionWrite(session),
            // The second half accepts a retry whose first attempt succeeded but whose response was lost.
            ConditionExpression: 'attribute_not_exists(pk) OR #state = :reserved',
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: { ':reserved': 'reserved' },
          }),
        ),
      );
    },

    settle: async (session, outcome) => {
      const entries = Object.entries(outcome);
      await callAws('dynamodb', 'UpdateItem', () =>
        dynamoDb.send(
          new UpdateCommand({
            TableName: sessionsTable,
            Key: primaryKey.session(session, session.sessionId),
            UpdateExpression: `SET ${entries.map((_, i) => `#a${i} = :a${i}`).join(', ')}`,
            // The second half accepts a retry whose first attempt succeeded but whose response was lost.
            ConditionExpression: '#state = :reserved OR (#state = :settled AND settledAt = :settledAt)',
            ExpressionAttributeNames: {
              '#state': 'state',
              ...Object.fromEntries(
                entries.map(([name], i) => [`#a${i}`, name === 'at' ? 'settledAt' : name]),
              ),
            },
            ExpressionAttributeValues: {
              ':reserved': 'reserved',
              ':settled': outcome.state,
              ':settledAt': outcome.at,
              ...Object.fromEntries(entries.map(([, value], i) => [`:a${i}`, value])),
            },
          }),
        ),
      );
    },

    // A key that could be opened also clears an earlier "unreadable": a damaged record may have been restored.
    noteVerdict: (session, verdict) => {
      const { keyVersion: version } = session;
      const verified = verdict.ok ? ', verified = :verified' : '';
      return noteActivity(session, `SET #test = :test${verified} REMOVE unreadableVersion, unreadableAt`, {
        names: { '#test': 'test' },
        values: {
          ':test': { version, verdict },
          ...(verdict.ok && { ':verified': { version, at: verdict.checkedAt } }),
        },
      });
    },
    noteUnreadable: (session) =>
      noteActivity(session, 'SET unreadableVersion = :version, unreadableAt = :at', {
        // Uses are recorded later (note-key-use.ts). A use that began before this failure does not contradict it.
        values: { ':version': session.keyVersion, ':at': session.createdAt },
      }),
  };
};
