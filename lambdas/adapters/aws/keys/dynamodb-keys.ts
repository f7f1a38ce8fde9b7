import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { EventWriter } from '../../../domain/audit/event-writers.ts';
import type { SiteId, WorkspaceId } from '../../../domain/identifiers.ts';
import { markOf } from '../../../domain/keys/key-mark.ts';
import type { KeyAddress } from '../../../domain/keys/stored-key.ts';
import type { KeyActivityReader, KeyStore, KeyUseNotes } from '../../../use-cases/ports/keys.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws, ignoreConflict } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { endingPut } from '../calls/ending-item.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { keyActivityItem, keyVersionItem } from './key-items.ts';
import { type KeyMarks, markPut, verifiedKey } from './key-marks.ts';
import { itemOfCurrentKey, itemOfRetained, retainedKeyAt, storedKeyAt } from './stored-key-item.ts';

/** The current key of a scope, compared with its mark. */
export const dynamoDbKeyReader = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly keys: string; readonly tenancy: string },
  /** Undefined for a table that was restored next to the live one, which no function reads. */
  marks: KeyMarks | undefined,
): Pick<KeyStore, 'readKey'> => ({
  readKey: async (address) => {
    if (marks === undefined) {
      const at = primaryKey.key(address.scope, address.scopeId);
      const lookup = await readTogether(dynamoDb, { [tables.keys]: [at] });
      return storedKeyAt(address, lookup(tables.keys, at));
    }
    return verifiedKey(dynamoDb, tables, marks, address);
  },
});

/**
 * Sealed keys: one current key per scope, its history without ciphertext, and at most one retained record. Every change
 * is one transaction, conditional on the revision that the writer read, and also writes the mark of the key.
 */
export const dynamoDbKeys = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly keys: string; readonly tenancy: string; readonly writer: EventWriter },
  /** As in dynamoDbKeyReader. If absent, no marks are written. */
  marks: KeyMarks | undefined,
): KeyStore => {
  const read = async (Key: PrimaryKey): Promise<Readonly<Record<string, unknown>> | undefined> => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(new GetCommand({ TableName: tables.keys, Key, ConsistentRead: true })),
    );
    return Item;
  };

  return {
    ...dynamoDbKeyReader(dynamoDb, tables, marks),

    readRetained: async (address, version) => {
      const { scope, scopeId } = address;
      return retainedKeyAt(address, version, await read(primaryKey.retainedKey(scope, scopeId, version)));
    },

    listVersions: ({ scope, scopeId }, page) => {
      const { pk } = primaryKey.key(scope, scopeId);
      const within = { prefix: 'VERSION#' };
      return queryPage(
        dynamoDb,
        { TableName: tables.keys, pk, within, newestFirst: true },
        page,
        keyVersionItem,
      );
    },

    changeKey: async (
      address,
      { expectedRevision, currentKey, created, retain, shred },
      event,
      kept = [],
    ) => {
      const { scope, scopeId } = address;
      const put = (key: PrimaryKey, item: object): TransactWrite => ({
        Put: { TableName: tables.keys, Item: { ...key, ...item } },
      });
      const TransactItems: TransactWrite[] = [
        {
          Put: {
            TableName: tables.keys,
            Item: { ...primaryKey.key(scope, scopeId), ...itemOfCurrentKey(currentKey) },
            ...revisionIs(expectedRevision),
          },
        },
        eventPut(tables.tenancy, tables.writer, event),
        ...kept.map((sealed) => endingPut(tables.keys, sealed, new Date(event.at))),
        ...(currentKey.state === 'deleted' ? [] : ownerStands(tables.tenancy, address)),
        ...(marks === undefined ? [] : [await markPut(tables.tenancy, marks, address, markOf(currentKey))]),
      ];
      if (created !== undefined)
        TransactItems.push(put(primaryKey.keyVersion(scope, scopeId, created.version), created));
      if (retain !== undefined)
        TransactItems.push(
          put(primaryKey.retainedKey(scope, scopeId, retain.sealed.version), itemOfRetained(retain)),
        );
      if (shred !== undefined)
        TransactItems.push({
          Delete: { TableName: tables.keys, Key: primaryKey.retainedKey(scope, scopeId, shred) },
        });
      await callAws('dynamodb', 'TransactWriteItems', () =>
        dynamoDb.send(new TransactWriteCommand({ TransactItems })),
      );
    },

    shredRetained: async ({ scope, scopeId }, { sealed, retainedUntil }) => {
      const shred = callAws('dynamodb', 'DeleteItem', () =>
        dynamoDb.send(
          new DeleteCommand({
            TableName: tables.keys,
            Key: primaryKey.retainedKey(scope, scopeId, sealed.version),
            ConditionExpression: 'expires_at = :until',
            ExpressionAttributeValues: { ':until': retainedUntil },
          }),
        ),
      );
      await ignoreConflict(shred);
    },
  };
};

/**
 * The conditions that the site and the workspace of a key still exist. A key must not be stored if they were deleted
 * during its probe.
 */
const ownerStands = (tenancyTable: string, { scope, scopeId, workspaceId }: KeyAddress): TransactWrite[] => {
  if (scope === 'platform') return [];
  const workspace: TransactWrite = {
    ConditionCheck: {
      TableName: tenancyTable,
      Key: primaryKey.workspace(workspaceId as WorkspaceId),
      ConditionExpression: 'deletedAt = :null',
      ExpressionAttributeValues: { ':null': null },
    },
  };
  if (scope === 'workspace') return [workspace];
  const site: TransactWrite = {
    ConditionCheck: {
      TableName: tenancyTable,
      Key: primaryKey.site(workspaceId as WorkspaceId, scopeId as SiteId),
      ConditionExpression: 'attribute_exists(pk)',
    },
  };
  return [workspace, site];
};

/** The condition that the current key is still the one from which the change was computed. */
const revisionIs = (expected: number) => {
  if (expected === 0) return { ConditionExpression: 'attribute_not_exists(pk)' };
  if (expected < 0)
    return {
      ConditionExpression: 'attribute_exists(pk) AND NOT (revision > :zero)',
      ExpressionAttributeValues: { ':zero': 0 },
    };
  return {
    ConditionExpression: 'revision = :expected',
    ExpressionAttributeValues: { ':expected': expected },
  };
};

/** The activity of a key. It is in the sessions table, because the functions that write it may not write keys. */
export const dynamoDbKeyActivity = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
): KeyActivityReader & KeyUseNotes => ({
  readActivity: async ({ scope, scopeId }) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: sessionsTable,
          Key: primaryKey.keyActivity(scope, scopeId),
          ConsistentRead: true,
        }),
      ),
    );
    return keyActivityItem.optional().parse(Item);
  },

  noteUse: async ({ address: { scope, scopeId }, version, at }, { isReadable }) => {
    const isLatest = '(attribute_not_exists(#used) OR #used.#at < :at)';
    await callAws('dynamodb', 'UpdateItem', () =>
      dynamoDb.send(
        new UpdateCommand({
          TableName: sessionsTable,
          Key: primaryKey.keyActivity(scope, scopeId),
          UpdateExpression: `SET #used = :used${isReadable ? ' REMOVE unreadableVersion, unreadableAt' : ''}`,
          ConditionExpression: isReadable
            ? `${isLatest} AND (attribute_not_exists(unreadableAt) OR unreadableAt < :at)`
            : isLatest,
          ExpressionAttributeNames: { '#used': 'used', '#at': 'at' },
          ExpressionAttributeValues: { ':used': { version, at }, ':at': at },
        }),
      ),
    );
  },
});
