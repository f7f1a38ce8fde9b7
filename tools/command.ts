import { type ParseArgsConfig, parseArgs, types } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Values of the options after parsing, as `parseArgs` of node:util types them. */
type Values<Given extends Options> = ReturnType<typeof parseArgs<{ readonly options: Given }>>['values'];

/** A command of tools/. `--help` prints `usage`. An unlisted argument is refused. */
export interface Command<Given extends Options> {
  readonly usage: string;
  /** Options as `parseArgs` takes them, without `--help`. */
  readonly options?: Given;
  /** @default false */
  readonly allowPositionals?: boolean;
  /** Does the work and returns the exit status. Prints its result itself. */
  readonly run: (values: Values<Given>, positionals: readonly string[]) => number | Promise<number>;
  /** The text for an error that `run` threw. @default the error's message */
  readonly describe?: (error: unknown) => string;
  /** Exit status when `run` threw or the arguments were wrong. @default 1 */
  readonly failureStatus?: number;
}

/** Thrown by `run` when the arguments are wrong: its message is shown together with the usage. */
export class UsageError extends Error {}

/** The result of a command: its exit status, and the text that the frame of the command prints. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** External text cannot start a line or a terminal sequence. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '?');

const messageOf = (error: unknown): string => (types.isNativeError(error) ? error.message : 'Failed.');

const isWrongArgument = (error: unknown): boolean =>
  error instanceof UsageError ||
  (types.isNativeError(error) && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_'));

/** Parses `args` and runs the command. Never throws: every error becomes a text and an exit status. */
export const outcomeOf = async <const Given extends Options>(
  { usage, options, allowPositionals = false, run, describe = messageOf, failureStatus = 1 }: Command<Given>,
  args: readonly string[],
): Promise<Outcome> => {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals,
      options: { ...options, help: { type: 'boolean' } },
    });
    if (values['help'] === true) return { status: 0, stdout: usage, stderr: '' };
    const status = await run(values as Values<Given>, positionals);
    return { status, stdout: '', stderr: '' };
  } catch (error) {
    const text = isWrongArgument(error) ? `${messageOf(error)}\n\n${usage.trimEnd()}` : describe(error);
    return { status: failureStatus, stdout: '', stderr: `${text.split('\n').map(printable).join('\n')}\n` };
  }
};

/** Runs the command on the arguments of this process and sets its exit status. */
export const runCommand = async <const Given extends Options>(command: Command<Given>): Promise<void> => {
  const { status, stdout, stderr } = await outcomeOf(command, process.argv.slice(2));
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
};
