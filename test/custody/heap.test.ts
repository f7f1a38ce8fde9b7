import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, ORIGIN, putSiteKey } from '../support/tenant.ts';

let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack();
});

afterAll(async () => {
  await stack?.close();
});

const eventOf = (routeKey: string, siteId: string, body: object, headers: Record<string, string> = {}) => ({
  version: '2.0',
  routeKey,
  headers: { 'content-type': 'application/json', origin: ORIGIN, ...headers },
  pathParameters: { siteId },
  body: JSON.stringify(body),
  isBase64Encoded: false,
  requestContext: { requestId: 'request', http: { method: 'POST', sourceIp: '127.0.0.1' } },
});

interface Held {
  readonly statuses: readonly number[];
  readonly inStrings: boolean;
  readonly inBuffers: boolean;
}

/** Pieces that leave no 23 neighbouring characters of the key unseen; a snapshot has tens of megabytes to look through. */
const piecesOf = (key: string): string[] =>
  Array.from({ length: Math.floor((key.length - 4) / 12) }, (_, i) => key.slice(i * 12, i * 12 + 12));

/** Runs a function in a process of its own and says in what of its memory the key is still to be found. */
const heldAfter = async (
  name: 'token' | 'keys',
  events: readonly object[],
  key: string,
  { plant = false } = {},
): Promise<Held> => {
  const folder = mkdtempSync(join(tmpdir(), 'custody-heap-'));
  const [taskFile, snapshotFile, buffersFile] = ['task', 'heapsnapshot', 'buffers'].map((part) =>
    join(folder, part),
  ) as [string, string, string];
  try {
    const task = { function: name, variables: stack.variables, events, snapshotFile, buffersFile, plant };
    writeFileSync(taskFile, JSON.stringify(task), { mode: 0o600 });
    const script = join(import.meta.dirname, 'children', 'hold-nothing.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, taskFile], {
      env: { PATH: process.env['PATH'], AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
    });
    const [snapshot, buffers] = [readFileSync(snapshotFile), readFileSync(buffersFile)];
    expect(snapshot.byteLength).toBeGreaterThan(1_000_000);
    expect(buffers.indexOf('ArrayBuffer')).toBeGreaterThanOrEqual(0);
    return {
      statuses: JSON.parse(stdout) as number[],
      inStrings: piecesOf(key).some((piece) => snapshot.includes(piece)),
      inBuffers: piecesOf(key).some((piece) => buffers.includes(Buffer.from(piece).toString('hex'))),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const MINTS = 5;

const mintsOf = async () => {
  const tenant = await makeTenant(stack, { openai_tier: 5 });
  const key = fakeKey();
  expect((await putSiteKey(stack, tenant, key)).status).toBe(200);
  const event = eventOf('POST /v1/{siteId}/token', tenant.siteId, { visitor_id: 'visitor' });
  return { key, events: Array<object>(MINTS).fill(event) };
};

const putOf = async () => {
  const tenant = await makeTenant(stack);
  const key = fakeKey();
  const authorization = `Bearer ${await stack.tokenFor(tenant.owner)}`;
  const event = eventOf(
    'PUT /v1/sites/{siteId}/openai-key',
    tenant.siteId,
    { api_key: key },
    { authorization },
  );
  return { key, events: [event] };
};

/**
 * What these tests bound: after a request and a collection of garbage no live string and no live buffer holds the key.
 * Until that collection the strings that JavaScript cannot zero are there: the Authorization header of the call to OpenAI,
 * and, in the function that stores keys, the request's body and what was parsed from it.
 */
describe('after its requests and a collection of garbage', () => {
  test('the token function, which opened the key for each of its mints, holds it in no string and no buffer', async () => {
    const { key, events } = await mintsOf();
    expect(await heldAfter('token', events, key)).toEqual({
      statuses: Array(MINTS).fill(200),
      inStrings: false,
      inBuffers: false,
    });
  });

  let afterPut: Held;

  test('the keys function, which was given the key, holds it in no string', async () => {
    const { key, events } = await putOf();
    afterPut = await heldAfter('keys', events, key);
    expect(afterPut).toMatchObject({ statuses: [200], inStrings: false });
  });

  // Known defect: the body of the request is copied into a pooled buffer that is never zeroed, and the pool lives on.
  // Drop `.failing` when it is repaired.
  test.failing('the keys function holds it in no buffer', () => {
    expect(afterPut).toMatchObject({ statuses: [200], inBuffers: false });
  });

  test('a program that keeps the key is caught with it, in a string and in a buffer', async () => {
    const { key, events } = await putOf();
    expect(await heldAfter('keys', events, key, { plant: true })).toEqual({
      statuses: [200],
      inStrings: true,
      inBuffers: true,
    });
  });
});
