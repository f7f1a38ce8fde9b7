import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Exchange, exchange } from '../../../lambdas/adapters/openai/https-exchange.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

let server: Server;
let url: string;
let asked: IncomingMessage[];
let bodies: string[];
let answer: Answer;
const sockets = new Set<unknown>();

beforeEach(async () => {
  asked = [];
  bodies = [];
  sockets.clear();
  answer = (response) => response.end('{}');
  server = createServer(async (request, response) => {
    sockets.add(request.socket);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push(request);
    bodies.push(Buffer.concat(chunks).toString());
    answer(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/realtime`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const never = new AbortController().signal;
const send = (given: Partial<Exchange> = {}) =>
  exchange({ method: 'POST', url, headers: {}, body: '{}', deadline: never, ...given });

test('a request has its method, headers and body, and asks for no compression', async () => {
  const { status } = await send({ headers: { authorization: 'Bearer k', 'x-a': 'b' }, body: '{"ü":1}' });
  expect(status).toBe(200);
  expect(asked[0]?.method).toBe('POST');
  expect(asked[0]?.url).toBe('/v1/realtime');
  expect(asked[0]?.headers).toMatchObject({
    authorization: 'Bearer k',
    'x-a': 'b',
    'content-length': '8',
    'accept-encoding': 'identity',
  });
  expect(bodies).toEqual(['{"ü":1}']);
});

test('an answer has its status, its headers and its text, in however many parts it arrives', async () => {
  answer = (response) => {
    response.writeHead(429, { 'x-request-id': 'req_1', 'retry-after': '7' });
    // The second part begins in the middle of a character.
    const bytes = Buffer.from('{"é":1}');
    response.write(bytes.subarray(0, 3), () => response.end(bytes.subarray(3)));
  };
  const head = await send();
  expect(head.status).toBe(429);
  expect(head.headers).toMatchObject({ 'x-request-id': 'req_1', 'retry-after': '7' });
  expect(await head.readText(1_000)).toBe('{"é":1}');
});

test('a redirect is an answer, and the key does not follow it', async () => {
  answer = (response) => response.writeHead(307, { location: '/v1/elsewhere' }).end();
  const head = await send({ headers: { authorization: 'Bearer k' } });
  expect(head.status).toBe(307);
  expect(await head.readText(1_000)).toBe('');
  expect(asked).toHaveLength(1);
});

test('an answer is read up to its limit and refused beyond it, and the connection is closed', async () => {
  answer = (response) => response.end('x'.repeat(1_000));
  expect(await (await send()).readText(1_000)).toHaveLength(1_000);
  let closed: Promise<unknown> = Promise.resolve();
  answer = (response) => {
    closed = once(response, 'close');
    // The reader has to close the connection by itself.
    response.write('x'.repeat(1_001));
  };
  await expect((await send()).readText(1_000)).rejects.toThrow('too long');
  await closed;
});

test('a connection that is reset before the head is an error of the request', async () => {
  answer = (response) => response.destroy();
  await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(asked).toHaveLength(1);
});

test('a connection that is reset in the body is an error of the reading', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{', () => response.destroy());
  };
  const head = await send();
  await expect(head.readText(1_000)).rejects.toThrow();
});

test('a connection that is refused names its code, and a faulty header names no value', async () => {
  await expect(send({ url: 'http://127.0.0.1:1/v1' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  const faulty = send({ headers: { authorization: 'Bearer secret-value\n' } });
  await expect(faulty).rejects.toMatchObject({ code: 'ERR_INVALID_CHAR' });
  await expect(faulty).rejects.not.toThrow('secret-value');
  expect(asked).toEqual([]);
});

test('a deadline before the head ends the request', async () => {
  const deadline = new AbortController();
  answer = () => deadline.abort();
  await expect(send({ deadline: deadline.signal })).rejects.toMatchObject({ name: 'AbortError' });
});

test('a deadline in the body ends the reading', async () => {
  const deadline = new AbortController();
  answer = (response) => response.write('{');
  const head = await send({ deadline: deadline.signal });
  const text = head.readText(1_000);
  deadline.abort();
  await expect(text).rejects.toThrow();
});

test('requests one after another use one connection', async () => {
  for (let i = 0; i < 3; i++) await (await send()).readText(1_000);
  expect(asked).toHaveLength(3);
  expect(sockets.size).toBe(1);
});
