import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_BODY_BYTES, messageRules, requestRules } from '../../../local/sqs/rules.ts';
import { type LocalSqs, startLocalSqs } from '../../../local/sqs/server.ts';
import { clientOf } from './clients.ts';

let sqs: LocalSqs;
let client: SQSClient;
let QueueUrl: string;
beforeAll(async () => {
  sqs = await startLocalSqs(() => Date.now());
  client = clientOf(sqs);
  QueueUrl = sqs.queueUrl;
});
afterAll(async () => {
  client.destroy();
  await sqs.close();
});

const entry = (Id: string, more: Partial<SendMessageBatchRequestEntry> = {}) => ({
  Id,
  MessageBody: 'x',
  ...more,
});
const send = (more: Record<string, unknown>) =>
  new SendMessageCommand({ QueueUrl, MessageBody: 'x', ...more });
const sendBatch = (Entries: readonly SendMessageBatchRequestEntry[]) =>
  new SendMessageBatchCommand({ QueueUrl, Entries: [...Entries] });
const receive = (more: Record<string, unknown>) => new ReceiveMessageCommand({ QueueUrl, ...more });
const receivedHandle = async (): Promise<string> => {
  await client.send(send({}));
  const { Messages } = await client.send(receive({}));
  return Messages?.[0]?.ReceiptHandle ?? '';
};

/** A request that breaks the rule of this name, and one alongside it that does not. */
interface Case {
  readonly rule: string;
  readonly error: string;
  readonly refused: readonly (() => { readonly input: unknown })[];
  readonly accepted: readonly (() => { readonly input: unknown })[];
}

const id80 = 'a'.repeat(80);
const ten = Array.from({ length: 10 }, (_, index) => entry(`e${index}`));
const cases: readonly Case[] = [
  {
    rule: 'A message has a body',
    error: 'MissingParameter',
    refused: [() => send({ MessageBody: '' }), () => send({ MessageBody: undefined })],
    accepted: [() => send({ MessageBody: ' ' })],
  },
  {
    rule: 'A body has only the characters that XML allows',
    error: 'InvalidMessageContents',
    refused: ['\0', 'a\u0001', '\u000B', '\uD800', '\uFFFE', '\uFFFF'].map(
      (MessageBody) => () => send({ MessageBody }),
    ),
    accepted: ['\t\n\r', '\u007F', '\uE000', '\uFFFD', '😀'].map(
      (MessageBody) => () => send({ MessageBody }),
    ),
  },
  {
    rule: 'A body has at most 1 MiB',
    error: 'InvalidParameterValue',
    refused: [() => send({ MessageBody: 'x'.repeat(MAX_BODY_BYTES + 1) })],
    accepted: [() => send({ MessageBody: 'é'.repeat(MAX_BODY_BYTES / 2) })],
  },
  {
    rule: 'A message is delayed by 0 to 900 whole seconds',
    error: 'InvalidParameterValue',
    refused: [-1, 901, 1.5].map((DelaySeconds) => () => send({ DelaySeconds })),
    accepted: [0, 900].map((DelaySeconds) => () => send({ DelaySeconds })),
  },
  {
    rule: 'Only FIFO queues deduplicate messages',
    error: 'InvalidParameterValue',
    refused: [() => send({ MessageDeduplicationId: 'a' })],
    accepted: [() => send({ MessageGroupId: 'a' })],
  },
  {
    rule: 'A batch has an entry',
    error: 'EmptyBatchRequest',
    refused: [() => sendBatch([]), () => new DeleteMessageBatchCommand({ QueueUrl, Entries: [] })],
    accepted: [() => sendBatch([entry('a')])],
  },
  {
    rule: 'A batch has at most ten entries',
    error: 'TooManyEntriesInBatchRequest',
    refused: [() => sendBatch([...ten, entry('more')])],
    accepted: [() => sendBatch(ten)],
  },
  {
    rule: 'The id of an entry has 1 to 80 letters, digits, hyphens and underscores',
    error: 'InvalidBatchEntryId',
    refused: ['', `${id80}a`, 'a.b', 'é'].map((id) => () => sendBatch([entry(id)])),
    accepted: [id80, 'A-b_9'].map((id) => () => sendBatch([entry(id)])),
  },
  {
    rule: 'The ids of a batch differ from each other',
    error: 'BatchEntryIdsNotDistinct',
    refused: [() => sendBatch([entry('a'), entry('b'), entry('a')])],
    accepted: [() => sendBatch([entry('a'), entry('A')])],
  },
  {
    rule: 'The bodies of a batch have at most 1 MiB together',
    error: 'BatchRequestTooLong',
    refused: [() => sendBatch([entry('a', { MessageBody: 'x'.repeat(MAX_BODY_BYTES) }), entry('b')])],
    accepted: [() => sendBatch([entry('a', { MessageBody: 'x'.repeat(MAX_BODY_BYTES - 1) }), entry('b')])],
  },
  {
    rule: 'One request receives 1 to 10 messages',
    error: 'InvalidParameterValue',
    refused: [0, 11, 1.5].map((MaxNumberOfMessages) => () => receive({ MaxNumberOfMessages })),
    accepted: [1, 10].map((MaxNumberOfMessages) => () => receive({ MaxNumberOfMessages })),
  },
  {
    rule: 'A request waits 0 to 20 seconds for messages',
    error: 'InvalidParameterValue',
    refused: [-1, 21].map((WaitTimeSeconds) => () => receive({ WaitTimeSeconds })),
    accepted: [() => receive({ WaitTimeSeconds: 0 })],
  },
  {
    rule: 'A message is hidden for 0 to 43,200 whole seconds',
    error: 'InvalidParameterValue',
    refused: [-1, 43_201, 0.5].map((VisibilityTimeout) => () => receive({ VisibilityTimeout })),
    accepted: [0, 43_200].map((VisibilityTimeout) => () => receive({ VisibilityTimeout })),
  },
  {
    rule: 'A change of visibility says for how long',
    error: 'MissingParameter',
    refused: [
      () =>
        new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: 'a', VisibilityTimeout: undefined }),
    ],
    accepted: [],
  },
  {
    rule: 'Attributes of messages that are asked for exist',
    error: 'InvalidAttributeName',
    refused: [
      () => receive({ AttributeNames: ['Colour'] }),
      () => receive({ MessageSystemAttributeNames: ['SentTimestamp', 'Colour'] }),
    ],
    accepted: [() => receive({ MessageSystemAttributeNames: ['SentTimestamp', 'All'] })],
  },
  {
    rule: 'Attributes of queues that are asked for exist',
    error: 'InvalidAttributeName',
    refused: [() => new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Colour' as 'All'] })],
    accepted: [() => new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] })],
  },
];

const run = (make: () => { readonly input: unknown }): Promise<unknown> =>
  client.send(make() as Parameters<SQSClient['send']>[0]);

describe('the strict local queue', () => {
  it('has a test and a link to AWS for each rule', () => {
    const rules = [...messageRules, ...requestRules];
    expect(cases.map(({ rule }) => rule).sort()).toEqual(rules.map(({ name }) => name).sort());
    for (const { source } of rules) expect(source).toMatch(/^https:\/\/docs\.aws\.amazon\.com\/\w/);
  });

  it.each(cases)('refuses a request against the rule: $rule', async ({ rule, error, refused }) => {
    const source = [...messageRules, ...requestRules].find(({ name }) => name === rule)?.source;
    for (const make of refused)
      await expect(run(make)).rejects.toMatchObject({
        name: error,
        $metadata: { httpStatusCode: 400 },
        $response: { headers: { 'x-strict-source': source } },
      });
  });

  it.each(cases)('accepts a request within the rule: $rule', async ({ accepted }) => {
    for (const make of accepted) await run(make);
  });

  it('refuses single entries of a batch, and accepts the others', async () => {
    const { Successful, Failed } = await client.send(
      sendBatch([entry('good'), entry('late', { DelaySeconds: 901 }), entry('bad', { MessageBody: '\0' })]),
    );
    expect(Successful?.map(({ Id }) => Id)).toEqual(['good']);
    expect(Failed).toEqual([
      expect.objectContaining({ Id: 'late', Code: 'InvalidParameterValue', SenderFault: true }),
      expect.objectContaining({ Id: 'bad', Code: 'InvalidMessageContents', SenderFault: true }),
    ]);
  });

  it('refuses unknown receipt handles and unknown queues', async () => {
    for (const make of [
      () => new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'garbage' }),
      () => new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: 'garbage', VisibilityTimeout: 0 }),
    ])
      await expect(run(make)).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
    const other = `${sqs.endpoint}/000000000000/other`;
    for (const make of [
      () => new SendMessageCommand({ QueueUrl: other, MessageBody: 'x' }),
      () => new GetQueueUrlCommand({ QueueName: 'other' }),
    ])
      await expect(run(make)).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });

  it('refuses to hide a visible or deleted message', async () => {
    const hide = (ReceiptHandle: string, VisibilityTimeout: number) =>
      client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));
    const first = await receivedHandle();
    await hide(first, 0);
    await expect(hide(first, 60)).rejects.toMatchObject({ name: 'MessageNotInflight' });
    const second = await receivedHandle();
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: second }));
    await expect(hide(second, 60)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  it('refuses unsupported parameters instead of dropping them', async () => {
    const MessageAttributes = { colour: { DataType: 'String', StringValue: 'red' } };
    await expect(client.send(send({ MessageAttributes }))).rejects.toMatchObject({
      name: 'UnsupportedOperation',
    });
  });
});
