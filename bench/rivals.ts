import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { makeFakeKey } from '../local/openai/server.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/**
 * The common alternatives, in the versions of bench/rivals/package-lock.json. Under Node 24, Portkey's gateway answers
 * 500 to every proxied request with the newest @hono/node-server of its range (it changes headers that are immutable),
 * so the oldest of that range is pinned.
 */

const folder = (path: string): string => fileURLToPath(new URL(`./rivals/${path}`, import.meta.url));

/**
 * Installs into bench/rivals, so that the product's own install does not include them, and only if the lockfile has
 * changed.
 */
export const installRivals = (): void => {
  const installed = folder('node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs > statSync(folder('package-lock.json')).mtimeMs)
    return;
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder(''),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
};

export const startExpress = (openAiBaseUrl: string): Promise<ServerProcess> =>
  startServer('./rivals/express-server.mjs', {
    env: { NODE_ENV: 'production', OPENAI_API_KEY: makeFakeKey(randomBytes), OPENAI_BASE_URL: openAiBaseUrl },
  });

/** Its caller sends the key, and the host in a header. */
export const portkeyHeaders = (openAiBaseUrl: string): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${makeFakeKey(randomBytes)}`,
  'x-portkey-provider': 'openai',
  'x-portkey-custom-host': openAiBaseUrl,
});

export const startPortkey = async (): Promise<ServerProcess> => {
  const port = await freePort();
  return startServer('./rivals/node_modules/@portkey-ai/gateway/build/start-server.js', {
    args: [`--port=${port}`, '--headless'],
    env: { NODE_ENV: 'production' },
    url: `http://127.0.0.1:${port}`,
  });
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
