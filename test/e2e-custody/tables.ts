import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  ScanCommand,
} from '@aws-sdk/lib-dynamodb';
import type { TestStack } from '../support/stack.ts';

export type Item = Readonly<Record<string, unknown>>;

/** The tables, as a person with every right in DynamoDB would use them. */
export interface RawTables {
  readonly client: DynamoDBClient;
  /** Every item, in order of its keys. */
  scan(table: string): Promise<readonly Item[]>;
  /** The items of one partition, in order; for partitions of less than 1 MB. */
  partition(table: string, pk: string): Promise<readonly Item[]>;
  put(table: string, item: Item): Promise<void>;
  delete(table: string, item: Item): Promise<void>;
  /** A table with our keys and without a stream. */
  create(table: string): Promise<void>;
  close(): void;
}

export const rawTables = (stack: TestStack): RawTables => {
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  const documents = DynamoDBDocumentClient.from(client);
  return {
    client,
    scan: async (TableName) => {
      const items: Item[] = [];
      for (let ExclusiveStartKey: Record<string, unknown> | undefined, more = true; more; ) {
        const page = await documents.send(
          new ScanCommand({
            TableName,
            ConsistentRead: true,
            ...(ExclusiveStartKey && { ExclusiveStartKey }),
          }),
        );
        items.push(...(page.Items ?? []));
        ExclusiveStartKey = page.LastEvaluatedKey;
        more = ExclusiveStartKey !== undefined;
      }
      return items.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
    },
    partition: async (TableName, pk) => {
      const { Items = [], LastEvaluatedKey } = await documents.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk },
          ConsistentRead: true,
        }),
      );
      if (LastEvaluatedKey !== undefined) throw new Error(`The partition ${pk} has more than one page.`);
      return Items;
    },
    put: async (TableName, item) => {
      await documents.send(new PutCommand({ TableName, Item: { ...item } }));
    },
    delete: async (TableName, { pk, sk }) => {
      await documents.send(new DeleteCommand({ TableName, Key: { pk, sk } }));
    },
    create: async (TableName) => {
      await client.send(
        new CreateTableCommand({
          TableName,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [
            { AttributeName: 'pk', AttributeType: 'S' },
            { AttributeName: 'sk', AttributeType: 'S' },
          ],
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
        }),
      );
    },
    close: () => client.destroy(),
  };
};

const placeOf = ({ pk, sk }: Item): string => `${pk}\n${sk}`;

/** Everything that items hold as one text: attributes in order of their names, bytes in base64. */
export const textOf = (items: readonly Item[]): string => JSON.stringify(items, (_, value) => inOrder(value));

const inOrder = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
};
