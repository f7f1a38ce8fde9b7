import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly deadline: AbortSignal;
}

export interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /**
   * The body as text.
   *
   * @throws when it is longer than `maxBytes`, or the connection or the deadline ends first.
   */
  readText(maxBytes: number): Promise<string>;
}

/** A connection that is idle for longer is closed, milliseconds: a server may close it at any time after that. */
const IDLE_MS = 4_000;

const KEPT = { keepAlive: true, timeout: IDLE_MS } as const;
const plain = new HttpAgent(KEPT);
const secure = new HttpsAgent(KEPT);

/**
 * Sends one request over a kept-alive connection and returns the head of its answer. Follows no redirect and asks for no
 * compression. `fetch` does the same for twice the processor time, and its first use loads a library
 * (docs/performance.md).
 *
 * @throws the error of the connection or the deadline, if it comes before the head.
 */
export const exchange = ({ method, url, headers, body, deadline }: Exchange): Promise<Head> =>
  new Promise((resolve, reject) => {
    const options = {
      method,
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'spelo-byok/1', ...headers },
      signal: deadline,
    };
    const answered = (incoming: IncomingMessage): void =>
      resolve({
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        readText: (maxBytes) => readText(incoming, maxBytes),
      });
    const outgoing = url.startsWith('https:')
      ? httpsRequest(url, { ...options, agent: secure }, answered)
      : httpRequest(url, { ...options, agent: plain }, answered);
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const readText = (incoming: IncomingMessage, maxBytes: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      // The rest is never received.
      if (size > maxBytes) incoming.destroy(new Error('The answer is too long.'));
      else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    incoming.on('error', reject);
    incoming.on('close', () => reject(new Error('The answer is not complete.')));
  });
