import {
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { TABLES } from '../../../contract/tables.ts';
import { invalidCursor } from '../../../domain/broker-error.ts';
import {
  isSessionId,
  isSiteId,
  type SessionId,
  type SiteId,
  sessionIdsFrom,
  type WorkspaceId,
  workspaceOfSite,
} from '../../../domain/identifiers.ts';
import type { MeteredSession, WorkspaceSessionReader } from '../../../use-cases/ports/sessions.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { callKey } from '../calls/call-keys.ts';
import { sessionId, siteId } from '../ids.ts';
import { primaryKey } from '../table-keys.ts';
import { recordedSessionItem } from './session-items.ts';
import { sessionUsageItem } from './session-usage-item.ts';

const INDEX = TABLES.sessions.index;

const indexEntry = z.object({ pk: z.string(), sk: z.string() });
type IndexEntry = z.output<typeof indexEntry>;

/** Where a session of a site is stored. */
interface Place {
  readonly siteId: SiteId;
  readonly sessionId: SessionId;
}
const callItem: z.ZodType<Place> = z.object({ siteId, sessionId });

/**
 * Sessions of all sites of a workspace, through the index `by-workspace`. The index has keys only: each session and its usage
 * are read by key, in two concurrent calls per page.
 */
export const dynamoDbWorkspaceSessions = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly sessions: string; readonly usage: string },
): WorkspaceSessionReader => {
  const query = async (input: Omit<QueryCommandInput, 'TableName'>) => {
    const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Query', () =>
      dynamoDb.send(
        new QueryCommand({
          TableName: tables.sessions,
          IndexName: INDEX.name,
          ExpressionAttributeNames: { '#partition': INDEX.partitionKey },
          ...input,
        }),
      ),
    );
    return {
      entries: Items.map((raw) => indexEntry.parse(raw)),
      last: LastEvaluatedKey === undefined ? undefined : indexEntry.parse(LastEvaluatedKey),
    };
  };

  /** In the order of `places`, without sessions that no longer exist or that the index lists wrongly. */
  const read = async (
    workspaceId: WorkspaceId,
    places: readonly Place[],
  ): Promise<readonly MeteredSession[]> => {
    if (places.length === 0) return [];
    const keys = places.map(({ siteId, sessionId }) => ({
      session: primaryKey.session({ siteId, workspaceId }, sessionId),
      usage: primaryKey.sessionUsage(siteId, sessionId),
    }));
    const [sessions, usages] = await Promise.all([
      readTogether(dynamoDb, { [tables.sessions]: keys.map(({ session }) => session) }),
      readTogether(dynamoDb, { [tables.usage]: keys.map(({ usage }) => usage) }),
    ]);
    return keys.flatMap((key) => {
      const session = recordedSessionItem.optional().parse(sessions(tables.sessions, key.session));
      if (session === undefined || session.workspaceId !== workspaceId) return [];
      return [{ session, usage: sessionUsageItem.optional().parse(usages(tables.usage, key.usage)) }];
    });
  };

  return {
    listSessions: async (workspaceId, { from, before, order }, { limit, after }) => {
      const skAt = (at: Date): string =>
        primaryKey.session({ siteId: undefined, workspaceId }, sessionIdsFrom(at)).sk;
      // No id equals `before`, because ids continue with random characters after the time.
      const range = { first: skAt(from), last: skAt(before) };
      const start = after === undefined ? undefined : startingAt(after, workspaceId, range);
      const { entries, last } = await query({
        KeyConditionExpression: '#partition = :partition AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':partition': workspaceId, ':first': range.first, ':last': range.last },
        ScanIndexForward: order === 'oldest_first',
        Limit: limit,
        ...(start !== undefined && {
          ExclusiveStartKey: { ...start, [INDEX.partitionKey]: workspaceId },
        }),
      });
      const items = await read(workspaceId, entries.flatMap(placeOf));
      return { items, next: last === undefined ? undefined : positionText(last) };
    },

    findSession: async (workspaceId, sessionId) => {
      const { entries } = await query({
        KeyConditionExpression: '#partition = :partition AND sk = :sk',
        ExpressionAttributeValues: {
          ':partition': workspaceId,
          ':sk': primaryKey.session({ siteId: undefined, workspaceId }, sessionId).sk,
        },
        Limit: 1,
      });
      const [found] = await read(workspaceId, entries.flatMap(placeOf));
      return found;
    },

    findCall: async (workspaceId, callId) => {
      const { Item } = await callAws('dynamodb', 'GetItem', () =>
        dynamoDb.send(new GetCommand({ TableName: tables.sessions, Key: callKey.call(workspaceId, callId) })),
      );
      const [found] = await read(workspaceId, Item === undefined ? [] : [callItem.parse(Item)]);
      return found;
    },

    positionOf: ({ siteId, workspaceId, sessionId }) =>
      positionText(primaryKey.session({ siteId, workspaceId }, sessionId)),
  };
};

/** A person's use of the workspace's key is in the index too, but not part of any list of sessions. */
const placeOf = ({ pk, sk }: IndexEntry): readonly Place[] => {
  const siteId = pk.replace(/^SITE#/, '');
  const sessionId = sk.replace(/^SESSION#/, '');
  return pk !== siteId && isSiteId(siteId) && isSessionId(sessionId) ? [{ siteId, sessionId }] : [];
};

const positionText = ({ pk, sk }: IndexEntry): string => `${sk} ${pk}`;

/**
 * The key that a position names. A forged position can only choose where in the caller's own list the page starts.
 *
 * @throws BrokerError `invalid_request` for a position outside of the list.
 */
const startingAt = (
  position: string,
  workspaceId: WorkspaceId,
  { first, last }: { readonly first: string; readonly last: string },
): IndexEntry => {
  const [sk = '', pk = '', ...more] = position.split(' ');
  const site = pk.replace(/^SITE#/, '');
  const isOfWorkspace =
    pk === `WORKSPACE#${workspaceId}` ||
    (pk !== site && isSiteId(site) && workspaceOfSite(site) === workspaceId);
  const isSession = isSessionId(sk.replace(/^SESSION#/, '')) && sk.startsWith('SESSION#');
  if (more.length > 0 || !isOfWorkspace || !isSession || sk < first || sk > last) throw invalidCursor();
  return { pk, sk };
};
