import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { HangUpQueue } from '../../../use-cases/ports/calls.ts';
import { callAws } from '../aws-calls.ts';

/** The queue of hang-ups. A message holds IDs and a time, but no call ID and no key material. */
export const sqsHangUps = (sqs: SQSClient, queueUrl: string): HangUpQueue => ({
  send: async (message, delaySeconds = 0) => {
    await callAws('sqs', 'SendMessage', () =>
      sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: JSON.stringify(message),
          DelaySeconds: delaySeconds,
        }),
      ),
    );
  },
});

/** Makes a received message visible again after exactly this many seconds. */
export const sqsPostpone =
  (sqs: SQSClient, queueUrl: string) =>
  async (receiptHandle: string, seconds: number): Promise<void> => {
    await callAws('sqs', 'ChangeMessageVisibility', () =>
      sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: seconds,
        }),
      ),
    );
  };
