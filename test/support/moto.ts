import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** True if the third-party AWS emulator moto is installed on this machine. It is not part of the project. */
export const hasMoto = spawnSync('moto_server', ['--help'], { stdio: 'ignore' }).status === 0;

export interface Moto {
  /** Environment variables with which the AWS SDK calls it. */
  readonly variables: Readonly<Record<string, string>>;
  stop(): void;
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

export const startMoto = async (region: string): Promise<Moto> => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  for (;;) {
    const up = await fetch(`${url}/moto-api/`).catch(() => undefined);
    if (up?.ok === true) break;
    await sleep(200);
  }
  return {
    variables: {
      AWS_ACCESS_KEY_ID: 'testing',
      AWS_SECRET_ACCESS_KEY: 'testing',
      AWS_REGION: region,
      AWS_ENDPOINT_URL: url,
    },
    stop: () => void server.kill(),
  };
};
