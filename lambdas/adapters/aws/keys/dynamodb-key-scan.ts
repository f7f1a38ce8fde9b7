import { type DynamoDBDocumentClient, ScanCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { isWellFormed } from '../../../domain/keys/sealed-key.ts';
import { isLive } from '../../../domain/keys/stored-key.ts';
import type { KeyScan, Rewrap, ScannedKey, WrappingWriter } from '../../../use-cases/ports/keys.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { type KeyMarks, markPut } from './key-marks.ts';
import { addressAt } from './key-place.ts';
import { retainedKeyAt, storedKeyAt } from './stored-key-item.ts';

/** Scans the keys table and replaces wrapped data keys. Only for an operator's tool: no deployed function scans. */
export const dynamoDbKeyScan = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly keys: string; readonly tenancy: string },
  /** As in `dynamoDbKeys`. A scan itself checks no mark, but the replacement of a wrapped key does. */
  marks: KeyMarks | undefined,
  pageSize = 100,
): KeyScan & WrappingWriter => ({
  scanKeys: async (after) => {
    const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Scan', () =>
      dynamoDb.send(
        new ScanCommand({
          TableName: tables.keys,
          Limit: pageSize,
          ConsistentRead: true,
          ...(after !== undefined && { ExclusiveStartKey: JSON.parse(after) }),
        }),
      ),
    );
    return {
      items: Items.flatMap((item) => scannedKey(item)),
      next: LastEvaluatedKey === undefined ? undefined : JSON.stringify(LastEvaluatedKey),
    };
  },

  replaceWrappings: async (address, { revision, mark, head, retained }) => {
    const { scope, scopeId } = address;
    const headKey = primaryKey.key(scope, scopeId);
    const TransactItems: TransactWrite[] = [];
    if (revision !== undefined) TransactItems.push(headUpdate(tables.keys, headKey, revision, head));
    if (retained !== undefined) {
      const key = primaryKey.retainedKey(scope, scopeId, retained.sealed.version);
      TransactItems.push({
        Update: {
          TableName: tables.keys,
          Key: key,
          UpdateExpression: SET_WRAPPING,
          ConditionExpression: SAME_WRAPPING,
          ExpressionAttributeValues: wrappingValues(retained),
        },
      });
    }
    if (marks !== undefined && mark !== undefined) {
      const next = { ...mark, revision: mark.revision + 1 };
      TransactItems.push(await markPut(tables.tenancy, marks, address, next, mark));
    }
    for (const { event } of [head, retained].filter((rewrap) => rewrap !== undefined))
      TransactItems.push(eventPut(tables.tenancy, 'rewrap', event));
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  },
});

const SET_WRAPPING = 'SET sealed.wrappedDataKey = :wrapped, sealed.kmsKeyArn = :arn';
const SAME_WRAPPING = 'sealed.wrappedDataKey = :before';

const wrappingValues = ({ sealed, wrapping }: Rewrap): Record<string, unknown> => ({
  ':before': sealed.wrappedDataKey,
  ':wrapped': wrapping.wrappedDataKey,
  ':arn': wrapping.kmsKeyArn,
});

/** The revision changes even if only the retained record does, because a concurrent rollback has read the old one. */
const headUpdate = (
  TableName: string,
  Key: PrimaryKey,
  revision: number,
  head: Rewrap | undefined,
): TransactWrite => ({
  Update: {
    TableName,
    Key,
    UpdateExpression: `${head === undefined ? 'SET' : `${SET_WRAPPING},`} revision = :next`,
    ConditionExpression: `revision = :revision${head === undefined ? '' : ` AND ${SAME_WRAPPING}`}`,
    ExpressionAttributeValues: {
      ':revision': revision,
      ':next': revision + 1,
      ...(head !== undefined && wrappingValues(head)),
    },
  },
});

/** Undefined for items without a wrapped key: history and tombstones. */
const scannedKey = (item: Readonly<Record<string, unknown>>): ScannedKey[] => {
  const [pk, sk] = [String(item['pk']), String(item['sk'])];
  const place = `${pk} ${sk}`;
  const address = addressAt(pk);
  const unreadable: ScannedKey = { record: 'unreadable', place };
  if (sk === 'KEY') {
    const currentKey = address && storedKeyAt(address, item);
    if (address === undefined || currentKey === undefined) return [unreadable];
    if (!isLive(currentKey)) return [];
    // A current key without its counters cannot be changed safely, so its owner must store the key again.
    const sound = currentKey.revision > 0 && isWellFormed(currentKey.sealed);
    return [sound ? { record: 'head', place, address, currentKey } : unreadable];
  }
  const version = /^RETAINED#(\d+)$/.exec(sk)?.[1];
  if (version === undefined) return [];
  const retained = address && retainedKeyAt(address, Number(version), item);
  const sound = address !== undefined && retained !== undefined && isWellFormed(retained.sealed);
  return [sound ? { record: 'retained', place, address, retained } : unreadable];
};
