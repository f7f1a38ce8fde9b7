import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

let running: ChildProcess | undefined;

/** Starts the process that synthesizes for all test files of this run. It loads the CDK when it is first asked. */
export default async (): Promise<void> => {
  running = spawn(process.execPath, [fileURLToPath(new URL('synthesize.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (running.stdout === null) throw new Error('The synthesizer has no output.');
  const [port] = await once(createInterface(running.stdout), 'line');
  // Workers are started later and inherit it.
  process.env['SYNTHESIZER'] = `http://127.0.0.1:${port}`;
};

export const stopSynthesizer = async (): Promise<void> => {
  if (running === undefined) return;
  const exited = once(running, 'exit');
  running.kill();
  await exited;
};
