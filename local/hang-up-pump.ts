import { createHash } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { startPump } from './pump.ts';
import { messageAttributes, queueArnOf } from './sqs/operations.ts';
import type { QueueView, ReceivedMessage } from './sqs/server.ts';

/**
 * Stands in for Lambda's event source mapping of the queue: receives batches, calls the same handler that Lambda calls and
 * deletes the processed messages. With ReportBatchItemFailures a message that the handler names returns when its
 * visibility timeout has passed; if the handler throws, or names a message that was not in its batch, all of them do.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export interface HangUpPump {
  /** Returns when nothing that is due is left. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export type QueueHandler = (event: SQSEvent) => Promise<SQSBatchResponse>;

export interface PumpOptions {
  /** @default 10 */
  readonly batchSize?: number;
  /** Maximum number of concurrent batches; AWS allows 2 to 1,000. @default 2 */
  readonly maximumConcurrency?: number;
}

/** Interval between requests while the queue is empty, milliseconds. */
const IDLE_MS = 50;

export const startHangUpPump = (
  sqs: QueueView,
  handler: QueueHandler,
  { batchSize = 10, maximumConcurrency = 2 }: PumpOptions = {},
): HangUpPump => {
  const handOver = async (received: readonly ReceivedMessage[]): Promise<void> => {
    const failed = await handler({ Records: received.map((message) => recordOf(message, sqs.name)) }).then(
      failedIds,
      () => undefined,
    );
    const isComplete = failed?.every((id) => received.some(({ messageId }) => messageId === id));
    if (failed === undefined || isComplete !== true) return;
    for (const { messageId, receiptHandle } of received)
      if (!failed.includes(messageId)) sqs.remove(receiptHandle);
  };
  const deliver = async (): Promise<boolean> => {
    const batches = Array.from({ length: maximumConcurrency }, () => sqs.receive(batchSize)).filter(
      (batch) => batch.length > 0,
    );
    await Promise.all(batches.map(handOver));
    return batches.length > 0;
  };
  return startPump({ idleMs: IDLE_MS }, deliver);
};

/** A response without the list means that all messages were processed. */
const failedIds = (response: SQSBatchResponse | undefined | null): readonly string[] =>
  (response?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier);

const recordOf = (message: ReceivedMessage, queue: string): SQSRecord => ({
  messageId: message.messageId,
  receiptHandle: message.receiptHandle,
  body: message.body,
  attributes: messageAttributes(message),
  messageAttributes: {},
  md5OfBody: createHash('md5').update(message.body).digest('hex'),
  eventSource: 'aws:sqs',
  eventSourceARN: queueArnOf(queue),
  awsRegion: 'us-east-1',
});
