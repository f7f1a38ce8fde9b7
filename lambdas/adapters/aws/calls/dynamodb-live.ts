import { DeleteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { CALL_LEASE_SECONDS } from '../../../domain/calls/call.ts';
import { OPENED_WITH } from '../../../domain/calls/control.ts';
import type { SessionId, SiteId, WorkspaceId } from '../../../domain/identifiers.ts';
import { KEY_SCOPES } from '../../../domain/keys/sealed-key.ts';
import { CLIENT_SECRET_TTL_SECONDS } from '../../../domain/openai-models.ts';
import type { ReservedSession } from '../../../domain/sessions/session.ts';
import { BILLING_MODES } from '../../../domain/tenancy/workspace.ts';
import type { LiveSession, LiveSessionReader, LiveSessions } from '../../../use-cases/ports/calls.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { callKey } from './call-keys.ts';

/** The longest time that a session of a client secret can last after its mint, seconds. */
const LONGEST_TOKEN_SECONDS = CLIENT_SECRET_TTL_SECONDS.max + CALL_LEASE_SECONDS;

/** Puts the session among the live ones of its workspace, alongside its admission. */
export const livePut = (
  limitsTable: string,
  session: ReservedSession & { readonly siteId: SiteId },
  now: Date,
): TransactWrite => ({
  Put: {
    TableName: limitsTable,
    Item: {
      ...callKey.live(session.workspaceId, session.sessionId),
      siteId: session.siteId,
      openedWith: session.openedWith,
      mode: session.mode,
      fingerprint: session.fingerprint,
      keyScope: session.keyScope,
      keyScopeId: session.keyScopeId,
      startedAt: session.createdAt,
      ...(session.admission?.turnByTurn === true && { turnByTurn: true }),
      expires_at:
        Math.floor(now.getTime() / 1_000) +
        (session.openedWith === 'call' ? CALL_LEASE_SECONDS : LONGEST_TOKEN_SECONDS),
    },
  },
});

const liveItem: z.ZodType<LiveSession & { readonly expiresAt: number }> = z
  .object({
    pk: z.string().startsWith('LIVE#'),
    sk: z.string(),
    siteId: z.string().transform((id) => id as SiteId),
    openedWith: z.enum(OPENED_WITH),
    mode: z.enum(BILLING_MODES),
    fingerprint: z.string(),
    keyScope: z.enum(KEY_SCOPES),
    keyScopeId: z.string(),
    startedAt: z.string(),
    capAt: z.string().nullable().default(null),
    turnByTurn: z.boolean().optional(),
    expires_at: z.number(),
  })
  .transform(({ pk, sk, expires_at: expiresAt, ...live }) => ({
    ...live,
    workspaceId: pk.slice('LIVE#'.length) as WorkspaceId,
    sessionId: sk as SessionId,
    expiresAt,
  }));

/** The place of a session among the live ones of its workspace. */
export const dynamoDbLive = (dynamoDb: DynamoDBDocumentClient, limitsTable: string): LiveSessions => ({
  removeLive: async (workspaceId, sessionId) => {
    await callAws('dynamodb', 'DeleteItem', () =>
      dynamoDb.send(new DeleteCommand({ TableName: limitsTable, Key: callKey.live(workspaceId, sessionId) })),
    );
  },
});

/** The LIVE items of a workspace, including expired ones. */
export const liveItemsOf = (
  dynamoDb: DynamoDBDocumentClient,
  limitsTable: string,
  workspaceId: WorkspaceId,
) =>
  queryAll(
    dynamoDb,
    {
      TableName: limitsTable,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': callKey.live(workspaceId, '' as SessionId).pk },
      ConsistentRead: true,
    },
    liveItem,
  );

/** The running sessions of a workspace, in a base table, so every read sees all earlier admissions. */
export const dynamoDbLiveReader = (
  dynamoDb: DynamoDBDocumentClient,
  limitsTable: string,
): LiveSessionReader => ({
  listLive: async (workspaceId, now) => {
    const live = await liveItemsOf(dynamoDb, limitsTable, workspaceId);
    return live.filter(({ expiresAt }) => expiresAt * 1_000 > now.getTime());
  },
});
