import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { WorkspaceId } from '../../../domain/identifiers.ts';
import { matchesMark } from '../../../domain/keys/key-mark.ts';
import type { KeyAddress } from '../../../domain/keys/stored-key.ts';
import type { TamperingLog } from '../../../use-cases/ports/anomalies.ts';
import type { KeyExaminer } from '../../../use-cases/ports/keys.ts';
import { eventPut } from '../audit/event-outbox.ts';
import { callAws, ignoreConflict } from '../aws-calls.ts';
import { type KeyMarks, stateOf, verifiedItems } from '../keys/key-marks.ts';
import { primaryKey } from '../table-keys.ts';

const seenItem = z.object({ seenRevision: z.number() });

/**
 * Examines keys, and remembers the highest revision of each among the detector's items. A mark that goes back behind it was
 * put back, however well its MAC fits.
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

  /** `above`: only over this revision. Another examination that was first has seen a newer one. */
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
      // First: a change between the two reads then has the higher revision, never the lower one.
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

/** Incidents as events of the outbox, under their own ids: each is recorded once. */
export const dynamoDbTamperings = (dynamoDb: DynamoDBDocumentClient, tenancyTable: string): TamperingLog => ({
  knows: async ({ workspaceId, eventId }) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tenancyTable,
          Key: primaryKey.event(workspaceId, eventId),
          ConsistentRead: true,
        }),
      ),
    );
    return Item !== undefined;
  },
  note: async (event) => {
    const { Put } = eventPut(tenancyTable, event);
    if (Put === undefined) return;
    await callAws('dynamodb', 'PutItem', () => dynamoDb.send(new PutCommand(Put)));
  },
});
