import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { TABLES, type TableDefinition } from '../lambdas/contract/tables.ts';
import type { StreamHandler } from '../lambdas/streams/stream-handler.ts';
import type { LocalDynamoDb } from './dynamodb/engine.ts';
import { startPump } from './pump.ts';

/**
 * Stands in for Lambda's event source mappings: polls the stream of each table from its beginning and hands batches to
 * the same handler, without those that the mapping's filter discards. At least once, in order, going back to the first record that the handler reports as failed; a record
 * that fails for good is left out after `MAX_ATTEMPTS`, with a line that says so, where AWS would dead-letter it.
 */
export interface StreamPump {
  /** Resolves when everything that was written before the call has been delivered. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

const BATCH = 100;
/** Corresponds to Lambda's `MaximumBatchingWindowInSeconds`: records within it form one batch. */
const GATHER_MS = 250;
/** Interval between reads of streams whose writes are not reported. */
const POLL_MS = 100;
/**
 * Interval between reads of streams whose writes are reported. It is needed because expired items also create records.
 */
const EXPIRY_POLL_MS = 2_000;
const MAX_ATTEMPTS = 5;

export interface StreamClients {
  readonly dynamoDb: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
}

export const startStreamPump = async (
  clients: StreamClients,
  consumers: Readonly<Partial<Record<keyof typeof TABLES, StreamHandler>>>,
  onDeadLetter: (table: string, sequenceNumber: string) => void,
  onWritten?: LocalDynamoDb['onWritten'],
): Promise<StreamPump> => {
  const readers = await Promise.all(
    Object.values(TABLES).flatMap((table: TableDefinition) => {
      const handler = consumers[table.name];
      if (handler === undefined) return [];
      return [openStreamReader(clients, table, handler, onDeadLetter).then((read) => ({ table, read }))];
    }),
  );
  /** Tables whose streams may have unread records. */
  const pending = new Set<string>();
  const expectRecordsEverywhere = (): void => {
    for (const { table } of readers) pending.add(table.name);
  };
  const deliver = async (): Promise<boolean> => {
    // A round without a request reads every stream.
    if (pending.size === 0) expectRecordsEverywhere();
    const due = readers.filter(({ table }) => pending.delete(table.name));
    // Waits for all of them, because the next round must not call a handler that still runs.
    const rounds = await Promise.allSettled(
      due.map(async ({ table, read }) => {
        // A table that is written to while its stream is read becomes pending again.
        const had = await read().catch((error: unknown) => {
          pending.add(table.name);
          throw error;
        });
        if (had) pending.add(table.name);
        return had;
      }),
    );
    const failed = rounds.find((round) => round.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return rounds.some((round) => round.status === 'fulfilled' && round.value);
  };
  const pump = startPump(
    { idleMs: onWritten === undefined ? POLL_MS : EXPIRY_POLL_MS, gatherMs: GATHER_MS },
    deliver,
  );
  onWritten?.((table) => {
    if (!readers.some(({ table: { name } }) => name === table)) return;
    pending.add(table);
    pump.wake();
  });
  return {
    drain: () => {
      expectRecordsEverywhere();
      return pump.drain();
    },
    close: pump.close,
  };
};

/** Reads one table's stream. Each call delivers at most one batch and returns whether there was one. */
export const openStreamReader = async (
  { dynamoDb, streams }: StreamClients,
  { name, streamedPrefix = '' }: TableDefinition,
  handler: StreamHandler,
  onDeadLetter: (table: string, sequenceNumber: string) => void,
): Promise<() => Promise<boolean>> => {
  const { Table } = await dynamoDb.send(new DescribeTableCommand({ TableName: name }));
  const StreamArn = Table?.LatestStreamArn;
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
  let position: { readonly after: string } | undefined;
  let attempts = 0;
  /** The end of the last read, if all of its records were delivered. */
  let next: string | undefined;

  const iterator = async (): Promise<string | undefined> => {
    const { ShardIterator } = await streams.send(
      new GetShardIteratorCommand({
        StreamArn,
        ShardId,
        ...(position === undefined
          ? { ShardIteratorType: 'TRIM_HORIZON' }
          : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: position.after }),
      }),
    );
    return ShardIterator;
  };

  return async () => {
    const from = next ?? (await iterator());
    next = undefined;
    const { Records = [], NextShardIterator } = await streams.send(
      new GetRecordsCommand({ ShardIterator: from, Limit: BATCH }),
    );
    if (Records.length === 0) {
      next = NextShardIterator;
      return false;
    }
    // The SDK's record differs from Lambda's only in the type of a date.
    const records = Records.map(
      (record) =>
        ({
          ...record,
          eventSourceARN: StreamArn,
          dynamodb: {
            ...record.dynamodb,
            ApproximateCreationDateTime: Math.floor(
              (record.dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0) / 1_000,
            ),
          },
        }) as DynamoDBRecord,
    );
    const numbers = records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '');
    const wanted = records.filter(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S?.startsWith(streamedPrefix));
    const response = wanted.length === 0 ? undefined : await handler({ Records: wanted });
    const failed = response?.batchItemFailures[0]?.itemIdentifier;
    const done = failed === undefined ? numbers.length : numbers.indexOf(failed);
    attempts = failed === undefined || done > 0 ? 0 : attempts + 1;
    let last = numbers[done - 1];
    if (failed !== undefined && attempts >= MAX_ATTEMPTS) {
      onDeadLetter(name, failed);
      attempts = 0;
      last = failed;
    }
    if (last !== undefined) position = { after: last };
    if (done === numbers.length) next = NextShardIterator;
    // A failed record is pending until it is processed or given up on.
    return true;
  };
};
