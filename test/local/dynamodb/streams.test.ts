import { CreateTableCommand, DeleteTableCommand, DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { DeleteCommand, PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalDynamoDb, startDynamoDb } from '../../../local/dynamodb/engine.ts';
import { clientsOf, simpleTable } from './clients.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const dbPath = folder.file('streams.sqlite');
const withStream = { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } } as const;
let engine: LocalDynamoDb;
let clients: ReturnType<typeof clientsOf>;

async function start(): Promise<void> {
  engine = await startDynamoDb({ dbPath });
  clients = clientsOf(engine.endpoint);
}
async function stop(): Promise<void> {
  clients.destroy();
  await engine.close();
}

beforeAll(start);
afterAll(async () => {
  await stop();
  folder.remove();
});

async function recordsOf(tableName: string, afterSequenceNumber?: string) {
  const { Table } = await clients.client.send(new DescribeTableCommand({ TableName: tableName }));
  const StreamArn = Table?.LatestStreamArn;
  const { StreamDescription } = await clients.streams.send(new DescribeStreamCommand({ StreamArn }));
  const { ShardIterator } = await clients.streams.send(
    new GetShardIteratorCommand({
      StreamArn,
      ShardId: StreamDescription?.Shards?.[0]?.ShardId,
      ...(afterSequenceNumber === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: afterSequenceNumber }),
    }),
  );
  const { Records = [] } = await clients.streams.send(new GetRecordsCommand({ ShardIterator }));
  return Records;
}

describe('streams', () => {
  it('carry each change once, in order, with the new image', async () => {
    await clients.client.send(new CreateTableCommand(simpleTable('events', withStream)));
    const put = (n: number) => new PutCommand({ TableName: 'events', Item: { pk: 'a', n } });
    await clients.documents.send(put(1));
    await clients.documents.send(put(2));
    await clients.documents.send(new DeleteCommand({ TableName: 'events', Key: { pk: 'a' } }));
    const records = await recordsOf('events');
    expect(records.map(({ eventName, dynamodb }) => [eventName, dynamodb?.NewImage?.['n']])).toEqual([
      ['INSERT', { N: '1' }],
      ['MODIFY', { N: '2' }],
      ['REMOVE', undefined],
    ]);
  });

  it('carry no change of a cancelled transaction', async () => {
    const before = await recordsOf('events');
    const transaction = new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName: 'events', Item: { pk: 'b' } } },
        {
          ConditionCheck: {
            TableName: 'events',
            Key: { pk: 'none' },
            ConditionExpression: 'attribute_exists(pk)',
          },
        },
      ],
    });
    await expect(clients.documents.send(transaction)).rejects.toThrow('ConditionalCheckFailed');
    await expect(recordsOf('events')).resolves.toHaveLength(before.length);
  });

  it('are listed by table', async () => {
    const { Streams } = await clients.streams.send(new ListStreamsCommand({ TableName: 'events' }));
    expect(Streams).toEqual([expect.objectContaining({ TableName: 'events' })]);
  });

  it('continue after a restart from the position of the reader', async () => {
    const last = (await recordsOf('events')).at(-1)?.dynamodb?.SequenceNumber;
    await stop();
    await start();
    await clients.documents.send(new PutCommand({ TableName: 'events', Item: { pk: 'after' } }));
    const records = await recordsOf('events', last);
    expect(records.map(({ dynamodb }) => dynamodb?.Keys)).toEqual([{ pk: { S: 'after' } }]);
  });

  // The next two differ from AWS: the code that hands these records to a consumer has to make up for it.
  it('number the events of each table from one, so that an ID is unique only within its stream', async () => {
    await clients.client.send(new CreateTableCommand(simpleTable('others', withStream)));
    await clients.documents.send(new PutCommand({ TableName: 'others', Item: { pk: 'a' } }));
    const [other] = await recordsOf('others');
    const [event] = await recordsOf('events');
    expect(other?.eventID).toBe(event?.eventID);
  });

  it('still carry the records of a deleted table after a table of the same name is created', async () => {
    await clients.client.send(new DeleteTableCommand({ TableName: 'others' }));
    await clients.client.send(new CreateTableCommand(simpleTable('others', withStream)));
    await clients.documents.send(new PutCommand({ TableName: 'others', Item: { pk: 'b' } }));
    const records = await recordsOf('others');
    expect(records.map(({ dynamodb }) => dynamodb?.Keys?.['pk'])).toEqual([{ S: 'a' }, { S: 'b' }]);
  });
});
