import { setTimeout as sleep } from 'node:timers/promises';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it } from '@jest/globals';
import { createTables } from '../../local/create-tables.ts';
import { startDynamoDb } from '../../local/dynamodb/engine.ts';
import { startStreamPump } from '../../local/stream-pump.ts';
import { clientsOf } from './dynamodb/clients.ts';

it('A round in which one table fails waits for the handlers of the other tables, so none runs twice at once', async () => {
  const engine = await startDynamoDb({});
  const clients = clientsOf(engine.endpoint);
  await createTables(clients.client);
  for (const TableName of ['tenancy', 'sessions'])
    await clients.documents.send(new PutCommand({ TableName, Item: { pk: 'SITE#s', sk: 'one' } }));
  const slow = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  let failures = 0;
  const pump = await startStreamPump(
    { dynamoDb: clients.client, streams: clients.streams },
    {
      tenancy: async () => {
        failures += 1;
        throw new Error('The projector is away.');
      },
      sessions: async () => {
        most = Math.max(most, ++running);
        await slow.promise;
        running -= 1;
        return { batchItemFailures: [] };
      },
    },
    () => undefined,
  );
  try {
    // The next round would begin 100 ms after a failure.
    await expect(Promise.race([pump.drain(), sleep(1_000, 'still in its round')])).resolves.toBe(
      'still in its round',
    );
    expect({ most, failures }).toEqual({ most: 1, failures: 1 });
  } finally {
    slow.resolve();
    await pump.close();
    clients.destroy();
    await engine.close();
  }
});
