import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProbeQuestion, Spent } from './probe.ts';

/** A server in a separate process, so that its processor time can be measured. */
export interface ServerProcess {
  readonly url: string;
  /** The processor time and memory that it has used since it began. */
  spent(): Promise<Spent>;
  /** The heap that it allocates while this runs. */
  sampled(run: () => Promise<unknown>): Promise<number>;
  /** Written to standard output since it began. */
  bytesWritten(): number;
  close(): Promise<void>;
}

const PROBE = new URL('./probe.ts', import.meta.url).href;

/** `url`: the address of a server that does not report to its parent. The server is up when this address answers. */
export const startServer = async (
  script: string,
  {
    args = [],
    nodeArgs = [],
    env = {},
    url,
  }: {
    readonly args?: readonly string[];
    readonly nodeArgs?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly url?: string;
  } = {},
): Promise<ServerProcess> => {
  const child: ChildProcess = spawn(
    process.execPath,
    [...nodeArgs, '--import', PROBE, fileURLToPath(new URL(script, import.meta.url)), ...args],
    { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { PATH: process.env['PATH'] ?? '', ...env } },
  );
  let written = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    written += chunk.byteLength;
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const message = <Field extends string, Value>(field: Field): Promise<Value> =>
    new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`${script} has ended: ${code}`));
      const onMessage = (told: Readonly<Record<string, unknown>>): void => {
        if (!(field in told)) return;
        child.off('message', onMessage);
        child.off('exit', onExit);
        resolve(told[field] as Value);
      };
      child.on('message', onMessage);
      child.once('exit', onExit);
    });
  const ask = (question: ProbeQuestion): Promise<Spent> => {
    const spent = message<'spent', Spent>('spent');
    child.send(question);
    return spent;
  };
  return {
    url: url === undefined ? await message<'url', string>('url') : await answering(url, child),
    spent: () => ask('spent'),
    sampled: async (run) => {
      await ask('start sampling');
      await run();
      return (await ask('stop sampling')).allocatedBytes;
    },
    bytesWritten: () => written,
    close: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
};

const answering = async (url: string, child: ChildProcess): Promise<string> => {
  for (;;) {
    try {
      await fetch(url);
      return url;
    } catch {
      if (child.exitCode !== null) throw new Error(`${url} does not answer.`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};
