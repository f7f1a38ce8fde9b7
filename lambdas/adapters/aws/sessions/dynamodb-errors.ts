import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { clockMinuteOf } from '../../../domain/time.ts';
import type { ErrorLog, ErrorReader } from '../../../use-cases/ports/sessions.ts';
import { callAws } from '../aws-calls.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { DEFAULT_RETENTION, type Retention, unixSeconds } from './retention.ts';
import { errorItem } from './session-items.ts';

/** The operator's list of failures: one row per site, reason and minute, with a count, however many visitors met it. */
export const dynamoDbErrors = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
  retention: Retention = DEFAULT_RETENTION,
): ErrorLog & ErrorReader => ({
  report: async ({ workspaceId, siteId, code, source, openAiFailure, message, sessionId, at }) => {
    const optional = { siteId, openAiFailure, sessionId };
    const given = Object.entries(optional).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value }],
    );
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(
        new UpdateCommand({
          TableName: sessionsTable,
          Key: primaryKey.error(
            workspaceId,
            clockMinuteOf(new Date(at)),
            siteId,
            source,
            openAiFailure ?? code,
          ),
          UpdateExpression: [
            'SET workspaceId = :workspaceId, code = :code, #source = :source, message = :message, lastAt = :at,',
            'firstAt = if_not_exists(firstAt, :at), expires_at = :expiresAt',
            ...given.map(({ name }) => `, ${name} = :${name}`),
            'ADD #count :one',
          ].join(' '),
          ExpressionAttributeNames: { '#count': 'count', '#source': 'source' },
          ExpressionAttributeValues: {
            ':source': source,
            ':workspaceId': workspaceId,
            ':code': code,
            ':message': message,
            ':at': at,
            ':one': 1,
            ':expiresAt': unixSeconds(at) + retention.errorSeconds,
            ...Object.fromEntries(given.map(({ name, value }) => [`:${name}`, value])),
          },
        }),
      ),
    );
  },

  listErrors: (workspaceId, page) => {
    const { pk } = primaryKey.error(workspaceId, '', undefined, 'mint', '');
    return queryPage(dynamoDb, { TableName: sessionsTable, pk, newestFirst: true }, page, errorItem);
  },

  positionOfError: ({ workspaceId, siteId, source, openAiFailure, code, firstAt }) =>
    primaryKey.error(workspaceId, clockMinuteOf(new Date(firstAt)), siteId, source, openAiFailure ?? code).sk,
});
