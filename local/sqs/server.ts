import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOOPBACK, listen } from '../listen.ts';
import { checkRequest, operations, SqsError } from './operations.ts';
import { createQueue, type Queue, type QueueSettings, type ReceivedMessage } from './queue.ts';
import { OPERATIONS, type OperationName } from './rules.ts';

export type { QueueSettings, ReceivedMessage } from './queue.ts';

/**
 * Amazon SQS on 127.0.0.1 for local use and tests only: standard queues behind the JSON protocol of the AWS SDK, as far as
 * the product uses them. Strict: what AWS refuses is refused (`rules.ts`). Insecure: it checks no signature and no policy,
 * and keeps messages in memory.
 */
export interface LocalSqs extends QueueView {
  readonly endpoint: string;
  /** URL of the first queue. */
  readonly queueUrl: string;
  queueUrlOf(name: string): string;
  /** Another queue than the first. */
  viewOf(name: string): QueueView;
  /** Answers this many of the next calls with a 500: those to the named queue, or all. */
  failNext(calls: number, name?: string): void;
  close(): Promise<void>;
}

/** One queue as Lambda's poller and tests see it. */
export interface QueueView {
  readonly name: string;
  /** Bodies of the dead letters. */
  readonly deadLetters: readonly string[];
  /** Receives due messages, as Lambda's poller does. */
  receive(max: number): readonly ReceivedMessage[];
  remove(receiptHandle: string): void;
  /** Messages that were sent and are neither deleted nor dead letters; only due ones, or all. */
  waiting(which: 'due' | 'all'): number;
  /** Delivers each of this many of the next messages twice, which AWS may do at any time. */
  duplicateNext(messages: number): void;
}

/** The queue of calls to hang up, with the template's settings, and its dead-letter queue. */
export const HANG_UP_QUEUES: readonly [QueueSettings, ...QueueSettings[]] = [
  {
    name: 'hang-ups',
    visibilitySeconds: 180,
    redrive: { deadLetterQueue: 'hang-ups-dead', maxReceiveCount: 62 },
  },
  { name: 'hang-ups-dead', retentionSeconds: 1_209_600 },
];

/** The queue of notices, with the template's settings, and its dead-letter queue. */
export const NOTICE_QUEUES: readonly QueueSettings[] = [
  {
    name: 'notices',
    visibilitySeconds: 180,
    redrive: { deadLetterQueue: 'notices-dead', maxReceiveCount: 100 },
  },
  { name: 'notices-dead', retentionSeconds: 1_209_600 },
];

const ACCOUNT = '000000000000';
const POLL_MS = 20;
const MAX_REQUEST_BYTES = 4 * 1_048_576;

/** @param now Unix milliseconds: decides delays, visibility and retention. A long poll waits in real time. */
export const startLocalSqs = async (
  now: () => number,
  settings: readonly [QueueSettings, ...QueueSettings[]] = [...HANG_UP_QUEUES, ...NOTICE_QUEUES],
): Promise<LocalSqs> => {
  const queues = new Map<string, Queue>();
  for (const each of settings)
    queues.set(
      each.name,
      createQueue(each, now, () => queues.get(each.redrive?.deadLetterQueue ?? '')),
    );
  const [first] = settings;
  const queueNamed = (name: string): Queue => {
    const queue = queues.get(name);
    if (queue === undefined) throw new SqsError('QueueDoesNotExist', 'The specified queue does not exist.');
    return queue;
  };
  const closing = new AbortController();
  let failing: { calls: number; readonly name: string | undefined } = { calls: 0, name: undefined };
  const isToFail = ({ QueueUrl }: Readonly<Record<string, unknown>>): boolean =>
    failing.calls > 0 && (failing.name === undefined || String(QueueUrl).endsWith(`/${failing.name}`));
  let endpoint = '';
  const queueUrlOf = (name: string): string => `${endpoint}/${ACCOUNT}/${queueNamed(name).settings.name}`;

  const answer = async (operation: OperationName, input: Readonly<Record<string, unknown>>) => {
    if (operation === 'GetQueueUrl') return { QueueUrl: queueUrlOf(String(input['QueueName'])) };
    const queue = queueNamed(String(input['QueueUrl']).split('/').at(-1) ?? '');
    checkRequest({ operation, input });
    const waitMs = operation === 'ReceiveMessage' ? Number(input['WaitTimeSeconds'] ?? 0) * 1_000 : 0;
    const untilMs = performance.now() + waitMs;
    while (queue.counts().visible === 0 && performance.now() < untilMs)
      await sleep(POLL_MS, undefined, { signal: closing.signal });
    return operations[operation](queue, input);
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const input = await readInput(incoming);
      if (isToFail(input)) {
        failing.calls -= 1;
        return send(response, 500, { __type: 'com.amazonaws.sqs#InternalError' });
      }
      return send(response, 200, await answer(operationOf(incoming), input));
    } catch (error) {
      if (error instanceof SqsError) return sendError(response, error);
      response.destroy();
      return undefined;
    }
  };

  const server = createServer((incoming, response) => void handle(incoming, response));
  const port = await listen(server);
  endpoint = `http://${LOOPBACK}:${port}`;

  const viewOf = (name: string): QueueView => {
    const queue = queueNamed(name);
    return {
      name,
      get deadLetters() {
        return queues.get(queue.settings.redrive?.deadLetterQueue ?? '')?.bodies() ?? [];
      },
      receive: (max) => queue.receive(max),
      remove: (receiptHandle) => {
        queue.remove(receiptHandle);
      },
      waiting: (which) => {
        const { visible, inFlight, delayed } = queue.counts();
        return which === 'due' ? visible : visible + inFlight + delayed;
      },
      duplicateNext: queue.duplicateNext,
    };
  };
  const firstQueue = viewOf(first.name);
  return {
    endpoint,
    queueUrl: queueUrlOf(first.name),
    queueUrlOf,
    viewOf,
    name: first.name,
    get deadLetters() {
      return firstQueue.deadLetters;
    },
    receive: firstQueue.receive,
    remove: firstQueue.remove,
    waiting: firstQueue.waiting,
    duplicateNext: firstQueue.duplicateNext,
    failNext: (calls, name) => {
      failing = { calls, name };
    },
    close: async () => {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const operationOf = (incoming: IncomingMessage): OperationName => {
  const name = String(incoming.headers['x-amz-target']).replace('AmazonSQS.', '');
  const operation = OPERATIONS.find((known) => known === name);
  if (operation === undefined || incoming.method !== 'POST')
    throw new SqsError('UnsupportedOperation', `The local queue does not know ${name}.`);
  return operation;
};

const readInput = async (incoming: IncomingMessage): Promise<Readonly<Record<string, unknown>>> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size <= MAX_REQUEST_BYTES) chunks.push(bytes);
  }
  if (size > MAX_REQUEST_BYTES) throw new SqsError('InvalidParameterValue', 'The request is too long.');
  try {
    const input: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof input === 'object' && input !== null) return input as Record<string, unknown>;
  } catch {
    // Answered below.
  }
  throw new SqsError('SerializationException', 'The body is not a JSON object.');
};

/** Errors that no shape of SQS models have another namespace, and all have the name of AWS's older query protocol. */
const QUERY_NAMES: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  MessageNotInflight: 'AWS.SimpleQueueService.MessageNotInflight',
  EmptyBatchRequest: 'AWS.SimpleQueueService.EmptyBatchRequest',
  TooManyEntriesInBatchRequest: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
  BatchEntryIdsNotDistinct: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
  BatchRequestTooLong: 'AWS.SimpleQueueService.BatchRequestTooLong',
  InvalidBatchEntryId: 'AWS.SimpleQueueService.InvalidBatchEntryId',
  UnsupportedOperation: 'AWS.SimpleQueueService.UnsupportedOperation',
};

const sendError = (response: ServerResponse, { name, message, source }: SqsError): void => {
  response.setHeader('x-amzn-query-error', `${QUERY_NAMES[name] ?? name};Sender`);
  // For the developer; AWS sends no such header.
  if (source !== undefined) response.setHeader('x-strict-source', source);
  send(response, 400, { __type: `com.amazonaws.sqs#${name}`, message });
};

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify(body));
};
