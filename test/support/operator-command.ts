import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from './source-files.ts';

type Variables = Readonly<Record<string, string | undefined>>;

export interface EndedCommand {
  /** null: it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const LOCAL_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' } as const;

/**
 * Node keeps here what it has compiled and stripped of types, so that a command loads the SDK from machine code. It changes
 * nothing else: https://nodejs.org/api/module.html#module-compile-cache
 */
const COMPILED = { NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'compiled') };

/** Starts `tools/operator/NAME.ts` as an operator does, with these variables alone. */
export const startOperatorCommand = (
  name: string,
  args: readonly string[],
  variables: Variables = {},
): ChildProcess =>
  spawn(process.execPath, [`tools/operator/${name}.ts`, ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...COMPILED, ...variables },
  });

/** All that a command has written once it has ended. `input` is what it reads from its standard input. */
export const ended = async (command: ChildProcess, input = ''): Promise<EndedCommand> => {
  const closed = new Promise<number | null>((resolve, reject) => {
    command.once('close', resolve);
    command.once('error', reject);
  });
  // A command that reads nothing may have closed it.
  command.stdin?.on('error', () => undefined).end(input);
  const [stdout = '', stderr = ''] = await Promise.all(
    [command.stdout, command.stderr].map((stream) => (stream === null ? '' : text(stream))),
  );
  return { code: await closed, stdout, stderr };
};

export const runOperatorCommand = (
  name: string,
  args: readonly string[],
  variables: Variables = {},
  input = '',
): Promise<EndedCommand> => ended(startOperatorCommand(name, args, variables), input);
