import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { mayWrite } from '../../../domain/audit/event-writers.ts';
import type { WorkspaceId } from '../../../domain/identifiers.ts';
import { eventIdsFrom } from '../../../domain/identifiers.ts';
import { matchesMark } from '../../../domain/keys/key-mark.ts';
import type { KeyAddress } from '../../../domain/keys/stored-key.ts';
import type { TamperingLog } from '../../../use-cases/ports/anomalies.ts';
import type { OutboxReader } from '../../../use-cases/ports/audit.ts';
import type { KeyExaminer } from '../../../use-cases/ports/keys.ts';
import { auditEventItem } from '../audit/audit-items.ts';
import { dynamoDbOutbox } from '../audit/event-outbox.ts';
import { callAws, ignoreConflict } from '../aws-calls.ts';
import { type KeyMarks, stateOf, verifiedItems } from '../keys/key-marks.ts';
import { primaryKey } from '../table-keys.ts';

const seenItem = z.object({ seenRevision: z.number() });

/**
 * Examines keys and stores the highest revision of each in the detector's items. A mark below that revision was restored
 * from an older state, even if its MAC is valid.
 */
export const dynamoDbKeyExaminer = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly keys: string; readonly tenancy: string; readonly limits: string },
  marks: KeyMarks,
): KeyExaminer => {
  const seenAt = ({ scope, scopeId, workspaceId }: KeyAddress) =>
    primaryKey.anomaly(workspaceId as WorkspaceId, `MARK#${scope}#${scopeId}`);

  const seenRevision = async (address: KeyAddress): Promise<number> => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(new GetCommand({ TableName: tables.limits, Key: seenAt(address), ConsistentRead: true })),
    );
    return seenItem.optional().parse(Item)?.seenRevision ?? 0;
  };

  /**
   * `above`: writes only over this revision. If another one is stored by now, a concurrent examination has seen a newer
   * one.
   */
  const save = async (address: KeyAddress, revision: number, above: number | undefined): Promise<void> => {
    const write = callAws('dynamodb', 'PutItem', () =>
      dynamoDb.send(
        new PutCommand({
          TableName: tables.limits,
          Item: { ...seenAt(address), seenRevision: revision },
          ...(above !== undefined && {
            ConditionExpression: 'attribute_not_exists(pk) OR seenRevision = :above',
            ExpressionAttributeValues: { ':above': above },
          }),
        }),
      ),
    );
    await ignoreConflict(write);
  };

  return {
    examine: async (address) => {
      // Read first, so that a change between the two reads can only raise the revision.
      const seen = await seenRevision(address);
      const { key, mark } = await verifiedItems(dynamoDb, tables, marks, address);
      const state = stateOf(key, mark);
      const revision = mark?.revision ?? 0;
      if (!matchesMark(key, mark)) return { finding: 'differs', state, revision };
      if (revision < seen) return { finding: 'older', state, revision };
      if (revision > seen) await save(address, revision, seen);
      return { finding: 'sound', state, revision };
    },
    accept: async (address, revision) => {
      await save(address, revision, undefined);
    },
  };
};

/** Incidents as outbox events. The event ID is the incident's, so each is recorded once. */
export const dynamoDbTamperings = (dynamoDb: DynamoDBDocumentClient, tenancyTable: string): TamperingLog => ({
  knows: async ({ workspaceId, eventId }) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tenancyTable,
          Key: primaryKey.event('detector', workspaceId, eventId),
          ConsistentRead: true,
        }),
      ),
    );
    return Item !== undefined;
  },
  note: dynamoDbOutbox(dynamoDb, tenancyTable, 'detector').put,
});

/** A window covers two minutes of one workspace. A restore adds one event to it. */
const MAX_EVENTS = 1_000;

/** Reads the outbox back, for the explanation of a change. */
export const dynamoDbOutboxReader = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): OutboxReader => ({
  eventsSince: async (writer, workspaceId, since) => {
    const { Items = [] } = await callAws('dynamodb', 'Query', () =>
      dynamoDb.send(
        new QueryCommand({
          TableName: tenancyTable,
          KeyConditionExpression: 'pk = :pk AND sk >= :since',
          ExpressionAttributeValues: {
            ':pk': primaryKey.event(writer, workspaceId, '').pk,
            ':since': eventIdsFrom(since),
          },
          ConsistentRead: true,
          Limit: MAX_EVENTS,
        }),
      ),
    );
    return Items.flatMap((item) => {
      const event = auditEventItem.safeParse(item);
      return event.success && mayWrite(writer, workspaceId, event.data) ? [event.data] : [];
    });
  },
});
