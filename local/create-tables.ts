import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { TABLES, type TableDefinition } from '../lambdas/contract/tables.ts';

/** Creates missing tables of the contract. In an existing table, it changes nothing but adds a missing stream. */
export const createTables = async (dynamoDb: DynamoDBClient): Promise<void> => {
  await Promise.all(Object.values(TABLES).map((table) => createTable(dynamoDb, table)));
};

const createTable = async (dynamoDb: DynamoDBClient, table: TableDefinition): Promise<void> => {
  const { name, index, stream, ttlAttribute } = table;
  const attributes = new Set(['pk', 'sk', ...(index ? [index.partitionKey, index.sortKey] : [])]);
  try {
    await dynamoDb.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [...attributes].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: keySchema('pk', 'sk'),
        ...(stream && { StreamSpecification: { StreamEnabled: true, StreamViewType: stream } }),
        ...(index && {
          GlobalSecondaryIndexes: [
            {
              IndexName: index.name,
              KeySchema: keySchema(index.partitionKey, index.sortKey),
              Projection: { ProjectionType: index.keysOnly === true ? 'KEYS_ONLY' : 'ALL' },
            },
          ],
        }),
      }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
    await addStream(dynamoDb, table);
    return;
  }
  if (ttlAttribute !== undefined)
    await dynamoDb.send(
      new UpdateTimeToLiveCommand({
        TableName: name,
        TimeToLiveSpecification: { AttributeName: ttlAttribute, Enabled: true },
      }),
    );
};

/** Data of an earlier version may lack a stream that was added later. */
const addStream = async (dynamoDb: DynamoDBClient, { name, stream }: TableDefinition): Promise<void> => {
  if (stream === undefined) return;
  const { Table } = await dynamoDb.send(new DescribeTableCommand({ TableName: name }));
  if (Table?.StreamSpecification?.StreamEnabled === true) return;
  await dynamoDb.send(
    new UpdateTableCommand({
      TableName: name,
      StreamSpecification: { StreamEnabled: true, StreamViewType: stream },
    }),
  );
};

const keySchema = (partition: string, sort: string) => [
  { AttributeName: partition, KeyType: 'HASH' as const },
  { AttributeName: sort, KeyType: 'RANGE' as const },
];
