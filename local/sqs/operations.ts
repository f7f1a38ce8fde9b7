import { createHash } from 'node:crypto';
import type { HandleOutcome, Queue, ReceivedMessage } from './queue.ts';
import {
  entriesOf,
  messageRules,
  type OperationName,
  type Rule,
  requestRules,
  type SqsRequest,
} from './rules.ts';

/** An error in AWS's terms. */
export class SqsError extends Error {
  /** The documentation of the rule that the request broke, if any. */
  readonly source: string | undefined;

  constructor(name: string, message: string, source?: string) {
    super(message);
    this.name = name;
    this.source = source;
  }
}

type Input = SqsRequest['input'];
export type Operation = (queue: Queue, input: Input) => unknown;

/** Throws the error that AWS would send for a request that breaks a rule. */
export const checkRequest = (request: SqsRequest): void => check([...requestRules, ...messageRules], request);

const check = (rules: readonly Rule[], request: SqsRequest): void => {
  if (
    request.input['MessageAttributes'] !== undefined ||
    request.input['MessageSystemAttributes'] !== undefined
  )
    throw new SqsError('UnsupportedOperation', 'The local queue keeps no message attributes.');
  for (const { refuses, error, source } of rules) {
    const message = refuses(request);
    if (message !== undefined) throw new SqsError(error, message, source);
  }
};

const send = (queue: Queue, { MessageBody, DelaySeconds }: Input) => {
  const body = String(MessageBody);
  const MessageId = queue.send(body, Number(DelaySeconds ?? 0));
  return { MessageId, MD5OfMessageBody: md5(body) };
};

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

const remove = (queue: Queue, { ReceiptHandle }: Input): Record<string, never> => {
  if (queue.remove(String(ReceiptHandle)) === 'malformed') throw invalidHandle(ReceiptHandle);
  return {};
};

const invalidHandle = (handle: unknown): SqsError =>
  new SqsError(
    'ReceiptHandleIsInvalid',
    `The input receipt handle "${String(handle)}" is not a valid receipt handle.`,
  );

const hideErrors: Readonly<Record<Exclude<HandleOutcome, 'done'>, (input: Input) => SqsError>> = {
  malformed: ({ ReceiptHandle }) => invalidHandle(ReceiptHandle),
  not_in_flight: () => new SqsError('MessageNotInflight', 'The specified message is not in flight.'),
  gone: ({ ReceiptHandle }) =>
    new SqsError(
      'InvalidParameterValue',
      `Value ${String(ReceiptHandle)} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
    ),
  too_long: ({ VisibilityTimeout }) =>
    new SqsError(
      'InvalidParameterValue',
      `Value ${String(VisibilityTimeout)} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]`,
    ),
};

/** Each entry succeeds or fails alone, as at AWS: the answer is 200 either way. */
const each = (queue: Queue, input: Input, one: Operation) => {
  const Successful: unknown[] = [];
  const Failed: unknown[] = [];
  for (const entry of entriesOf(input)) {
    try {
      Successful.push({ Id: entry['Id'], ...(one(queue, entry) as object) });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      Failed.push({ Id: entry['Id'], SenderFault: true, Code: error.name, Message: error.message });
    }
  }
  return { Successful, ...(Failed.length > 0 && { Failed }) };
};

/** The effect of each operation on a queue, once its request has passed the rules. */
export const operations: Readonly<Record<Exclude<OperationName, 'GetQueueUrl'>, Operation>> = {
  SendMessage: send,
  SendMessageBatch: (queue, input) =>
    each(queue, input, (_, entry) => {
      check(messageRules, { operation: 'SendMessage', input: entry });
      return send(queue, entry);
    }),
  ReceiveMessage: (
    queue,
    { MaxNumberOfMessages, VisibilityTimeout, AttributeNames, MessageSystemAttributeNames },
  ) => {
    const names = [AttributeNames, MessageSystemAttributeNames].flatMap((value) =>
      Array.isArray(value) ? value.map(String) : [],
    );
    const visibilitySeconds = VisibilityTimeout === undefined ? undefined : Number(VisibilityTimeout);
    const messages = queue.receive(Number(MaxNumberOfMessages ?? 1), visibilitySeconds);
    return messages.length === 0 ? {} : { Messages: messages.map((message) => describe(message, names)) };
  },
  DeleteMessage: remove,
  DeleteMessageBatch: (queue, input) => each(queue, input, remove),
  ChangeMessageVisibility: (queue, input) => {
    const outcome = queue.hide(String(input['ReceiptHandle']), Number(input['VisibilityTimeout']));
    if (outcome !== 'done') throw hideErrors[outcome](input);
    return {};
  },
  GetQueueAttributes: (queue, { AttributeNames }) => {
    const names = Array.isArray(AttributeNames) ? AttributeNames.map(String) : [];
    return { Attributes: chosen(queueAttributes(queue), names) };
  },
};

const describe = (message: ReceivedMessage, names: readonly string[]) => ({
  MessageId: message.messageId,
  ReceiptHandle: message.receiptHandle,
  MD5OfBody: md5(message.body),
  Body: message.body,
  ...(names.length > 0 && { Attributes: chosen(messageAttributes(message), names) }),
});

/** In the form of `ReceiveMessage` and of Lambda's events. */
export const messageAttributes = ({ receiveCount, sentAtMs, firstReceivedAtMs }: ReceivedMessage) => ({
  SenderId: 'AIDALOCAL',
  SentTimestamp: String(sentAtMs),
  ApproximateReceiveCount: String(receiveCount),
  ApproximateFirstReceiveTimestamp: String(firstReceivedAtMs),
});

const REGION_AND_ACCOUNT = 'us-east-1:000000000000';
export const queueArnOf = (name: string): string => `arn:aws:sqs:${REGION_AND_ACCOUNT}:${name}`;

const queueAttributes = (queue: Queue): Record<string, string> => {
  const { visible, inFlight, delayed } = queue.counts();
  const { name, redrive, visibilitySeconds = 30, retentionSeconds = 345_600 } = queue.settings;
  return {
    QueueArn: queueArnOf(name),
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    VisibilityTimeout: String(visibilitySeconds),
    MessageRetentionPeriod: String(retentionSeconds),
    DelaySeconds: '0',
    ReceiveMessageWaitTimeSeconds: '0',
    ...(redrive !== undefined && {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: queueArnOf(redrive.deadLetterQueue),
        maxReceiveCount: redrive.maxReceiveCount,
      }),
    }),
  };
};

const chosen = (attributes: Record<string, string>, names: readonly string[]): Record<string, string> =>
  names.includes('All')
    ? attributes
    : Object.fromEntries(Object.entries(attributes).filter(([name]) => names.includes(name)));
