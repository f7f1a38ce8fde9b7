import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { SessionId } from '../../../domain/identifiers.ts';
import type { SessionAdmitter } from '../../../use-cases/ports/sessions.ts';
import type { AdmissionWrite } from '../../../use-cases/ports.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { budgetChecks } from '../budgets/budget-writes.ts';
import { keyUseWrite } from '../calls/dynamodb-key-uses.ts';
import { livePut } from '../calls/dynamodb-live.ts';
import { primaryKey } from '../table-keys.ts';
import { sessionWrite } from './dynamodb-sessions.ts';
import { HELD_BY_SESSION, holderValues, leaseAttributes, leaseHolder } from './lease-item.ts';
import { quotaReservationWrites } from './usage-writes.ts';
import { visitorWrites } from './visitor-writes.ts';

/** Admits a visitor in one transaction, which writes session, slots, minutes and budgets, or nothing. */
export const dynamoDbAdmission = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly sessions: string; readonly limits: string; readonly usage: string },
): SessionAdmitter => ({
  admit: async ({ session, leases, hold, use, budgets, visitor, replaced, successorOf }, now) => {
    const nowSeconds = Math.floor(now.getTime() / 1_000);
    const slots = leases.map(
      (lease): TransactWrite => ({
        Put: {
          TableName: tables.limits,
          Item: {
            ...primaryKey.slot(session.workspaceId, lease.pool, lease.index),
            ...leaseAttributes(lease),
          },
          // Expiry is checked here, because DynamoDB's own deletion can be days late. Never from a session with the same tag:
          // that one could still report, and would be taken for this one.
          ConditionExpression: `attribute_not_exists(pk) OR (expires_at <= :now AND NOT ${HELD_BY_SESSION})${replaced === undefined ? '' : ' OR begins_with(s, :replaced)'}`,
          ExpressionAttributeValues: {
            ':now': nowSeconds,
            ...holderValues(session.sessionId),
            ...(replaced !== undefined && { ':replaced': leaseHolder(replaced) }),
          },
        },
      }),
    );
    const minutes = hold === undefined ? [] : quotaReservationWrites(tables.usage, hold);
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            { Put: { TableName: tables.sessions, ...sessionPut(session, replaced) } },
            ...(use === undefined ? [] : [{ Put: { TableName: tables.sessions, ...keyUseWrite(use) } }]),
            livePut(tables.limits, session, now),
            ...slots,
            ...(successorOf === undefined ? [] : [successorWrite(tables.sessions, session, successorOf)]),
            ...minutes,
            ...(visitor === undefined ? [] : visitorWrites(tables, session.siteId, visitor, now)),
            ...budgetChecks(tables.usage, budgets),
          ],
        }),
      ),
    );
  },
});

/** The session stores the ID of the one that it replaces, so that the slot can be returned if it is refused. */
const sessionPut = (session: AdmissionWrite['session'], replaces: SessionId | undefined) => {
  const write = sessionWrite(session);
  return { ...write, Item: { ...write.Item, ...(replaces !== undefined && { replaces }) } };
};

/** An older session of the page stores the ID of this one, in case the page never receives the response. */
const successorWrite = (
  sessionsTable: string,
  session: AdmissionWrite['session'],
  successorOf: SessionId,
): TransactWrite => ({
  Update: {
    TableName: sessionsTable,
    Key: primaryKey.session(session, successorOf),
    UpdateExpression: 'SET replacedBy = :successor',
    ConditionExpression: 'attribute_exists(pk)',
    ExpressionAttributeValues: { ':successor': session.sessionId },
  },
});
