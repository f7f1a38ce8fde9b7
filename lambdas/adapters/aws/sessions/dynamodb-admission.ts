import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { SessionAdmitter } from '../../../use-cases/ports/sessions.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';
import { sessionWrite } from './dynamodb-sessions.ts';
import { quotaReservationWrites } from './usage-writes.ts';

/** The one write that lets a visitor in. */
export const dynamoDbAdmission = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly sessions: string; readonly limits: string; readonly usage: string },
): SessionAdmitter => ({
  admit: async (session, leases, hold, now) => {
    const nowSeconds = Math.floor(now.getTime() / 1_000);
    const slots = leases.map(
      ({ expiresAt, ...lease }): TransactWrite => ({
        Put: {
          TableName: tables.limits,
          Item: {
            ...primaryKey.slot(session.workspaceId, lease.pool, lease.index),
            ...lease,
            siteId: session.siteId,
            keyScope: session.keyScope,
            keyScopeId: session.keyScopeId,
            expires_at: expiresAt,
          },
          // Expiry is judged here and now; DynamoDB's own deletion may come days later.
          ConditionExpression: 'attribute_not_exists(pk) OR expires_at <= :now',
          ExpressionAttributeValues: { ':now': nowSeconds },
        },
      }),
    );
    const minutes = hold === undefined ? [] : quotaReservationWrites(tables.usage, hold);
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(
        new TransactWriteCommand({
          TransactItems: [
            { Put: { TableName: tables.sessions, ...sessionWrite(session, now) } },
            ...slots,
            ...minutes,
          ],
        }),
      ),
    );
  },
});
