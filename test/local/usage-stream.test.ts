import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { createTables } from '../../local/create-tables.ts';
import { startDynamoDb } from '../../local/dynamodb/engine.ts';
import { startStreamPump } from '../../local/stream-pump.ts';
import { clientsOf } from './dynamodb/clients.ts';

let engine: Awaited<ReturnType<typeof startDynamoDb>>;
let clients: ReturnType<typeof clientsOf>;
beforeAll(async () => {
  engine = await startDynamoDb({});
  clients = clientsOf(engine.endpoint);
});
afterAll(async () => {
  clients?.destroy();
  await engine?.close();
});

it('data of an earlier version gets a stream for budgets, which delivers only budget items', async () => {
  const TableName = TABLES.usage.name;
  const { partitionKey, sortKey, name } = TABLES.usage.index;
  await clients.client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', partitionKey, sortKey].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: name,
          KeySchema: [
            { AttributeName: partitionKey, KeyType: 'HASH' },
            { AttributeName: sortKey, KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    }),
  );
  await createTables(clients.client);
  const delivered: unknown[] = [];
  const pump = await startStreamPump(
    { dynamoDb: clients.client, streams: clients.streams },
    {
      usage: async ({ Records }) => {
        for (const { dynamodb } of Records)
          delivered.push([
            dynamodb?.Keys?.['pk']?.S,
            dynamodb?.OldImage?.['n']?.N,
            dynamodb?.NewImage?.['n']?.N,
          ]);
        return { batchItemFailures: [] };
      },
    },
    () => undefined,
  );
  const put = (pk: string, n: number) =>
    clients.documents.send(new PutCommand({ TableName, Item: { pk, sk: 'one', n } }));
  await put('METERS#s', 1);
  await put('BUDGET#w', 1);
  await put('USAGE#w', 1);
  await put('BUDGET#w', 2);
  await pump.drain();
  await pump.close();
  expect(delivered).toEqual([
    ['BUDGET#w', undefined, '1'],
    ['BUDGET#w', '1', '2'],
  ]);
});
