import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { HangUpQueue } from '../../../use-cases/ports/calls.ts';
import { callAws } from '../aws-calls.ts';

/** The queue of hang-ups. A message carries ids and a time; neither a call id nor anything of a key. */
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

/** Lets a message that was received return after this many seconds, and not before. */
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
