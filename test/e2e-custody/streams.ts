import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import type { StreamHandler } from '../../lambdas/streams/stream-handler.ts';
import type { TestStack } from '../support/stack.ts';
import type { RawTables } from './tables.ts';

/** The tables whose changes make up the trail. */
export const SOURCES = ['tenancy', 'keys', 'sessions'] as const;
export type Source = (typeof SOURCES)[number];
export type RecordsOf = Readonly<Record<Source, readonly DynamoDBRecord[]>>;

/** Every record of the streams since their tables were made, as Lambda would get it. */
export const collectRecords = async (stack: TestStack, tables: RawTables): Promise<RecordsOf> => {
  const streams = new DynamoDBStreamsClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  try {
    const read = async (source: Source) => [source, await recordsOf(streams, tables, source)] as const;
    return Object.fromEntries(await Promise.all(SOURCES.map(read))) as unknown as RecordsOf;
  } finally {
    streams.destroy();
  }
};

const recordsOf = async (
  streams: DynamoDBStreamsClient,
  { client }: RawTables,
  TableName: Source,
): Promise<readonly DynamoDBRecord[]> => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  const StreamArn = Table?.LatestStreamArn;
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const records: DynamoDBRecord[] = [];
  for (const { ShardId } of StreamDescription?.Shards ?? []) {
    const first = await streams.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    for (let ShardIterator = first.ShardIterator; ShardIterator !== undefined; ) {
      const page = await streams.send(new GetRecordsCommand({ ShardIterator, Limit: 100 }));
      if (page.Records === undefined || page.Records.length === 0) break;
      for (const record of page.Records) {
        const seconds = Math.floor((record.dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0) / 1_000);
        records.push({
          ...record,
          eventSourceARN: StreamArn,
          dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: seconds },
        } as DynamoDBRecord);
      }
      ShardIterator = page.NextShardIterator;
    }
  }
  return records;
};

export const shuffled = <Item>(items: readonly Item[], random: () => number): Item[] => {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as Item, result[i] as Item];
  }
  return result;
};

/** Batches of one shard, one to seven records each, in its order. */
export const batchesOf = (
  records: readonly DynamoDBRecord[],
  random: () => number,
): readonly (readonly DynamoDBRecord[])[] => {
  const batches: (readonly DynamoDBRecord[])[] = [];
  for (let i = 0; i < records.length; ) {
    const size = 1 + Math.floor(random() * 7);
    batches.push(records.slice(i, i + size));
    i += size;
  }
  return batches;
};

/** Takes from several queues in a random order that keeps the order within each. */
export const interleaved = <Item>(queues: readonly (readonly Item[])[], random: () => number): Item[] => {
  const rest = queues.map((queue) => [...queue]);
  const result: Item[] = [];
  for (let open = rest.filter(({ length }) => length > 0); open.length > 0; ) {
    const queue = open[Math.floor(random() * open.length)];
    const item = queue?.shift();
    if (item !== undefined) result.push(item);
    open = rest.filter(({ length }) => length > 0);
  }
  return result;
};

const MAX_DELIVERIES = 500;

/** Delivers one batch of one shard as Lambda does: again from the first record that failed, until none does. */
export const deliver = async (
  handler: StreamHandler,
  batch: readonly DynamoDBRecord[],
): Promise<{ readonly deliveries: number }> => {
  let rest = [...batch];
  for (let deliveries = 1; deliveries <= MAX_DELIVERIES; deliveries++) {
    const failed = (await handler({ Records: rest })).batchItemFailures[0]?.itemIdentifier;
    if (failed === undefined) return { deliveries };
    const index = rest.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed);
    if (index < 0) throw new Error('The handler reported a record that it was not given.');
    rest = rest.slice(index);
  }
  throw new Error('A record kept failing.');
};
