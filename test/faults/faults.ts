import type { AwsCall, AwsIntervention } from '../support/aws-proxy.ts';

/** Which tries of which calls a fault strikes. */
export type Extent =
  /** Every try of one call. */
  | 'call'
  /** Its first try alone: the SDK's own second try, or the next call, goes well. */
  | 'first try'
  /** Every try of this call and of all later ones of the same name. */
  | 'onwards';

export interface AwsFault {
  /** As the matrix names it. */
  readonly name: string;
  readonly extent: Extent;
  /** undefined: this fault cannot happen to that call. */
  readonly play: (call: AwsCall) => AwsIntervention;
  /** It ends with a deadline. */
  readonly slow?: boolean;
}

const failing = (errorName: string, status = 400): ((call: AwsCall) => AwsIntervention) => {
  const error = { errorName, status };
  return () => error;
};

const error = (errorName: string, status: number, extent: Extent): AwsFault => ({
  name: errorName,
  extent,
  play: failing(errorName, status),
});

const WRITES = /^(?:Put|Update|Delete|TransactWrite)/;
const ifWrite =
  (intervention: AwsIntervention) =>
  ({ operation }: AwsCall): AwsIntervention =>
    WRITES.test(operation) ? intervention : undefined;

/** A connection that fails a call of either service. */
const transport = (extent: Extent): readonly AwsFault[] => [
  { name: 'no answer', extent, play: () => 'hang', slow: true },
  { name: 'no answer, once', extent: 'first try', play: () => 'hang', slow: true },
  { name: 'connection reset', extent, play: () => 'reset' },
  { name: 'connection reset, once', extent: 'first try', play: () => 'reset' },
];

const conditional = ({ operation, body }: AwsCall): boolean =>
  operation !== 'TransactWriteItems' && body['ConditionExpression'] !== undefined;

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
const CANCELLATION_REASONS = [
  'ConditionalCheckFailed',
  'ItemCollectionSizeLimitExceeded',
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
  'TransactionConflict',
  'ValidationError',
] as const;

/** Each write of the transaction is told what happened to it; the first is the one that failed. */
const cancelled =
  (reason: (typeof CANCELLATION_REASONS)[number]) =>
  ({ operation, body }: AwsCall): AwsIntervention => {
    if (operation !== 'TransactWriteItems') return undefined;
    const writes = body['TransactItems'] as readonly unknown[];
    return {
      errorName: 'TransactionCanceledException',
      fields: { CancellationReasons: writes.map((_, i) => ({ Code: i === 0 ? reason : 'None' })) },
    };
  };

/** DynamoDB's answer when it read none of the requested items. */
const nothingRead = ({ operation, body }: AwsCall): AwsIntervention =>
  operation === 'BatchGetItem'
    ? { answer: { Responses: {}, UnprocessedKeys: body['RequestItems'] } }
    : undefined;

const failed = (errorName: string, status = 400): AwsFault => error(errorName, status, 'call');

export const DYNAMODB_FAULTS: readonly AwsFault[] = [
  failed('ProvisionedThroughputExceededException'),
  failed('ThrottlingException'),
  failed('RequestLimitExceeded'),
  failed('InternalServerError', 500),
  failed('AccessDeniedException'),
  { name: 'ThrottlingException, once', extent: 'first try', play: failing('ThrottlingException') },
  ...transport('call'),
  { name: 'answer lost after the write', extent: 'call', play: ifWrite('lose-answer') },
  { name: 'answer lost after the write, once', extent: 'first try', play: ifWrite('lose-answer') },
  {
    name: 'ConditionalCheckFailedException',
    extent: 'onwards',
    play: (call) => (conditional(call) ? { errorName: 'ConditionalCheckFailedException' } : undefined),
  },
  ...CANCELLATION_REASONS.map(
    (reason): AwsFault => ({ name: `cancelled: ${reason}`, extent: 'onwards', play: cancelled(reason) }),
  ),
  { name: 'cancelled: TransactionConflict, once', extent: 'call', play: cancelled('TransactionConflict') },
  { name: 'UnprocessedKeys', extent: 'onwards', play: nothingRead },
  { name: 'UnprocessedKeys, once', extent: 'first try', play: nothingRead },
];

const onlyAt =
  (wanted: string, intervention: AwsIntervention) =>
  ({ operation }: AwsCall): AwsIntervention =>
    operation === wanted ? intervention : undefined;

/**
 * A key that is off stays off. It also makes the row certain: a derivation key that could not be prefetched is
 * requested again when a caller needs it, sooner or later.
 */
const down = (errorName: string, status = 400): AwsFault => error(errorName, status, 'onwards');

/** KMS says these of a ciphertext; no other operation is given one. */
const onlyDecrypt = (intervention: AwsIntervention): AwsFault['play'] => onlyAt('Decrypt', intervention);

export const KMS_FAULTS: readonly AwsFault[] = [
  down('ThrottlingException'),
  down('KMSInternalException', 500),
  down('KeyUnavailableException', 500),
  down('DependencyTimeoutException', 503),
  down('DisabledException'),
  down('KMSInvalidStateException'),
  down('NotFoundException'),
  down('AccessDeniedException'),
  ...transport('onwards'),
  { name: 'answer lost', extent: 'onwards', play: () => 'lose-answer' },
  { name: 'answer without content', extent: 'onwards', play: () => ({ answer: {} }) },
  ...['IncorrectKeyException', 'InvalidCiphertextException'].map(
    (errorName): AwsFault => ({ name: errorName, extent: 'onwards', play: onlyDecrypt({ errorName }) }),
  ),
  {
    name: 'another data key',
    extent: 'onwards',
    play: onlyDecrypt({ answer: { Plaintext: Buffer.alloc(32, 7).toString('base64') } }),
  },
  { name: 'ThrottlingException, once', extent: 'first try', play: failing('ThrottlingException') },
  { name: 'KMSInternalException, once', extent: 'first try', play: failing('KMSInternalException', 500) },
  { name: 'answer lost, once', extent: 'first try', play: () => 'lose-answer' },
];

/**
 * Faults that the matrix shows under one word, because each of them that can happen to a call ends the same; and those
 * of each that every run plays, where the whole matrix would take too long.
 */
export const GROUPS: readonly FaultGroup[] = [
  {
    dependency: 'DynamoDB',
    name: 'outage',
    faults: [
      'ProvisionedThroughputExceededException',
      'ThrottlingException',
      'RequestLimitExceeded',
      'InternalServerError',
      'AccessDeniedException',
      'no answer',
      'connection reset',
    ],
    always: ['ThrottlingException'],
  },
  {
    dependency: 'DynamoDB',
    name: 'hiccup',
    faults: [
      'ThrottlingException, once',
      'no answer, once',
      'connection reset, once',
      'answer lost after the write, once',
    ],
    always: ['connection reset, once', 'answer lost after the write, once'],
  },
  {
    dependency: 'DynamoDB',
    name: 'transaction refused',
    faults: [
      'cancelled: ItemCollectionSizeLimitExceeded',
      'cancelled: ProvisionedThroughputExceeded',
      'cancelled: ThrottlingError',
      'cancelled: ValidationError',
    ],
    always: ['cancelled: ThrottlingError'],
  },
  {
    dependency: 'KMS',
    name: 'outage',
    faults: [
      'ThrottlingException',
      'KMSInternalException',
      'KeyUnavailableException',
      'DependencyTimeoutException',
      'DisabledException',
      'KMSInvalidStateException',
      'NotFoundException',
      'AccessDeniedException',
      'no answer',
      'connection reset',
      'answer lost',
    ],
    always: ['DisabledException'],
  },
  {
    dependency: 'KMS',
    name: 'hiccup',
    faults: [
      'ThrottlingException, once',
      'KMSInternalException, once',
      'no answer, once',
      'connection reset, once',
      'answer lost, once',
    ],
    always: ['answer lost, once'],
  },
];

export interface FaultGroup {
  readonly dependency: 'DynamoDB' | 'KMS';
  readonly name: string;
  readonly faults: readonly string[];
  readonly always: readonly string[];
}
