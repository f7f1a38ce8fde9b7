import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { sessionIdsFrom } from '../../domain/identifiers.ts';
import type { ReservedSession } from '../../domain/session.ts';
import type { ErrorLog, ErrorReader, SessionLog, SessionReader } from '../../use-cases/ports.ts';
import { callAws } from './aws-calls.ts';
import { minuteOf } from './dynamodb-limits.ts';
import { readTogether } from './dynamodb-membership.ts';
import { queryPage } from './dynamodb-pages.ts';
import { errorItem, primaryKey, recordedSessionItem } from './items.ts';
import { meterItem } from './meter-item.ts';

/** How long sessions and error rows are kept, seconds. The audit trail has a retention of its own. */
export interface Retention {
  readonly sessionSeconds: number;
  readonly errorSeconds: number;
}

const DAY_SECONDS = 86_400;
export const DEFAULT_RETENTION: Retention = {
  sessionSeconds: 400 * DAY_SECONDS,
  errorSeconds: 30 * DAY_SECONDS,
};

const unixSeconds = (at: string): number => Math.floor(Date.parse(at) / 1_000);

/** A session on record before its key is opened; written once only. */
export const sessionWrite = (
  session: ReservedSession,
  now: Date,
  retention: Retention = DEFAULT_RETENTION,
) => ({
  Item: {
    ...primaryKey.session(session, session.sessionId),
    ...session,
    state: 'reserved',
    expires_at: Math.floor(now.getTime() / 1_000) + retention.sessionSeconds,
  },
  ConditionExpression: 'attribute_not_exists(pk)',
});

/** Sessions, and what they say about their key. */
export const dynamoDbSessions = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
  retention: Retention = DEFAULT_RETENTION,
): SessionLog => {
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
    reserve: async (session, now) => {
      await callAws('dynamodb', 'PutItem', () =>
        dynamoDb.send(
          new PutCommand({
            TableName: sessionsTable,
            ...sessionWrite(session, now, retention),
            // The second half lets a repeated write meet its own first attempt, whose answer was lost.
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
            // The second half lets a repeated write meet its own first attempt, whose answer was lost.
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

    // A clean use also clears an earlier "unreadable": a damaged record may have been restored.
    noteKeyUse: (session, at) =>
      noteActivity(session, 'SET #used = :used REMOVE unreadableVersion', {
        names: { '#used': 'used' },
        values: { ':used': { version: session.keyVersion, at } },
      }),
    noteVerdict: (session, verdict) => {
      const { keyVersion: version } = session;
      const verified = verdict.ok ? ', verified = :verified' : '';
      return noteActivity(session, `SET #test = :test${verified} REMOVE unreadableVersion`, {
        names: { '#test': 'test' },
        values: {
          ':test': { version, verdict },
          ...(verdict.ok && { ':verified': { version, at: verdict.checkedAt } }),
        },
      });
    },
    noteUnreadable: (session) =>
      noteActivity(session, 'SET unreadableVersion = :version', {
        values: { ':version': session.keyVersion },
      }),
  };
};

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
          Key: primaryKey.error(workspaceId, minuteOf(new Date(at)), siteId, source, openAiFailure ?? code),
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
    primaryKey.error(workspaceId, minuteOf(new Date(firstAt)), siteId, source, openAiFailure ?? code).sk,
});

/** Sessions of a site as its operator looks at them. */
export const dynamoDbSessionReader = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly sessions: string; readonly usage: string },
): SessionReader => ({
  listSessions: (site, { from, before }, page) => {
    const keyAt = (at: Date) => primaryKey.session(site, sessionIdsFrom(at));
    const { pk, sk: first } = keyAt(from);
    // Of the ids that begin with the time `before` none equals it: they go on at random.
    const within = { first, last: keyAt(before).sk };
    return queryPage(
      dynamoDb,
      { TableName: tables.sessions, pk, within, newestFirst: true },
      page,
      recordedSessionItem,
    );
  },

  positionOfSession: (session) => primaryKey.session(session, session.sessionId).sk,

  readSession: async (site, sessionId) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tables.sessions,
          Key: primaryKey.session(site, sessionId),
          ConsistentRead: true,
        }),
      ),
    );
    return recordedSessionItem.optional().parse(Item);
  },

  readMeters: async (siteId, sessionIds) => {
    if (sessionIds.length === 0) return new Map();
    const keys = sessionIds.map((sessionId) => primaryKey.meter(siteId, sessionId));
    const lookup = await readTogether(dynamoDb, { [tables.usage]: keys });
    const meters = keys.flatMap((key) => meterItem.optional().parse(lookup(tables.usage, key)) ?? []);
    return new Map(meters.map((meter) => [meter.sessionId, meter]));
  },
});
