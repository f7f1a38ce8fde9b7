import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { type HttpsPostOptions, httpsPost } from '../../../lambdas/adapters/webhooks/https-post.ts';
import { makeCertificate, startReceiver } from '../../support/webhook-receiver.ts';

const certificate = makeCertificate('DNS:receiver.example', 'IP:127.0.0.1');
const receiver = await startReceiver(certificate);
afterAll(() => receiver.close());
afterEach(() => receiver.forget());

const LOOPBACK: HttpsPostOptions = { ca: certificate.cert, isAllowed: (address) => address === '127.0.0.1' };

/** A resolver that gives one answer after the other. */
const resolving = (...answers: readonly (readonly string[])[]) => {
  const asked: string[] = [];
  const resolve = ((
    name: string,
    _options: unknown,
    callback: (error: null, addresses: LookupAddress[]) => void,
  ) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as NonNullable<HttpsPostOptions['resolve']>;
  return { resolve, asked };
};

const post = (url: string, options: HttpsPostOptions) =>
  httpsPost(options).post(url, { 'webhook-id': 'ntc_1' }, '{"type":"test"}');

describe('a webhook POST', () => {
  it('reaches the receiver by its name, at the address that was checked', async () => {
    const { resolve, asked } = resolving(['127.0.0.1'], ['10.0.0.1']);
    const result = await post(`https://receiver.example:${receiver.port}/hook?x=1`, { ...LOOPBACK, resolve });
    expect(result).toEqual({ status: 204, failure: null });
    expect(receiver.received).toMatchObject([{ path: '/hook?x=1', body: '{"type":"test"}' }]);
    // A second look-up would be the gap through which a name changes its mind.
    expect(asked).toEqual(['receiver.example']);
  });

  it.each([
    'https://127.0.0.1',
    'https://2130706433',
    'https://0x7f.1',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://10.1.2.3',
    'https://169.254.169.254/latest/meta-data',
    'https://[fd00:ec2::254]',
    'https://[fe80::1]',
    'https://[64:ff9b::7f00:1]',
    'https://[2002:7f00:1::]',
    'https://100.64.0.1',
    'https://0.0.0.0',
    'https://192.168.0.1.',
  ])('never connects to %s', async (url) => {
    const before = receiver.connections;
    const result = await post(`${url.replace(/(\/latest.*)?$/, `:${receiver.port}$1`)}`, {
      ca: certificate.cert,
    });
    expect(result).toEqual({ status: null, failure: 'private_address' });
    expect(receiver.connections).toBe(before);
  });

  it.each([
    [['127.0.0.1']],
    [['169.254.169.254']],
    [['10.0.0.5']],
    [['fd00::1']],
    [['::ffff:127.0.0.1']],
    // One bad address among good ones: Node.js would try each of them.
    [['93.184.215.14', '127.0.0.1']],
  ])('never connects to a name that resolves to %j', async (addresses) => {
    const before = receiver.connections;
    const { resolve } = resolving(addresses);
    const result = await post(`https://receiver.example:${receiver.port}/`, {
      ca: certificate.cert,
      resolve,
    });
    expect(result).toEqual({ status: null, failure: 'private_address' });
    expect(receiver.connections).toBe(before);
  });

  it('is refused for a name that changes from a public address to a private one', async () => {
    const { resolve } = resolving(['127.0.0.1'], ['10.0.0.1']);
    const options = { ...LOOPBACK, resolve };
    const url = `https://receiver.example:${receiver.port}/`;
    const { post: again } = httpsPost(options);
    expect(await again(url, {}, '{}')).toEqual({ status: 204, failure: null });
    expect(await again(url, {}, '{}')).toEqual({ status: null, failure: 'private_address' });
  });

  it('does not follow a redirect', async () => {
    const elsewhere = await startReceiver(certificate);
    receiver.respondWith((response) =>
      response.writeHead(302, { location: `https://127.0.0.1:${elsewhere.port}/` }).end(),
    );
    expect(await post(`https://127.0.0.1:${receiver.port}/`, LOOPBACK)).toEqual({
      status: 302,
      failure: 'redirect',
    });
    expect(elsewhere.connections).toBe(0);
    await elsewhere.close();
  });

  it.each([400, 404, 410, 429, 500, 503])('fails on a status %i', async (status) => {
    receiver.respondWith((response) => response.writeHead(status).end());
    expect(await post(`https://127.0.0.1:${receiver.port}/`, LOOPBACK)).toEqual({
      status,
      failure: 'http_status',
    });
  });

  it.each([
    ['that no authority has signed', {}, '127.0.0.1'],
    ['of another name', { ca: certificate.cert, ...resolving(['127.0.0.1']) }, 'other.example'],
  ])('fails on a certificate %s, before anything is sent', async (_what, options, host) => {
    const result = await post(`https://${host}:${receiver.port}/`, {
      isAllowed: LOOPBACK.isAllowed,
      ...options,
    } as HttpsPostOptions);
    expect(result).toEqual({ status: null, failure: 'tls' });
    expect(receiver.received).toEqual([]);
  });

  it('fails at a receiver that never answers', async () => {
    receiver.respondWith(() => undefined);
    const result = await post(`https://127.0.0.1:${receiver.port}/`, { ...LOOPBACK, timeoutMs: 100 });
    expect(result).toEqual({ status: null, failure: 'timeout' });
  });

  it('fails at a server that accepts the connection and never sends a byte', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const result = await post(`https://127.0.0.1:${port}/`, { ...LOOPBACK, timeoutMs: 100 });
    expect(result).toEqual({ status: null, failure: 'timeout' });
    silent.close();
  });

  it('stops reading an endless answer', async () => {
    let written = 0;
    let closed: Promise<unknown> = Promise.resolve();
    receiver.respondWith((response) => {
      closed = once(response, 'close');
      response.writeHead(200);
      const chunk = Buffer.alloc(65_536);
      const pour = (): void => {
        written += chunk.byteLength;
        if (!response.destroyed) response.write(chunk, () => setImmediate(pour));
      };
      pour();
    });
    expect(await post(`https://127.0.0.1:${receiver.port}/`, LOOPBACK)).toEqual({
      status: 200,
      failure: null,
    });
    await closed;
    expect(written).toBeLessThan(64 * 1_048_576);
  });

  it('refuses an answer with endless headers', async () => {
    receiver.respondWith((response) => response.writeHead(200, { 'x-long': 'a'.repeat(20_000) }).end());
    expect(await post(`https://127.0.0.1:${receiver.port}/`, LOOPBACK)).toEqual({
      status: null,
      failure: 'connection',
    });
  });

  it('fails if no server listens', async () => {
    const gone = await startReceiver(certificate);
    await gone.close();
    expect(await post(`https://127.0.0.1:${gone.port}/`, LOOPBACK)).toEqual({
      status: null,
      failure: 'connection',
    });
  });
});
