import { request } from 'node:http';
import type { TestAnswer, TestStack } from './stack.ts';

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** Sent unchanged; only Host and the length are added. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** An address of 127.0.0.0/8 to call from: each has a separate budget. */
  readonly from?: string;
}

/** Sends requests that fetch would change: without a content type, from another source address, or with a path that is not normalised. */
export const rawRequest = async (
  stack: TestStack,
  { method, path, headers = {}, body, from }: RawRequest,
): Promise<TestAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(stack.url);
    const options = { hostname, port, method, path, ...(from !== undefined && { localAddress: from }) };
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const outgoing = request({ ...options, headers: { ...headers, ...length }, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const json = text === '' ? {} : JSON.parse(text);
        const received = Object.entries(incoming.headers).map(
          ([name, value]) => [name, String(value)] as const,
        );
        resolve({
          status: incoming.statusCode ?? 0,
          headers: new Headers(received.map(([name, value]) => [name, value])),
          text,
          data: json.data,
          error: json.error,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
