import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { LOOPBACK, listen } from '../../listen.ts';
import { type Refusal, refusalHeaders, refusalOf } from '../rule.ts';
import { Catalogue, tableNames } from './catalogue.ts';
import { inAwsWords } from './engine-messages.ts';
import type { Json } from './request.ts';
import { dynamoDbRules } from './rules.ts';

const CONTENT_TYPE = 'application/x-amz-json-1.0';

export interface StrictFront {
  readonly endpoint: string;
  /** Calls `listener` with each table that a request may have written to, before its caller has the answer. */
  onWritten(listener: (table: string) => void): void;
  /** Resolves once the port is free; calls under way lose their connection. */
  close(): Promise<void>;
}

/**
 * Stands in front of a DynamoDB engine on this machine. What DynamoDB would refuse is answered with DynamoDB's error and
 * never reaches the engine; every other call passes unchanged.
 */
export const startStrictDynamoDb = async (engine: string): Promise<StrictFront> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const { hostname, port } = new URL(engine);
  const catalogue = new Catalogue(async (target, input) => {
    const answer = await fetch(engine, {
      method: 'POST',
      headers: { ...ENGINE_HEADERS, 'content-type': CONTENT_TYPE, 'x-amz-target': target },
      body: JSON.stringify(input),
    });
    const body = (await answer.json()) as Json;
    return answer.ok ? body : undefined;
  });

  const listeners: ((table: string) => void)[] = [];
  const refusal = async (call: Call | undefined): Promise<Refusal | undefined> =>
    call && refusalOf(dynamoDbRules, await catalogue.describe(call.operation, call.input));

  const pass = (incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> =>
    new Promise((resolve, reject) => {
      const forwarded = httpRequest(
        {
          host: hostname,
          port,
          path: incoming.url ?? '/',
          method: incoming.method ?? 'POST',
          agent,
          headers: headersWithout(incoming.rawHeaders, OF_THE_CONNECTION),
        },
        (answer) => {
          bytesOf(answer).then((bytes) => {
            const status = answer.statusCode ?? 500;
            const text = status === 400 ? inAwsWords(bytes) : bytes;
            // A checksum of different bytes would make the client discard the response.
            const dropped = text === bytes ? OF_THE_ANSWER : OF_OTHER_BYTES;
            const kept = headersWithout(answer.rawHeaders, dropped);
            outgoing.writeHead(status, [...kept, 'content-length', String(text.byteLength)]);
            outgoing.end(text);
            resolve();
          }, reject);
        },
      );
      // Does not wait for a caller that has given up.
      outgoing.on('close', () => {
        if (!outgoing.writableEnded) forwarded.destroy();
      });
      forwarded.on('error', reject).end(body);
    });

  const server = createServer(async (incoming, outgoing) => {
    try {
      const body = await bytesOf(incoming);
      const call = callIn(incoming, body);
      const refused = await refusal(call);
      if (refused !== undefined) return answerRefusal(outgoing, refused);
      try {
        await pass(incoming, body, outgoing);
      } finally {
        if (call !== undefined && WRITES.has(call.operation))
          for (const table of tableNames(call.input)) for (const listener of listeners) listener(table);
      }
    } catch {
      // Like an engine that has stopped, it breaks the connection.
      outgoing.destroy();
    }
  });
  const ownPort = await listen(server);
  return {
    endpoint: `http://${LOOPBACK}:${ownPort}`,
    onWritten: (listener) => {
      listeners.push(listener);
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** Engines require a signature but do not check it. */
const ENGINE_HEADERS = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0',
  'x-amz-date': '20260101T000000Z',
};

const OF_THE_CONNECTION: ReadonlySet<string> = new Set(['connection']);
const OF_THE_ANSWER: ReadonlySet<string> = new Set(['connection', 'transfer-encoding', 'content-length']);
const OF_OTHER_BYTES: ReadonlySet<string> = new Set([...OF_THE_ANSWER, 'x-amz-crc32']);

/** Names and values in turn, as they came. Node sends such a list without looking at each header again. */
const headersWithout = (raw: readonly string[], dropped: ReadonlySet<string>): string[] => {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (!dropped.has(name.toLowerCase())) kept.push(name, raw[i + 1] ?? '');
  }
  return kept;
};

const answerRefusal = (outgoing: ServerResponse, refused: Refusal): void => {
  const namespace =
    refused.error === 'ValidationException'
      ? 'com.amazon.coral.validate'
      : 'com.amazonaws.dynamodb.v20120810';
  outgoing.writeHead(refused.status, {
    'content-type': CONTENT_TYPE,
    'x-amzn-requestid': 'strict',
    ...refusalHeaders(refused),
  });
  outgoing.end(JSON.stringify({ __type: `${namespace}#${refused.error}`, message: refused.message }));
};

interface Call {
  /** `Query`, `UpdateItem` */
  readonly operation: string;
  readonly input: Json;
}

const WRITES: ReadonlySet<string> = new Set([
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'TransactWriteItems',
]);

/** Undefined for a request without an operation or valid JSON, which the engine refuses. */
const callIn = (incoming: IncomingMessage, body: Buffer): Call | undefined => {
  const operation = incoming.headers['x-amz-target']?.toString().split('.').at(-1);
  const input = operation === undefined ? undefined : parsed(body);
  return operation === undefined || input === undefined ? undefined : { operation, input };
};

const parsed = (body: Buffer): Json | undefined => {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
};

/** By events: an iterator of a stream takes as much of a processor as the rules. */
const bytesOf = (stream: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('The connection was closed.')));
  });
