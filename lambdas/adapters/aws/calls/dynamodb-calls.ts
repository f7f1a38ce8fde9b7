import {
  type DynamoDBDocumentClient,
  GetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { CALL_LEASE_SECONDS, ENDED_BY, type EndedBy, isCallId } from '../../../domain/calls/call.ts';
import { ConflictError } from '../../../domain/dependency.ts';
import { isSessionId, type SessionId, type SiteId, workspaceOfSite } from '../../../domain/identifiers.ts';
import { SILENCE_SECONDS } from '../../../domain/sessions/session-usage.ts';
import { expiryOf } from '../../../domain/tenancy/retention.ts';
import type { CallIssuer, CallRecords, EndableSession } from '../../../use-cases/ports/calls.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws, ignoreConflict } from '../aws-calls.ts';
import { HELD_BY_SESSION, holderValues } from '../sessions/lease-item.ts';
import { recordedSessionItem } from '../sessions/session-items.ts';
import { primaryKey } from '../table-keys.ts';
import { callKey } from './call-keys.ts';
import { keyUseOutcomeWrite } from './dynamodb-key-uses.ts';

const sessionKey = (siteId: SiteId, sessionId: SessionId) => {
  const workspaceId = workspaceOfSite(siteId);
  if (workspaceId === undefined) throw new Error('The site of a session has a workspace.');
  return primaryKey.session({ siteId, workspaceId }, sessionId);
};

const callFacts = z.object({
  callId: z.string().refine(isCallId).optional(),
  settledAt: z.string().optional(),
  endRequested: z.enum(ENDED_BY).optional(),
  endedBy: z.enum(ENDED_BY).optional(),
  endedAt: z.string().optional(),
  replacedBy: z.string().refine(isSessionId).optional(),
  replaces: z.string().refine(isSessionId).optional(),
});

/** Hop 4 and its reversal. */
export const dynamoDbCallIssuer = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly sessions: string; readonly limits: string },
): CallIssuer => ({
  issue: async ({ session, outcome, use, leases, capAt, now }) => {
    const facts = Object.entries(outcome).map(([name, value]) => [name === 'at' ? 'settledAt' : name, value]);
    const nowSeconds = Math.floor(now.getTime() / 1_000);
    const admittedSeconds = Math.floor(Date.parse(session.createdAt) / 1_000);
    const capSeconds = Math.floor(capAt.getTime() / 1_000);
    const slots = leases.map(
      ({ pool, index, sessionId }): TransactWrite => ({
        Update: {
          TableName: tables.limits,
          Key: primaryKey.slot(session.workspaceId, pool, index),
          UpdateExpression: 'SET expires_at = :until, e = :expected',
          // An expired lease no longer counts, even if no other session has taken its slot yet.
          ConditionExpression: `${HELD_BY_SESSION} AND expires_at > :now`,
          ExpressionAttributeValues: {
            ...holderValues(sessionId),
            ':now': nowSeconds,
            ':until': admittedSeconds + CALL_LEASE_SECONDS,
            ':expected': Math.min(capSeconds, nowSeconds + SILENCE_SECONDS),
          },
        },
      }),
    );
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: tables.sessions,
                Key: sessionKey(session.siteId, session.sessionId),
                UpdateExpression: `SET ${facts.map((_, i) => `#a${i} = :a${i}`).join(', ')}`,
                ConditionExpression: [
                  'attribute_not_exists(endRequested) AND',
                  '(#state = :reserved OR (#state = :issued AND callId = :callId))',
                ].join(' '),
                ExpressionAttributeNames: {
                  '#state': 'state',
                  ...Object.fromEntries(facts.map(([name], i) => [`#a${i}`, name])),
                },
                ExpressionAttributeValues: {
                  ':reserved': 'reserved',
                  ':issued': 'issued',
                  ':callId': outcome.callId,
                  ...Object.fromEntries(facts.map(([, value], i) => [`:a${i}`, value])),
                },
              },
            },
            ...(use === undefined
              ? []
              : [{ Update: { TableName: tables.sessions, ...keyUseOutcomeWrite(use.intent, use.outcome) } }]),
            {
              Put: {
                TableName: tables.sessions,
                Item: {
                  ...callKey.call(session.workspaceId, outcome.callId),
                  siteId: session.siteId,
                  sessionId: session.sessionId,
                  expires_at: expiryOf(session.createdAt, session.keptDays),
                },
              },
            },
            ...slots,
            {
              Update: {
                TableName: tables.limits,
                Key: callKey.live(session.workspaceId, session.sessionId),
                UpdateExpression: 'SET capAt = :capAt',
                ConditionExpression: 'attribute_exists(pk)',
                ExpressionAttributeValues: { ':capAt': capAt.toISOString() },
              },
            },
          ],
        }),
      ),
    );
  },

  readEndRequest: async (siteId, sessionId) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tables.sessions,
          Key: sessionKey(siteId, sessionId),
          ConsistentRead: true,
        }),
      ),
    );
    return callFacts.optional().parse(Item)?.endRequested;
  },

  withdraw: async ({ siteId, sessionId }, callId, refusal) => {
    await ignoreConflict(
      callAws('dynamodb', 'UpdateItem', () =>
        dynamoDb.send(
          new UpdateCommand({
            TableName: tables.sessions,
            Key: sessionKey(siteId, sessionId),
            UpdateExpression: 'SET #state = :refused, refusal = :refusal',
            ConditionExpression: '#state = :issued AND callId = :callId',
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':refused': 'refused',
              ':issued': 'issued',
              ':refusal': refusal,
              ':callId': callId,
            },
          }),
        ),
      ),
    );
  },
});

/** Call records, for the code that ends calls. */
export const dynamoDbCallRecords = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
): Omit<CallRecords, 'requestEnd' | 'orderEnd'> => {
  const readSession: CallRecords['readSession'] = async (siteId, sessionId) => {
    if (workspaceOfSite(siteId) === undefined) return undefined;
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: sessionsTable,
          Key: sessionKey(siteId, sessionId),
          ConsistentRead: true,
        }),
      ),
    );
    if (Item === undefined) return undefined;
    const session = recordedSessionItem.parse(Item);
    const { settledAt: openedAt, ...facts } = callFacts.parse(Item);
    return { session, state: session.state, openedAt, ...facts } as EndableSession;
  };
  return {
    readSession,
    readCall: async (siteId, sessionId) => {
      const found = await readSession(siteId, sessionId);
      return found?.session.openedWith === 'call' ? found : undefined;
    },

    noteEndedBy: async (siteId, sessionId, by, at) => {
      try {
        await callAws('dynamodb', 'UpdateItem', () =>
          dynamoDb.send(
            new UpdateCommand({
              TableName: sessionsTable,
              Key: sessionKey(siteId, sessionId),
              UpdateExpression: 'SET endedBy = :by, hungUpAt = :at',
              ConditionExpression: 'attribute_exists(pk) AND attribute_not_exists(endedBy)',
              ExpressionAttributeValues: { ':by': by, ':at': at },
            }),
          ),
        );
        return true;
      } catch (error) {
        if (error instanceof ConflictError) return false;
        throw error;
      }
    },
  };
};

/** Marks a call to be ended. The first requester stays on record. */
const endMark = (siteId: SiteId, sessionId: SessionId, by: EndedBy) => ({
  Key: sessionKey(siteId, sessionId),
  UpdateExpression: 'SET endRequested = if_not_exists(endRequested, :by)',
  ConditionExpression: 'openedWith = :call',
  ExpressionAttributeValues: { ':by': by, ':call': 'call' },
});

/** False if the condition says that there is no such call. */
const isDone = async (write: Promise<unknown>): Promise<boolean> => {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
};

export const dynamoDbEndRequests = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
): Pick<CallRecords, 'requestEnd'> => ({
  requestEnd: (siteId, sessionId, by) =>
    isDone(
      callAws('dynamodb', 'UpdateItem', () =>
        dynamoDb.send(new UpdateCommand({ TableName: sessionsTable, ...endMark(siteId, sessionId, by) })),
      ),
    ),
});

/** Like dynamoDbEndRequests, for a request by a person: writes the audit event together with the mark. */
export const dynamoDbEndOrders = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly sessions: string; readonly tenancy: string },
): Pick<CallRecords, 'orderEnd'> => ({
  orderEnd: (siteId, sessionId, by, event) =>
    isDone(
      callAws('dynamodb', 'TransactWriteItems', () =>
        dynamoDb.send(
          new TransactWriteCommand({
            TransactItems: [
              { Update: { TableName: tables.sessions, ...endMark(siteId, sessionId, by) } },
              eventPut(tables.tenancy, 'keys', event),
            ],
          }),
        ),
      ),
    ),
});
