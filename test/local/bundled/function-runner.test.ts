import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { ContainerOptions } from '../../../local/bundled/function-container.ts';
import { type FunctionRunner, startFunction } from '../../../local/bundled/function-runner.ts';

/** A bundle that does as its event says, and tells what it is in. */
const BUNDLE = `
import { get } from 'node:http';
import { threadId } from 'node:worker_threads';
let inside = 0;
export const handler = async ({ wait = 0, ask, hang, die }) => {
  inside += 1;
  if (hang) await new Promise(() => undefined);
  if (die) throw new TypeError('told to');
  await new Promise((resolve) => setTimeout(resolve, wait));
  const toldAt = ask && (await new Promise((resolve) =>
    get(ask, (response) => { response.resume(); resolve(response.headers.date); })));
  const seen = { threadId, inside, now: Date.now(), date: new Date().toISOString(), toldAt };
  inside -= 1;
  return seen;
};
`;

interface Seen {
  readonly threadId: number;
  readonly inside: number;
  readonly now: number;
  readonly date: string;
  readonly toldAt?: string;
}

const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
const bundle = join(folder, 'index.mjs');
writeFileSync(bundle, BUNDLE);
const running: FunctionRunner[] = [];
const start = (options: Partial<ContainerOptions> = {}): FunctionRunner => {
  const runner = startFunction({
    name: 'example',
    bundle,
    timeoutMs: 60_000,
    variables: {},
    clock: () => new Date(),
    clockStands: false,
    onLine: () => undefined,
    ...options,
  });
  running.push(runner);
  return runner;
};
const call = async (runner: FunctionRunner, event: object = {}): Promise<Seen> =>
  (await runner.invoke(event)) as Seen;

afterEach(() => Promise.all(running.splice(0).map((runner) => runner.close())));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the worker threads of a bundle', () => {
  it('handle one call at a time each, and calls beyond four wait', async () => {
    const runner = start();
    const seen = await Promise.all(Array.from({ length: 24 }, () => call(runner, { wait: 5 })));
    expect(seen.map(({ inside }) => inside)).toEqual(seen.map(() => 1));
    expect(new Set(seen.map(({ threadId }) => threadId)).size).toBeLessThanOrEqual(4);
  });

  it('are reused, the last used one first', async () => {
    const runner = start();
    const threads = new Set<number>();
    for (let i = 0; i < 3; i++) threads.add((await call(runner)).threadId);
    expect(threads.size).toBe(1);
  });

  it('end when a call times out, and the next call gets a new one', async () => {
    const runner = start({ timeoutMs: 3_000 });
    const { threadId } = await call(runner);
    await expect(call(runner, { hang: true })).rejects.toThrow('example: task timed out after 3000 ms');
    expect((await call(runner)).threadId).not.toBe(threadId);
  });

  it('report only the class name of an error', async () => {
    await expect(call(start(), { die: true })).rejects.toThrow(/^example failed: TypeError$/);
  });

  it('reject running and waiting calls after they are closed', async () => {
    const runner = start();
    const calls = Array.from({ length: 6 }, () => call(runner, { hang: true }));
    const ended = Promise.allSettled(calls);
    await runner.close();
    expect((await ended).map(({ status }) => status)).toEqual(calls.map(() => 'rejected'));
    await expect(call(runner)).rejects.toThrow('its containers have ended');
  });
});

describe('the clock of a bundle', () => {
  it("stays at the time of the caller's clock during a call, however long it takes", async () => {
    let now = new Date('2026-11-23T12:00:10.000Z');
    const runner = start({ clock: () => now, clockStands: true });
    const at = now.toISOString();
    expect(await call(runner, { wait: 20 })).toMatchObject({ now: now.getTime(), date: at });
    now = new Date('2027-01-20T00:00:00.000Z');
    expect((await call(runner, { wait: 20 })).date).toBe('2027-01-20T00:00:00.000Z');
  });

  it("continues from the time of the call if the caller's clock runs", async () => {
    const from = Date.parse('2026-11-23T12:00:10.000Z');
    const { now } = await call(start({ clock: () => new Date(from) }), { wait: 20 });
    // Timers may fire a little early.
    expect(now).toBeGreaterThanOrEqual(from + 15);
  });

  it('matches the Date header of services, so the SDK corrects no clock skew', async () => {
    const server = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const ask = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const runner = start({ clock: () => new Date('2026-11-23T12:00:10.000Z'), clockStands: true });
      expect((await call(runner, { ask })).toldAt).toBe('Mon, 23 Nov 2026 12:00:10 GMT');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
