import {
  CreateTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { TABLES, type TableDefinition } from '../lambdas/contract/tables.ts';

/** Creates the tables of the contract where they are missing; what is there stays as it is. */
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
    if (error instanceof ResourceInUseException) return;
    throw error;
  }
  if (ttlAttribute !== undefined)
    await dynamoDb.send(
      new UpdateTimeToLiveCommand({
        TableName: name,
        TimeToLiveSpecification: { AttributeName: ttlAttribute, Enabled: true },
      }),
    );
};

const keySchema = (partition: string, sort: string) => [
  { AttributeName: partition, KeyType: 'HASH' as const },
  { AttributeName: sort, KeyType: 'RANGE' as const },
];
