import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { ConflictError } from '../../domain/dependency.ts';
import { callAws } from './aws-calls.ts';

/** An item in DynamoDB's format, without interpretation. */
export type RawItem = Readonly<Record<string, AttributeValue>>;

/** Reads and writes whole items of any table. An operator's tool: no deployed function has it. */
export interface TableCopy {
  /** The next items of the table, in no order. `next` is where to continue; undefined at the end. */
  readonly scan: (
    tableName: string,
    after: RawItem | undefined,
  ) => Promise<{ readonly items: readonly RawItem[]; readonly next: RawItem | undefined }>;
  /** The item with the primary key of `item`. */
  readonly read: (tableName: string, item: RawItem) => Promise<RawItem | undefined>;
  /** Writes the item if there is none with its primary key. Returns false, without changes, if there is one. */
  readonly putMissing: (tableName: string, item: RawItem) => Promise<boolean>;
  /** Writes the item and overwrites an existing one. */
  readonly replace: (tableName: string, item: RawItem) => Promise<void>;
}

export const dynamoDbTableCopy = (dynamoDb: DynamoDBClient, pageSize = 100): TableCopy => ({
  scan: async (TableName, after) => {
    const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Scan', () =>
      dynamoDb.send(
        new ScanCommand({
          TableName,
          Limit: pageSize,
          ConsistentRead: true,
          ...(after !== undefined && { ExclusiveStartKey: { ...after } }),
        }),
      ),
    );
    return { items: Items, next: LastEvaluatedKey };
  },

  read: async (TableName, { pk, sk }) => {
    if (pk === undefined || sk === undefined) throw new Error(`An item of ${TableName} has no key.`);
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(new GetItemCommand({ TableName, Key: { pk, sk }, ConsistentRead: true })),
    );
    return Item;
  },

  putMissing: async (TableName, item) => {
    try {
      await callAws('dynamodb', 'PutItem', () =>
        dynamoDb.send(
          new PutItemCommand({
            TableName,
            Item: { ...item },
            ConditionExpression: 'attribute_not_exists(pk)',
          }),
        ),
      );
      return true;
    } catch (error) {
      if (error instanceof ConflictError) return false;
      throw error;
    }
  },

  replace: async (TableName, item) => {
    await callAws('dynamodb', 'PutItem', () =>
      dynamoDb.send(new PutItemCommand({ TableName, Item: { ...item } })),
    );
  },
});
