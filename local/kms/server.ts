/**
 * A stand-in for AWS KMS, for local use and tests only. It is insecure: it checks no signature and no policy, and
 * keeps key material in the clear in memory and in its state file. Never put anything in front of it or deploy it.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { LOOPBACK, listen } from '../listen.ts';
import { kmsRules } from '../strict/kms/rules.ts';
import { type Refusal, refusalHeaders, refusalOf } from '../strict/rule.ts';
import { CallLog, type KmsCall } from './call-log.ts';
import { Faults, type KmsFault } from './faults.ts';
import { arnOf, KeyStore, type LocalKmsKey, REGION } from './key-store.ts';
import { KmsError } from './kms-error.ts';
import { type Operation, operations, subjectOf } from './operations.ts';

export type { KmsCall } from './call-log.ts';
export type { KmsFault } from './faults.ts';
export type { LocalKmsKey } from './key-store.ts';
export { DamagedStateFileError } from './state-file.ts';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_CALLS = 100_000;
const TARGET_PREFIX = 'TrentService.';

/** A running local KMS. */
export interface LocalKms {
  readonly endpoint: string;
  /** The local CloudTrail: the latest 100,000 calls, oldest first, a live view. */
  readonly calls: readonly KmsCall[];
  /** @throws {KmsError} NotFoundException for an alias that does not exist. */
  keyArn(alias: string): string;
  inject(fault: KmsFault): void;
  clearFaults(): void;
  clearCalls(): void;
  /** Resolves once the port is free; calls under way lose their connection. */
  close(): Promise<void>;
}

/**
 * Listens on loopback only, with every key of `keys` in place; with `stateFile`, what an earlier run sealed still opens.
 *
 * @throws {DamagedStateFileError} when the state file cannot be used.
 * @example
 * const kms = await startLocalKms({ keys: [{ alias: 'alias/sealing', usage: 'ENCRYPT_DECRYPT' }] });
 * const client = new KMSClient({ endpoint: kms.endpoint, region: 'us-east-1', credentials });
 */
export async function startLocalKms(options: {
  keys: readonly LocalKmsKey[];
  stateFile?: string;
  port?: number;
}): Promise<LocalKms> {
  const context: ServerContext = {
    store: new KeyStore(options.keys, options.stateFile),
    log: new CallLog(MAX_CALLS),
    faults: new Faults(),
    closing: new AbortController(),
  };
  const server = createServer((request, response) => void serve(context, request, response));
  const port = await listen(server, options.port);

  let closed: Promise<void> | undefined;
  return {
    endpoint: `http://${LOOPBACK}:${port}`,
    calls: context.log.calls,
    keyArn: (alias) => arnOf(context.store.resolve(alias)),
    inject: (fault) => context.faults.inject(fault),
    clearFaults: () => context.faults.clear(),
    clearCalls: () => context.log.clear(),
    close: () => {
      closed ??= stop(context, server);
      return closed;
    },
  };
}

interface ServerContext {
  readonly store: KeyStore;
  readonly log: CallLog;
  readonly faults: Faults;
  readonly closing: AbortController;
}

async function stop({ closing }: ServerContext, server: Server): Promise<void> {
  closing.abort();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

async function serve(
  context: ServerContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestId = randomUUID();
  try {
    const name = operationName(request);
    const body = await readBody(request);
    const answer = await call(context, { requestId, ...name, body });
    if (answer === 'reset') request.socket.resetAndDestroy();
    else send(response, requestId, answer);
  } catch (error) {
    // The client has left, or close() ended a delay: there is no one to answer.
    if (request.socket.destroyed || context.closing.signal.aborted) return;
    send(response, requestId, answerTo(error));
    request.resume();
  }
}

interface Call {
  readonly requestId: string;
  readonly operation: string;
  readonly run: Operation;
  readonly body: string;
}

interface Answer {
  readonly statusCode: number;
  readonly body: string;
  readonly errorName: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Every call of an operation is in the log before its response, whatever its outcome. */
async function call({ store, log, faults, closing }: ServerContext, made: Call): Promise<Answer | 'reset'> {
  const fault = faults.take(made.operation);
  if (fault?.delayMs !== undefined) await delay(fault.delayMs, undefined, { signal: closing.signal });
  const body = parseJson(made.body);
  const subject = subjectOf(store, body);
  const answer = fault?.reset === true ? 'reset' : answerOf(store, made, body, fault?.errorName);
  log.record({
    operation: made.operation,
    requestId: made.requestId,
    ...subject,
    errorName: answer === 'reset' ? 'ConnectionReset' : answer.errorName,
    at: new Date().toISOString(),
  });
  return answer;
}

function answerOf(
  store: KeyStore,
  { operation, run }: Pick<Call, 'operation' | 'run'>,
  body: unknown,
  injectedError: string | undefined,
): Answer {
  try {
    if (injectedError !== undefined) throw new KmsError(injectedError, 'An injected fault.');
    if (body === undefined) throw new KmsError('SerializationException', 'The body is not JSON.');
    const refusal = refusalOf(kmsRules, { operation, input: objectOf(body), region: REGION });
    if (refusal !== undefined) return refused(refusal);
    const output = run(store, body);
    return {
      statusCode: 200,
      body: output === undefined ? '' : JSON.stringify(output),
      errorName: undefined,
    };
  } catch (error) {
    return answerTo(error);
  }
}

/** The engine never receives a request that KMS would refuse. The headers name the rule of AWS. */
function refused(refusal: Refusal): Answer {
  return {
    statusCode: refusal.status,
    body: JSON.stringify({ __type: refusal.error, message: refusal.message }),
    errorName: refusal.error,
    headers: refusalHeaders(refusal),
  };
}

function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

/** The message of an unexpected error is not sent, because it could quote its input. */
function answerTo(error: unknown): Answer {
  const known =
    error instanceof KmsError ? error : new KmsError('KMSInternalException', 'An internal error.');
  return {
    statusCode: known.statusCode,
    body: JSON.stringify({ __type: known.name, message: known.message }),
    errorName: known.name,
  };
}

function send(response: ServerResponse, requestId: string, answer: Answer): void {
  response.writeHead(answer.statusCode, {
    ...answer.headers,
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': requestId,
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
}

function operationName(request: IncomingMessage): Pick<Call, 'operation' | 'run'> {
  // Otherwise, a web page whose host name points at loopback could read responses as its own origin.
  const host = request.headers.host?.replace(/:\d+$/, '');
  if (host !== LOOPBACK && host !== 'localhost') {
    throw new KmsError('AccessDeniedException', 'Only requests to loopback are answered.');
  }
  const target = request.headers['x-amz-target'];
  const isCall = request.method === 'POST' && typeof target === 'string' && target.startsWith(TARGET_PREFIX);
  const operation = isCall ? target.slice(TARGET_PREFIX.length) : '';
  const run = operations.get(operation);
  if (run === undefined) throw new KmsError('UnknownOperationException', 'There is no such operation here.');
  return { operation, run };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not `for await`: leaving its loop early would destroy the socket before the refusal is sent.
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else reject(new KmsError('RequestEntityTooLargeException', 'The body is over 64 KiB.', 413));
    });
    request.on('end', resolve);
    request.on('error', reject);
  });
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
