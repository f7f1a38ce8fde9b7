import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { sessionIdsFrom } from '../../../domain/identifiers.ts';
import type { SessionReader } from '../../../use-cases/ports/sessions.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { recordedSessionItem } from './session-items.ts';
import { sessionUsageItem } from './session-usage-item.ts';

/** Sessions of a site for display. */
export const dynamoDbSessionReader = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly sessions: string; readonly usage: string },
): SessionReader => ({
  listSessions: (site, { from, before, order = 'newest_first' }, page) => {
    const keyAt = (at: Date) => primaryKey.session(site, sessionIdsFrom(at));
    const { pk, sk: first } = keyAt(from);
    // No id equals `before`, because ids continue with random characters after the time.
    const within = { first, last: keyAt(before).sk };
    return queryPage(
      dynamoDb,
      { TableName: tables.sessions, pk, within, newestFirst: order === 'newest_first' },
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

  readSessionUsage: async (siteId, sessionIds) => {
    if (sessionIds.length === 0) return new Map();
    const keys = sessionIds.map((sessionId) => primaryKey.sessionUsage(siteId, sessionId));
    const lookup = await readTogether(dynamoDb, { [tables.usage]: keys });
    const usages = keys.flatMap((key) => sessionUsageItem.optional().parse(lookup(tables.usage, key)) ?? []);
    return new Map(usages.map((usage) => [usage.sessionId, usage]));
  },
});
