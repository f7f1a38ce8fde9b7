import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { primaryKey } from '../../lambdas/adapters/aws/items.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { SealedKey } from '../../lambdas/domain/sealed-key.ts';

export type TableName = keyof typeof TABLES;
export type Item = Readonly<Record<string, unknown>>;

/** A stored OpenAI key as the table has it. */
export interface KeyItem extends Item {
  readonly pk: string;
  readonly version: number;
  readonly sealed: SealedKey;
}

/** The tables behind the handlers' backs, as somebody with access to DynamoDB would use them. */
export interface Tables {
  scan(table: TableName): Promise<readonly Item[]>;
  keyItem(scope: 'site' | 'workspace' | 'platform', scopeId: string): Promise<KeyItem>;
  putKeyItem(item: Item): Promise<void>;
  /** Sessions of a site, oldest first. */
  sessionsOf(siteId: string): Promise<readonly Item[]>;
  /** Slots that are taken now in a workspace. */
  slotsOf(workspaceId: string): Promise<readonly Item[]>;
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
  return {
    scan,
    keyItem: async (scope, scopeId) => {
      const Key = primaryKey.key(scope, scopeId);
      const { Item } = await documents.send(
        new GetCommand({ TableName: TABLES.keys.name, Key, ConsistentRead: true }),
      );
      if (Item === undefined) throw new Error(`There is no key at ${Key.pk}.`);
      return Item as KeyItem;
    },
    putKeyItem: async (Item) => {
      await documents.send(new PutCommand({ TableName: TABLES.keys.name, Item: { ...Item } }));
    },
    sessionsOf: async (siteId) =>
      (await scan('sessions'))
        .filter(({ pk, sk }) => pk === `SITE#${siteId}` && String(sk).startsWith('SESSION#'))
        .sort((a, b) => (String(a['sk']) < String(b['sk']) ? -1 : 1)),
    slotsOf: async (workspaceId) => (await scan('limits')).filter(({ pk }) => pk === `SLOTS#${workspaceId}`),
    close: () => client.destroy(),
  };
};
