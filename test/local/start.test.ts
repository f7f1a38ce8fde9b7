import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';

const START = join(import.meta.dirname, '../../local/start.ts');
const WAIT_MS = 60_000;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });

interface Run {
  readonly url: string;
  readonly output: () => string;
  stop(): Promise<void>;
}

let running: Run | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** `npm start` in an empty folder, once it has said that it is ready. */
const start = async (...args: readonly string[]): Promise<Run> => {
  const folder = await mkdtemp(join(tmpdir(), 'spelo-start-'));
  const port = await freePort();
  const child = spawn(process.execPath, [START, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], PORT: String(port) },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  running = {
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
  for (let waitedMs = 0; !/^ready$/m.test(output); waitedMs += 50) {
    if (waitedMs > WAIT_MS || child.exitCode !== null) throw new Error(`It did not start: ${output}`);
    await sleep(50);
  }
  return running;
};

/** Asks for something that is there, something that is not, and a page. */
const visit = async ({ url }: Run): Promise<readonly number[]> => {
  const statuses: number[] = [];
  for (const path of ['/v1/health', '/v1/workspaces', '/dashboard'])
    statuses.push((await fetch(`${url}${path}`, { redirect: 'manual' })).status);
  return statuses;
};

describe('npm start', () => {
  it(
    'prints nothing before its banner, and nothing while it answers requests',
    async () => {
      const run = await start();
      expect(run.output().trimStart()).toMatch(/^Spelo BYOK listens on /);
      expect(await visit(run)).toEqual([200, 401, 302]);
      expect(run.output()).toMatch(/\nready\n$/);
    },
    WAIT_MS,
  );

  it(
    'with --verbose prints a line for each request after the banner',
    async () => {
      const run = await start('--verbose');
      expect(run.output().trimStart()).toMatch(/^Spelo BYOK listens on /);
      await visit(run);
      while (!run.output().includes('/v1/workspaces 401')) await sleep(20);
      expect(run.output().slice(run.output().indexOf('\nready\n'))).toMatch(/GET \/v1\/health 200 \d+ ms/);
    },
    WAIT_MS,
  );
});
