/**
 * A rule by which SQS refuses a request regardless of the queue's content. A request that AWS would refuse fails here
 * too, with AWS's error, so that no test passes on a request that only a local queue accepts.
 */
export interface Rule {
  /** AWS's requirement, as a unique sentence. */
  readonly name: string;
  /** The page of AWS's documentation with the requirement. */
  readonly source: string;
  /** AWS's name of the error. */
  readonly error: string;
  /** AWS's message for a request that breaks the rule; undefined for every other request. */
  readonly refuses: (request: SqsRequest) => string | undefined;
}

export const OPERATIONS = [
  'SendMessage',
  'SendMessageBatch',
  'ReceiveMessage',
  'DeleteMessage',
  'DeleteMessageBatch',
  'ChangeMessageVisibility',
  'GetQueueUrl',
  'GetQueueAttributes',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

/** A request as the JSON protocol of AWS carries it. */
export interface SqsRequest {
  readonly operation: OperationName;
  readonly input: Readonly<Record<string, unknown>>;
}

const API = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference';
const GUIDE = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide';
const SEND = `${API}/API_SendMessage.html`;
const SEND_BATCH = `${API}/API_SendMessageBatch.html`;
const RECEIVE = `${API}/API_ReceiveMessage.html`;
const VISIBILITY = `${API}/API_ChangeMessageVisibility.html`;
const ATTRIBUTES = `${API}/API_GetQueueAttributes.html`;
const QUOTAS = `${GUIDE}/quotas-messages.html`;

export const MAX_BODY_BYTES = 1_048_576;
const MAX_DELAY_SECONDS = 900;
const MAX_VISIBILITY_SECONDS = 43_200;
const MAX_WAIT_SECONDS = 20;
const MAX_BATCH = 10;
const BATCH_ID = /^[A-Za-z0-9_-]{1,80}$/;

/** Whether XML 1.0 allows the character in a text. It does not allow a lone half of a surrogate pair. */
const isAllowed = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0;
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    code >= 0x10000
  );
};

/** The names that `GetQueueAttributes` knows; for a standard queue, FIFO names are no error either. */
const QUEUE_ATTRIBUTES = new Set([
  'All',
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesDelayed',
  'ApproximateNumberOfMessagesNotVisible',
  'CreatedTimestamp',
  'DelaySeconds',
  'LastModifiedTimestamp',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'Policy',
  'QueueArn',
  'ReceiveMessageWaitTimeSeconds',
  'RedriveAllowPolicy',
  'RedrivePolicy',
  'SqsManagedSseEnabled',
  'VisibilityTimeout',
]);
const MESSAGE_ATTRIBUTES = new Set([
  'All',
  'ApproximateFirstReceiveTimestamp',
  'ApproximateReceiveCount',
  'AWSTraceHeader',
  'DeadLetterQueueSourceArn',
  'MessageDeduplicationId',
  'MessageGroupId',
  'SenderId',
  'SentTimestamp',
  'SequenceNumber',
]);

type Input = SqsRequest['input'];
const isBatch = (operation: OperationName): boolean => operation.endsWith('Batch');
export const entriesOf = ({ Entries }: Input): readonly Input[] => (Array.isArray(Entries) ? Entries : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const bytesOf = ({ MessageBody }: Input): number => Buffer.byteLength(textOf(MessageBody));
const namesOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

const isInRange = (value: unknown, from: number, to: number): boolean =>
  value === undefined || (Number.isInteger(value) && Number(value) >= from && Number(value) <= to);

const outOfRange = (name: string, value: unknown, demand: string): string =>
  `Value ${String(value)} for parameter ${name} is invalid. Reason: ${demand}`;

/** For rules of one message. An entry of a batch is checked as a separate message. */
const sending = (request: SqsRequest, refuses: (input: Input) => string | undefined): string | undefined =>
  request.operation === 'SendMessage' ? refuses(request.input) : undefined;

/** Rules of one message, alone or as an entry of a batch. */
export const messageRules: readonly Rule[] = [
  {
    name: 'A message has a body',
    source: SEND,
    error: 'MissingParameter',
    refuses: (request) =>
      sending(request, ({ MessageBody }) =>
        textOf(MessageBody) === '' ? 'The request must contain the parameter MessageBody.' : undefined,
      ),
  },
  {
    name: 'A body has only the characters that XML allows',
    source: SEND,
    error: 'InvalidMessageContents',
    refuses: (request) =>
      sending(request, ({ MessageBody }) =>
        ![...textOf(MessageBody)].every(isAllowed)
          ? 'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF'
          : undefined,
      ),
  },
  {
    name: 'A body has at most 1 MiB',
    source: QUOTAS,
    error: 'InvalidParameterValue',
    refuses: (request) =>
      sending(request, (input) =>
        bytesOf(input) > MAX_BODY_BYTES
          ? `One or more parameters are invalid. Reason: Message must be shorter than ${MAX_BODY_BYTES} bytes.`
          : undefined,
      ),
  },
  {
    name: 'A message is delayed by 0 to 900 whole seconds',
    source: SEND,
    error: 'InvalidParameterValue',
    refuses: (request) =>
      sending(request, ({ DelaySeconds }) =>
        isInRange(DelaySeconds, 0, MAX_DELAY_SECONDS)
          ? undefined
          : outOfRange('DelaySeconds', DelaySeconds, 'DelaySeconds must be >= 0 and <= 900.'),
      ),
  },
  {
    name: 'Only FIFO queues deduplicate messages',
    source: SEND,
    error: 'InvalidParameterValue',
    refuses: (request) =>
      sending(request, ({ MessageDeduplicationId }) =>
        MessageDeduplicationId === undefined
          ? undefined
          : outOfRange(
              'MessageDeduplicationId',
              MessageDeduplicationId,
              'The request include parameter that is not valid for this queue type',
            ),
      ),
  },
];

/** Rules of a whole request. */
export const requestRules: readonly Rule[] = [
  {
    name: 'A batch has an entry',
    source: SEND_BATCH,
    error: 'EmptyBatchRequest',
    refuses: ({ operation, input }) =>
      isBatch(operation) && entriesOf(input).length === 0
        ? `There should be at least one ${operation}RequestEntry in the request.`
        : undefined,
  },
  {
    name: 'A batch has at most ten entries',
    source: SEND_BATCH,
    error: 'TooManyEntriesInBatchRequest',
    refuses: ({ operation, input }) =>
      isBatch(operation) && entriesOf(input).length > MAX_BATCH
        ? `Maximum number of entries per request are ${MAX_BATCH}. You have sent ${entriesOf(input).length}.`
        : undefined,
  },
  {
    name: 'The id of an entry has 1 to 80 letters, digits, hyphens and underscores',
    source: QUOTAS,
    error: 'InvalidBatchEntryId',
    refuses: ({ operation, input }) =>
      isBatch(operation) && entriesOf(input).some(({ Id }) => !BATCH_ID.test(textOf(Id)))
        ? 'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.'
        : undefined,
  },
  {
    name: 'The ids of a batch differ from each other',
    source: SEND_BATCH,
    error: 'BatchEntryIdsNotDistinct',
    refuses: ({ operation, input }) => {
      const ids = entriesOf(input).map(({ Id }) => textOf(Id));
      const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
      return isBatch(operation) && repeated !== undefined ? `Id ${repeated} repeated.` : undefined;
    },
  },
  {
    name: 'The bodies of a batch have at most 1 MiB together',
    source: SEND_BATCH,
    error: 'BatchRequestTooLong',
    refuses: ({ operation, input }) => {
      const bytes = entriesOf(input).reduce((sum, entry) => sum + bytesOf(entry), 0);
      return operation === 'SendMessageBatch' && bytes > MAX_BODY_BYTES
        ? `Batch requests cannot be longer than ${MAX_BODY_BYTES} bytes. You have sent ${bytes} bytes.`
        : undefined;
    },
  },
  {
    name: 'One request receives 1 to 10 messages',
    source: RECEIVE,
    error: 'InvalidParameterValue',
    refuses: ({ operation, input: { MaxNumberOfMessages: value } }) =>
      operation === 'ReceiveMessage' && !isInRange(value, 1, MAX_BATCH)
        ? outOfRange('MaxNumberOfMessages', value, 'Must be between 1 and 10, if provided.')
        : undefined,
  },
  {
    name: 'A request waits 0 to 20 seconds for messages',
    source: RECEIVE,
    error: 'InvalidParameterValue',
    refuses: ({ operation, input: { WaitTimeSeconds: value } }) =>
      operation === 'ReceiveMessage' && !isInRange(value, 0, MAX_WAIT_SECONDS)
        ? outOfRange('WaitTimeSeconds', value, 'Must be >= 0 and <= 20, if provided.')
        : undefined,
  },
  {
    name: 'A message is hidden for 0 to 43,200 whole seconds',
    source: VISIBILITY,
    error: 'InvalidParameterValue',
    refuses: ({ operation, input: { VisibilityTimeout: value } }) =>
      (operation === 'ReceiveMessage' || operation === 'ChangeMessageVisibility') &&
      !isInRange(value, 0, MAX_VISIBILITY_SECONDS)
        ? outOfRange('VisibilityTimeout', value, 'Must be between 0 and 43200.')
        : undefined,
  },
  {
    name: 'A change of visibility says for how long',
    source: VISIBILITY,
    error: 'MissingParameter',
    refuses: ({ operation, input: { VisibilityTimeout } }) =>
      operation === 'ChangeMessageVisibility' && VisibilityTimeout === undefined
        ? 'The request must contain the parameter VisibilityTimeout.'
        : undefined,
  },
  {
    name: 'Attributes of messages that are asked for exist',
    source: RECEIVE,
    error: 'InvalidAttributeName',
    refuses: ({ operation, input: { AttributeNames, MessageSystemAttributeNames } }) =>
      operation === 'ReceiveMessage'
        ? unknownName(
            [...namesOf(AttributeNames), ...namesOf(MessageSystemAttributeNames)],
            MESSAGE_ATTRIBUTES,
          )
        : undefined,
  },
  {
    name: 'Attributes of queues that are asked for exist',
    source: ATTRIBUTES,
    error: 'InvalidAttributeName',
    refuses: ({ operation, input: { AttributeNames } }) =>
      operation === 'GetQueueAttributes' ? unknownName(namesOf(AttributeNames), QUEUE_ATTRIBUTES) : undefined,
  },
];

const unknownName = (names: readonly string[], known: ReadonlySet<string>): string | undefined => {
  const unknown = names.find((name) => !known.has(name));
  return unknown === undefined ? undefined : `Unknown Attribute ${unknown}.`;
};
