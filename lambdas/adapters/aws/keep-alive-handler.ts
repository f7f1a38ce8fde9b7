import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { HttpResponse } from '@smithy/core/protocols';

/** A request that the SDK has signed. Requests to AWS's JSON services are `POST /` without a query. */
interface SignedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** The same number as in the SDK's own handler. */
const MOST_CONNECTIONS = 50;

/** Socket errors that the SDK treats as a timeout, and therefore retries. */
const LOST_CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

const tooLate = (message: string): Error =>
  Object.assign(new Error(message), { name: 'TimeoutError', code: 'ETIMEDOUT' });

/**
 * Sends requests of the SDK over kept-alive connections and returns each answer as bytes. `requestTimeout` limits the whole
 * answer, where the SDK's own handler limits the time to its head. That handler pipes each answer through two streams and starts
 * four timers for each call, which takes as much of a processor as the sending (docs/performance.md).
 *
 * @throws an error named `TimeoutError`, which the SDK retries, when the connection or the response takes too long or is lost.
 */
export const keepAliveHandler = ({
  connectionTimeout,
  requestTimeout,
}: {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
}) => {
  const plain = new HttpAgent({ keepAlive: true, maxSockets: MOST_CONNECTIONS });
  const secure = new HttpsAgent({ keepAlive: true, maxSockets: MOST_CONNECTIONS });
  const handle = (request: SignedRequest): Promise<{ readonly response: HttpResponse }> =>
    new Promise((resolve, reject) => {
      const fail = (error: Error & { readonly code?: string }): void => {
        clearTimeout(timer);
        reject(
          LOST_CONNECTION.has(error.code ?? '') ? Object.assign(error, { name: 'TimeoutError' }) : error,
        );
      };
      const outgoing = start(request, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () => {
          clearTimeout(timer);
          resolve({ response: responseOf(incoming, chunks) });
        });
      });
      const timer = setTimeout(
        () => outgoing.destroy(tooLate(`No answer within ${requestTimeout} ms.`)),
        requestTimeout,
      );
      outgoing.on('error', fail);
      outgoing.on('socket', (socket) => {
        if (!socket.connecting) return;
        const connecting = setTimeout(
          () => outgoing.destroy(tooLate(`No connection within ${connectionTimeout} ms.`)),
          connectionTimeout,
        );
        socket.once('connect', () => clearTimeout(connecting));
        socket.once('close', () => clearTimeout(connecting));
      });
      outgoing.end(request.body);
    });
  const start = (
    { protocol, hostname, port, method, path, headers }: SignedRequest,
    answered: (incoming: IncomingMessage) => void,
  ): ClientRequest => {
    const options = { host: hostname, port, method, path, headers };
    return protocol === 'https:'
      ? httpsRequest({ ...options, agent: secure }, answered)
      : httpRequest({ ...options, agent: plain }, answered);
  };
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle,
    destroy: (): void => {
      plain.destroy();
      secure.destroy();
    },
  };
};

const responseOf = ({ statusCode = -1, headers }: IncomingMessage, chunks: readonly Buffer[]): HttpResponse =>
  new HttpResponse({
    statusCode,
    headers: headers as Record<string, string>,
    body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
  });
