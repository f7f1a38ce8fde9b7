import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { isSameText } from '../../../domain/constant-time.ts';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import { fieldsOf, type KeyMark, markOf, matchesMark, refusedKey } from '../../../domain/keys/key-mark.ts';
import type { KeyAddress, StoredKey } from '../../../domain/keys/stored-key.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { type Item, readTogether } from '../batch-get.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { storedKeyAt } from './stored-key-item.ts';

/** The label of the root that marks are computed with. */
const ROOT = 'key-mark/v1';

const keyMarkItem = z.object({
  revision: z.int().nonnegative(),
  lastVersion: z.int().nonnegative(),
  state: z.enum(['active', 'suspended', 'deleted']),
  version: z.int().nonnegative(),
  previousVersion: z.int().nonnegative(),
  mac: z.string(),
});

/** Computes and checks the MACs of marks, with a root that only the roles of the KMS key `marks` can have. */
export interface KeyMarks {
  /** Hex. The same mark of the same key always has the same MAC. */
  macOf(address: KeyAddress, mark: KeyMark): Promise<string>;
  /** The mark in an item; undefined if its MAC is not valid. */
  markIn(address: KeyAddress, item: Item | undefined): Promise<KeyMark | undefined>;
  /** Requests the root ahead of time. A failure surfaces in the code that needs the root. */
  warmUp(): Promise<void>;
  /** Called with each read of a key that does not match its mark. */
  readonly onRefused: (address: KeyAddress) => void;
}

export const keyMarks = (
  keys: DerivationKeys,
  onRefused: KeyMarks['onRefused'] = () => undefined,
): KeyMarks => {
  const macOf = async ({ scope, scopeId, workspaceId }: KeyAddress, mark: KeyMark): Promise<string> =>
    (await keys.derive(ROOT, scope, scopeId, workspaceId, ...fieldsOf(mark))).toString('hex');
  return {
    macOf,
    markIn: async (address, item) => {
      const parsed = keyMarkItem.safeParse(item);
      if (!parsed.success) return undefined;
      const { mac, ...mark } = parsed.data;
      return isSameText(mac, await macOf(address, mark)) ? mark : undefined;
    },
    warmUp: () => keys.warmUp([ROOT]),
    onRefused,
  };
};

/** Puts the mark of `key` in the transaction of the change. `before`: only if the stored mark is still this one. */
export const markPut = async (
  tenancyTable: string,
  marks: KeyMarks,
  address: KeyAddress,
  mark: KeyMark,
  before?: KeyMark,
): Promise<TransactWrite> => ({
  Put: {
    TableName: tenancyTable,
    Item: {
      ...primaryKey.keyMark(address.scope, address.scopeId),
      ...mark,
      mac: await marks.macOf(address, mark),
    },
    ...(before !== undefined && {
      ConditionExpression: 'mac = :before',
      ExpressionAttributeValues: { ':before': await marks.macOf(address, before) },
    }),
  },
});

/** A key and its mark as they are stored. */
export interface MarkedItems {
  readonly key: Item | undefined;
  readonly mark: Item | undefined;
}

/** A key, and its mark if the MAC is valid. */
export interface MarkedKey {
  readonly key: StoredKey | undefined;
  readonly mark: KeyMark | undefined;
}

type MarkedTables = { readonly keys: string; readonly tenancy: string };

/** Reads of one scope until two in a row agree. */
const MAX_READS = 4;

/**
 * A key and its mark. A mismatch is returned only after two consecutive reads, because a batch is not a snapshot: a change
 * between its two reads looks like a mismatch, too.
 */
export const verifiedItems = async (
  dynamoDb: DynamoDBDocumentClient,
  tables: MarkedTables,
  marks: KeyMarks,
  address: KeyAddress,
  first?: MarkedItems,
): Promise<MarkedKey> => {
  let items = first ?? (await readMarkedItems(dynamoDb, tables, address));
  for (let reads = 1; ; reads++) {
    const key = storedKeyAt(address, items.key);
    const mark = await marks.markIn(address, items.mark);
    if (matchesMark(key, mark)) return { key, mark };
    if (reads === MAX_READS) throw new DependencyUnavailableError('dynamodb', 'BatchGetItem', 'KeyChanging');
    const again = await readMarkedItems(dynamoDb, tables, address);
    if (spellingOf(address, items) === spellingOf(address, again)) return { key, mark };
    items = again;
  }
};

/** The key, or a placeholder if it does not match its mark. `first`: the items that a batch has already read. */
export const verifiedKey = async (
  dynamoDb: DynamoDBDocumentClient,
  tables: MarkedTables,
  marks: KeyMarks,
  address: KeyAddress,
  first?: MarkedItems,
): Promise<StoredKey | undefined> => {
  const { key, mark } = await verifiedItems(dynamoDb, tables, marks, address, first);
  if (matchesMark(key, mark)) return key;
  marks.onRefused(address);
  return refusedKey(address, key, mark);
};

/** The items of a key and of its mark, strongly consistent, in one call. */
const readMarkedItems = async (
  dynamoDb: DynamoDBDocumentClient,
  tables: MarkedTables,
  { scope, scopeId }: KeyAddress,
): Promise<MarkedItems> => {
  const at: Readonly<Record<'key' | 'mark', PrimaryKey>> = {
    key: primaryKey.key(scope, scopeId),
    mark: primaryKey.keyMark(scope, scopeId),
  };
  const lookup = await readTogether(dynamoDb, { [tables.keys]: [at.key], [tables.tenancy]: [at.mark] });
  return { key: lookup(tables.keys, at.key), mark: lookup(tables.tenancy, at.mark) };
};

/** Names a state of a key and its mark. */
export const stateOf = (key: StoredKey | undefined, mark: KeyMark | undefined): string =>
  JSON.stringify([key && markOf(key), mark ?? null]);

const spellingOf = (address: KeyAddress, { key, mark }: MarkedItems): string => {
  const stored = storedKeyAt(address, key);
  return JSON.stringify([stored && markOf(stored), mark?.['mac'], mark?.['revision']]);
};
