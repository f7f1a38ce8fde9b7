import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, ORIGIN } from '../support/tenant.ts';

let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});

afterAll(async () => {
  await stack?.close();
});

const eventOf = (routeKey: string, siteId: string, body: object | undefined, authorization?: string) => ({
  version: '2.0',
  routeKey,
  headers: {
    'content-type': 'application/json',
    origin: ORIGIN,
    ...(authorization !== undefined && { authorization }),
  },
  pathParameters: { siteId },
  ...(body !== undefined && { body: JSON.stringify(body) }),
  isBase64Encoded: false,
  requestContext: { requestId: 'request', http: { method: 'POST', sourceIp: '127.0.0.1' } },
});

/** Where a key was found in the memory of a process. */
interface Held {
  readonly inStrings: boolean;
  readonly inBuffers: boolean;
}

/** Pieces that leave no 23 neighbouring characters of the key unseen; a snapshot has tens of megabytes to look through. */
const piecesOf = (key: string): string[] =>
  Array.from({ length: Math.floor((key.length - 4) / 12) }, (_, i) => key.slice(i * 12, i * 12 + 12));

interface Sent {
  readonly to: 'token' | 'keys' | 'rotate';
  readonly event: object;
}

interface Files {
  readonly snapshot: string;
  readonly buffers: string;
}

const heldIn = (files: Files, key: string): Held => {
  const [snapshot, buffers] = [readFileSync(files.snapshot), readFileSync(files.buffers)];
  expect(snapshot.byteLength).toBeGreaterThan(1_000_000);
  expect(buffers.indexOf('ArrayBuffer')).toBeGreaterThanOrEqual(0);
  return {
    inStrings: piecesOf(key).some((piece) => snapshot.includes(piece)),
    inBuffers: piecesOf(key).some((piece) => buffers.includes(Buffer.from(piece).toString('hex'))),
  };
};

/**
 * Runs the functions in a separate process. Where in its memory the key can still be found, before the process keeps it as a
 * careless program would, and after.
 */
const heldAfter = async (
  events: readonly Sent[],
  key: string,
): Promise<{ readonly statuses: readonly number[]; readonly clean: Held; readonly planted: Held }> => {
  const folder = mkdtempSync(join(tmpdir(), 'custody-heap-'));
  const filesOf = (name: string): Files => ({
    snapshot: join(folder, `${name}.heapsnapshot`),
    buffers: join(folder, `${name}.buffers`),
  });
  const [clean, planted, taskFile] = [filesOf('clean'), filesOf('planted'), join(folder, 'task')];
  try {
    writeFileSync(taskFile, JSON.stringify({ variables: stack.variables, events, clean, planted }), {
      mode: 0o600,
    });
    const script = join(import.meta.dirname, 'children', 'hold-nothing.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, taskFile], {
      env: { PATH: process.env['PATH'], AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
    });
    return {
      statuses: JSON.parse(stdout) as number[],
      clean: heldIn(clean, key),
      planted: heldIn(planted, key),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/**
 * A key's way through the functions: stored twice, the second time in a body that API Gateway does not take for text;
 * opened for three visitors; re-encrypted twice; opened once more.
 */
const wayOf = async (key: string): Promise<readonly Sent[]> => {
  const { owner, siteId } = await makeTenant(stack, { openai_tier: 5 });
  const authorization = `Bearer ${await stack.tokenFor(owner)}`;
  const path = '/v1/sites/{siteId}/openai-key';
  const put = eventOf(`PUT ${path}`, siteId, { api_key: key }, authorization);
  const body = Buffer.from(put.body ?? '').toString('base64');
  const mint = { to: 'token', event: eventOf('POST /v1/{siteId}/token', siteId, { visitor_id: 'visitor' }) };
  const rotate = { to: 'rotate', event: eventOf(`POST ${path}/rotate`, siteId, undefined, authorization) };
  return [
    { to: 'keys', event: put },
    { to: 'keys', event: { ...put, body, isBase64Encoded: true } },
    ...[mint, mint, mint, rotate, rotate, mint],
  ] as readonly Sent[];
};

const ALL_ANSWERED = Array<number>(8).fill(200);

/**
 * The guarantee: after a request and a garbage collection, no live string and no live buffer holds the key. Until that
 * collection, the strings that JavaScript cannot zero remain: the Authorization header of the call to OpenAI and, in
 * the function that stores keys, the request's body and what was parsed from it.
 */
describe('the heap after requests and a garbage collection', () => {
  let held: Awaited<ReturnType<typeof heldAfter>>;
  beforeAll(async () => {
    const key = fakeKey();
    held = await heldAfter(await wayOf(key), key);
  });

  test('of the functions that received, opened and re-encrypted the key holds it in no string and no buffer', () => {
    expect(held.statuses).toEqual(ALL_ANSWERED);
    expect(held.clean).toEqual({ inStrings: false, inBuffers: false });
  });

  test('of a program that keeps the key is found to hold it, in a string and in a buffer', () => {
    expect(held.planted).toEqual({ inStrings: true, inBuffers: true });
  });
});
