import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type LocalSqs, startLocalSqs } from '../../../local/sqs/server.ts';
import { clientOf } from './clients.ts';

const START_MS = Date.UTC(2026, 10, 30);
let nowMs: number;
let sqs: LocalSqs;
let client: SQSClient;
let QueueUrl: string;
beforeEach(async () => {
  nowMs = START_MS;
  sqs = await startLocalSqs(
    () => nowMs,
    [
      { name: 'work', visibilitySeconds: 30, redrive: { deadLetterQueue: 'dead', maxReceiveCount: 3 } },
      { name: 'dead' },
    ],
  );
  client = clientOf(sqs);
  QueueUrl = sqs.queueUrl;
});
afterEach(async () => {
  client.destroy();
  await sqs.close();
});

const send = (MessageBody: string, DelaySeconds?: number) =>
  client.send(new SendMessageCommand({ QueueUrl, MessageBody, DelaySeconds }));
const receive = async (more: Partial<ReceiveMessageCommandInput> = {}): Promise<readonly Message[]> => {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
      ...more,
    }),
  );
  return Messages;
};
const bodies = (messages: readonly Message[]) => messages.map(({ Body }) => Body);
const handleOf = (messages: readonly Message[]): string => messages[0]?.ReceiptHandle ?? '';
const hide = (ReceiptHandle: string, VisibilityTimeout: number) =>
  client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));
const remove = (ReceiptHandle: string) => client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));

describe('a message of the local queue', () => {
  it("is delivered as it was sent, with AWS's attributes", async () => {
    const { MessageId } = await send('Zoë 😀');
    nowMs += 5;
    const [message] = await receive();
    expect(message).toMatchObject({
      MessageId,
      Body: 'Zoë 😀',
      Attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: String(START_MS),
        ApproximateFirstReceiveTimestamp: String(START_MS + 5),
      },
    });
  });

  it('is delivered when its delay has passed by the clock', async () => {
    await send('late', 900);
    nowMs += 899_999;
    expect(await receive()).toEqual([]);
    nowMs += 1;
    expect(bodies(await receive())).toEqual(['late']);
  });

  it('is hidden from its delivery until its visibility timeout has passed, and counts its deliveries', async () => {
    await send('work');
    expect(await receive()).toHaveLength(1);
    nowMs += 29_999;
    expect(await receive()).toEqual([]);
    nowMs += 1;
    const [again] = await receive();
    expect(again?.Attributes?.['ApproximateReceiveCount']).toBe('2');
    expect(again?.Attributes?.['ApproximateFirstReceiveTimestamp']).toBe(String(START_MS));
  });

  it('is hidden for the time in the receive request', async () => {
    await send('work');
    await receive({ VisibilityTimeout: 100 });
    nowMs += 99_999;
    expect(await receive()).toEqual([]);
    nowMs += 1;
    expect(await receive()).toHaveLength(1);
  });

  it('is delivered earlier or later after a change of its visibility, which applies to one delivery', async () => {
    await send('work');
    const first = await receive();
    await hide(handleOf(first), 5);
    nowMs += 5_000;
    const second = await receive();
    expect(second).toHaveLength(1);
    await hide(handleOf(second), 300);
    nowMs += 299_999;
    expect(await receive()).toEqual([]);
    nowMs += 1;
    expect(await receive()).toHaveLength(1);
    nowMs += 30_000;
    expect(sqs.waiting('due')).toBe(1);
  });

  it('can be hidden for at most twelve hours in total', async () => {
    await send('work');
    const handle = handleOf(await receive());
    nowMs += 10_000;
    await hide(handle, 43_190);
    await expect(hide(handle, 43_191)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  it('is gone after its deletion, and a second deletion is not an error', async () => {
    await send('work');
    const handle = handleOf(await receive());
    await remove(handle);
    await remove(handle);
    nowMs += 60_000;
    expect(await receive()).toEqual([]);
    expect(sqs.waiting('all')).toBe(0);
  });

  it('stays if it is deleted with the receipt handle of an earlier delivery', async () => {
    await send('work');
    const old = handleOf(await receive());
    nowMs += 30_000;
    await receive();
    await remove(old);
    expect(sqs.waiting('all')).toBe(1);
  });

  it('moves to the dead-letter queue instead of exceeding its maximum deliveries', async () => {
    await send('poison');
    for (let delivery = 1; delivery <= 3; delivery += 1) {
      expect(await receive()).toHaveLength(1);
      nowMs += 30_000;
    }
    expect(sqs.deadLetters).toEqual([]);
    expect(await receive()).toEqual([]);
    expect(sqs.deadLetters).toEqual(['poison']);
    expect(sqs.waiting('all')).toBe(0);
    const [dead] = await receive({ QueueUrl: sqs.queueUrlOf('dead') });
    expect(dead).toMatchObject({ Body: 'poison', Attributes: { SentTimestamp: String(START_MS) } });
  });

  it('is dropped after its retention period', async () => {
    await send('old');
    nowMs += 345_600_000 - 1;
    expect(sqs.waiting('all')).toBe(1);
    nowMs += 1;
    expect(await receive()).toEqual([]);
    expect(sqs.waiting('all')).toBe(0);
  });

  it('can be delivered twice', async () => {
    sqs.duplicateNext(1);
    await send('twice');
    expect(bodies(await receive())).toEqual(['twice']);
    expect(bodies(await receive())).toEqual(['twice']);
    expect(await receive()).toEqual([]);
  });
});

describe('the local queue', () => {
  it('delivers at most as many messages as requested', async () => {
    const Entries = ['a', 'b', 'c'].map((MessageBody) => ({ Id: MessageBody, MessageBody }));
    await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(bodies(await receive({ MaxNumberOfMessages: 2 }))).toEqual(['a', 'b']);
    expect(bodies(await receive({ MaxNumberOfMessages: undefined }))).toEqual(['c']);
  });

  it('waits for a message if the request asks for long polling', async () => {
    const waiting = receive({ WaitTimeSeconds: 20 });
    await send('soon');
    expect(bodies(await waiting)).toEqual(['soon']);
  });

  it('deletes in batches, and reports unknown receipt handles', async () => {
    await send('work');
    const ReceiptHandle = handleOf(await receive());
    const { Successful, Failed } = await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'a', ReceiptHandle },
          { Id: 'b', ReceiptHandle: 'garbage' },
        ],
      }),
    );
    expect([Successful?.map(({ Id }) => Id), Failed?.map(({ Code }) => Code)]).toEqual([
      ['a'],
      ['ReceiptHandleIsInvalid'],
    ]);
    expect(sqs.waiting('all')).toBe(0);
  });

  it('shows its URL, its messages and its redrive policy', async () => {
    await send('visible');
    await send('delayed', 60);
    await send('taken');
    await receive({ MaxNumberOfMessages: 1 });
    const found = await client.send(new GetQueueUrlCommand({ QueueName: 'work' }));
    expect(found.QueueUrl).toBe(QueueUrl);
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesDelayed: '1',
      ApproximateNumberOfMessagesNotVisible: '1',
      VisibilityTimeout: '30',
    });
    expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '')).toEqual({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
      maxReceiveCount: 3,
    });
    const one = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    expect(Object.keys(one.Attributes ?? {})).toEqual(['QueueArn']);
  });

  it('fails as often as a test requests', async () => {
    sqs.failNext(1);
    await expect(send('x')).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    await send('x');
    expect(sqs.waiting('all')).toBe(1);
  });
});
