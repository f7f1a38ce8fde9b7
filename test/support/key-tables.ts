import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
} from '@aws-sdk/lib-dynamodb';
import { type PrimaryKey, primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { type SiteId, type WorkspaceId, workspaceOfSite } from '../../lambdas/domain/identifiers.ts';
import type { KeyBinding, KeyScope, SealedKey } from '../../lambdas/domain/keys/sealed-key.ts';
import type { KeyAddress } from '../../lambdas/domain/keys/stored-key.ts';

export type TableName = keyof typeof TABLES;
export type Item = Readonly<Record<string, unknown>>;

/** A sealed key as stored in an item. Its place and the item `KEY` determine its owner and version. */
export type SealedRecord = Omit<SealedKey, keyof KeyBinding>;

/** The item `KEY` of a scope, as stored. */
export interface KeyItem extends Item {
  readonly pk: string;
  readonly revision: number;
  readonly lastVersion: number;
  readonly version: number;
  readonly sealed: SealedRecord;
}

/** An earlier version that a rollback can still restore. */
export interface RetainedItem extends Item {
  readonly pk: string;
  readonly sk: string;
  readonly sealed: SealedRecord;
}

export const addressAt = (scope: KeyScope, scopeId: string): KeyAddress => ({
  scope,
  scopeId,
  workspaceId: scope === 'site' ? (workspaceOfSite(scopeId as SiteId) ?? scopeId) : scopeId,
});

/** The record in an item `KEY`, with the identity that it was sealed for. */
export const sealedKeyOf = ({ pk, version, sealed }: KeyItem): SealedKey => {
  const [scope = '', scopeId = ''] = pk.split('#');
  return { ...addressAt(scope.toLowerCase() as KeyScope, scopeId), version, ...sealed };
};

/** Direct access to the tables without the handlers, as for a person with access to DynamoDB. */
export interface Tables {
  scan(table: TableName): Promise<readonly Item[]>;
  keyItem(scope: KeyScope, scopeId: string): Promise<KeyItem>;
  retainedItem(scope: KeyScope, scopeId: string, version: number): Promise<RetainedItem>;
  /** Everything stored about the key of a scope: the item `KEY`, the history and the retained record. */
  keyItemsOf(scope: KeyScope, scopeId: string): Promise<readonly Item[]>;
  putKeyItem(item: Item): Promise<void>;
  putItem(table: TableName, item: Item): Promise<void>;
  /** Sessions of a site, oldest first. */
  sessionsOf(siteId: string): Promise<readonly Item[]>;
  /** The items of one partition, in the order of their sort keys. */
  partition(table: TableName, pk: string): Promise<readonly Item[]>;
  /** Slots that are taken now in a workspace. */
  slotsOf(workspaceId: string): Promise<readonly Item[]>;
  /** Items of one partition, in the order of their sort keys. */
  itemsOf(table: TableName, pk: string): Promise<readonly Item[]>;
  /** Items of the usage table under one partition key: session usage of a site, or totals of a workspace. */
  usageOf(pk: string): Promise<readonly Item[]>;
  close(): void;
}

export const tablesAt = (endpoint: string): Tables => {
  const client = new DynamoDBClient({
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const scan = async (table: TableName): Promise<readonly Item[]> => {
    const items: Item[] = [];
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const page = await documents.send(
        new ScanCommand({
          TableName: TABLES[table].name,
          ConsistentRead: true,
          ...(ExclusiveStartKey && { ExclusiveStartKey }),
        }),
      );
      items.push(...(page.Items ?? []));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return items;
  };
  /** One partition, in the order of its sort keys. */
  const query = async (table: TableName, pk: string): Promise<readonly Item[]> => {
    const items: Item[] = [];
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const page = await documents.send(
        new QueryCommand({
          TableName: TABLES[table].name,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk },
          ConsistentRead: true,
          ...(ExclusiveStartKey && { ExclusiveStartKey }),
        }),
      );
      items.push(...(page.Items ?? []));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return items;
  };
  const keysItem = async (Key: PrimaryKey): Promise<Item> => {
    const { Item } = await documents.send(
      new GetCommand({ TableName: TABLES.keys.name, Key: { ...Key }, ConsistentRead: true }),
    );
    if (Item === undefined) throw new Error(`There is nothing at ${Key.pk} ${Key.sk}.`);
    return Item;
  };
  const putItem = async (table: TableName, Item: Item): Promise<void> => {
    await documents.send(new PutCommand({ TableName: TABLES[table].name, Item: { ...Item } }));
  };
  return {
    scan,
    keyItem: async (scope, scopeId) => (await keysItem(primaryKey.key(scope, scopeId))) as KeyItem,
    retainedItem: async (scope, scopeId, version) =>
      (await keysItem(primaryKey.retainedKey(scope, scopeId, version))) as RetainedItem,
    keyItemsOf: (scope, scopeId) => query('keys', primaryKey.key(scope, scopeId).pk),
    putKeyItem: (item) => putItem('keys', item),
    putItem,
    sessionsOf: async (siteId) =>
      (await query('sessions', `SITE#${siteId}`)).filter(({ sk }) => String(sk).startsWith('SESSION#')),
    partition: query,
    slotsOf: async (workspaceId) =>
      (await query('limits', primaryKey.slot(workspaceId as WorkspaceId, '', 0).pk)).filter(
        ({ s }) => s !== undefined,
      ),
    itemsOf: query,
    usageOf: (pk) => query('usage', pk),
    close: () => client.destroy(),
  };
};
