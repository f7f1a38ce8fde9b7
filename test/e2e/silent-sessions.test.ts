import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, expect, it } from '@jest/globals';
import { dynamoDbSessionUsage } from '../../lambdas/adapters/aws/sessions/dynamodb-session-usage.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { createTables } from '../../local/create-tables.ts';
import { startDynamoDb } from '../../local/dynamodb/engine.ts';

const dynamoDb = await startDynamoDb({ path: process.env['PATH'] });
const client = new DynamoDBClient({
  endpoint: dynamoDb.endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});
await createTables(client);
const documents = DynamoDBDocumentClient.from(client);
const sessionUsage = dynamoDbSessionUsage(documents, {
  usage: TABLES.usage.name,
  dueIndex: TABLES.usage.index.name,
});

afterAll(async () => {
  client.destroy();
  await dynamoDb.close();
});

const at = (second: number): Date => new Date(Date.UTC(2026, 10, 30, 12, 0, second));

/** In the index of due sessions; what it says is not readable, so it is counted and nothing more. */
const putDue = (second: number) =>
  documents.send(
    new PutCommand({
      TableName: TABLES.usage.name,
      Item: { pk: `SITE#${second}`, sk: `METER#${second}`, openShard: '0', dueAt: at(second).toISOString() },
    }),
  );

it('The list of due sessions goes on after a page and ends at now, also where the page ended exactly there', async () => {
  for (const second of [1, 2, 3]) await putDue(second);
  const first = await sessionUsage.listDue(at(2), 1);
  expect(first).toMatchObject({ unreadable: 1, last: at(1) });
  const second = await sessionUsage.listDue(at(2), 1, first.last);
  expect(second).toMatchObject({ unreadable: 1, last: at(2) });
  // The session that is due at second 3 is not due yet, and DynamoDB refuses a range whose bounds are not in order.
  expect(await sessionUsage.listDue(at(2), 1, second.last)).toEqual({
    usages: [],
    unreadable: 0,
    last: undefined,
  });
});
