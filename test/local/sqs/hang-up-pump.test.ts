import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { type HangUpPump, type PumpOptions, startHangUpPump } from '../../../local/hang-up-pump.ts';
import { type LocalSqs, startLocalSqs } from '../../../local/sqs/server.ts';
import { clientOf } from './clients.ts';

let nowMs: number;
let sqs: LocalSqs;
let client: SQSClient;
let pump: HangUpPump | undefined;
let batches: string[][];
beforeEach(async () => {
  nowMs = Date.UTC(2026, 10, 30);
  batches = [];
  sqs = await startLocalSqs(() => nowMs);
  client = clientOf(sqs);
});
afterEach(async () => {
  await pump?.close();
  client.destroy();
  await sqs.close();
});

const sendAll = async (...messages: readonly string[]): Promise<void> => {
  const Entries = messages.map((MessageBody, index) => ({ Id: `e${index}`, MessageBody }));
  await client.send(new SendMessageBatchCommand({ QueueUrl: sqs.queueUrl, Entries }));
};
const start = (handle: (event: SQSEvent) => Promise<SQSBatchResponse>, options?: PumpOptions): HangUpPump => {
  pump = startHangUpPump(
    sqs,
    async (event) => {
      batches.push(event.Records.map(({ body }) => body));
      return handle(event);
    },
    options,
  );
  return pump;
};
const reporting =
  (...failed: readonly string[]) =>
  async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => ({
    batchItemFailures: Records.filter(({ body }) => failed.includes(body)).map(({ messageId }) => ({
      itemIdentifier: messageId,
    })),
  });

describe('the event source mapping of the local queue', () => {
  it('delivers due messages in batches and deletes them on success', async () => {
    await sendAll('a', 'b', 'c');
    await start(reporting(), { batchSize: 2 }).drain();
    expect(batches).toEqual([['a', 'b'], ['c']]);
    expect(sqs.waiting('all')).toBe(0);
  });

  it('delivers records in the format of Lambda', async () => {
    await sendAll('a');
    let record: unknown;
    await start(async ({ Records }) => {
      record = Records[0];
      return { batchItemFailures: [] };
    }).drain();
    expect(record).toMatchObject({
      body: 'a',
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(nowMs) },
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:hang-ups',
      md5OfBody: '0cc175b9c0f1b6a831c399e269772661',
    });
  });

  it('keeps the failures that the handler reports, and delivers them again after their visibility timeout', async () => {
    await sendAll('good', 'bad');
    const running = start(reporting('bad'));
    await running.drain();
    expect(batches).toEqual([['good', 'bad']]);
    nowMs += 179_999;
    await running.drain();
    expect(batches).toHaveLength(1);
    nowMs += 1;
    await running.drain();
    expect(batches).toEqual([['good', 'bad'], ['bad']]);
  });

  it.each([
    ['throws', async () => Promise.reject(new Error('Out of order.'))],
    ['names a message of no batch', async () => ({ batchItemFailures: [{ itemIdentifier: 'unknown' }] })],
    ['names no message', async () => ({ batchItemFailures: [{ itemIdentifier: '' }] })],
  ])('keeps the whole batch if the handler %s', async (_, handle) => {
    await sendAll('a', 'b');
    await start(handle).drain();
    expect(sqs.waiting('all')).toBe(2);
    expect(sqs.waiting('due')).toBe(0);
  });

  it('gives up on a message after 62 deliveries', async () => {
    await sendAll('poison');
    const running = start(reporting('poison'));
    for (let delivery = 0; delivery < 62; delivery += 1) {
      await running.drain();
      nowMs += 180_000;
    }
    expect(sqs.deadLetters).toEqual([]);
    await running.drain();
    expect(batches).toHaveLength(62);
    expect(sqs.deadLetters).toEqual(['poison']);
  });

  it('runs at most its maximum concurrency of batches', async () => {
    await sendAll('a', 'b', 'c', 'd', 'e');
    let inHandler = 0;
    let most = 0;
    await start(
      async () => {
        inHandler += 1;
        most = Math.max(most, inHandler);
        await sleep(5);
        inHandler -= 1;
        return { batchItemFailures: [] };
      },
      { batchSize: 1, maximumConcurrency: 2 },
    ).drain();
    expect(batches).toHaveLength(5);
    expect(most).toBe(2);
  });

  it('works in the background until it is closed', async () => {
    const running = start(reporting());
    await sendAll('a');
    for (let waits = 0; waits < 1_000 && batches.length === 0; waits += 1) await sleep(10);
    expect(batches).toEqual([['a']]);
    await running.close();
    await sendAll('b');
    expect(sqs.waiting('due')).toBe(1);
  });
});
