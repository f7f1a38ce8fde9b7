import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { printable } from '../../command.ts';
import { DeployStop } from './stop.ts';

/** Output and questions of the command. */
export interface Terminal {
  readonly say: (line?: string) => void;
  /** Whether a person can answer. A pipe cannot. */
  readonly interactive: boolean;
  /** Why nobody can answer, if known. */
  readonly obstacle?: string | undefined;
  /** One line; an empty one is the default. Ends with the error of `signal` when it is aborted. */
  readonly ask: (question: string, fallback: string, signal?: AbortSignal) => Promise<string>;
  /** A line that is not shown, or all of the standard input when it is a pipe. */
  readonly askSecret: (question: string) => Promise<string>;
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Why a person cannot answer through these streams; undefined if one can. */
export const obstacleOf = (input: { readonly isTTY?: boolean }, output: { readonly isTTY?: boolean }) => {
  if (input.isTTY === true && output.isTTY === true) return undefined;
  if (input.isTTY === true) return 'the output is a pipe or a file';
  return output.isTTY === true ? 'the input is a pipe or a file' : 'there is no terminal';
};

/** The terminal of this process. */
export const processTerminal = (): Terminal => {
  const obstacle = obstacleOf(process.stdin, process.stdout);
  const interactive = obstacle === undefined;
  const say = (line = ''): void => {
    process.stdout.write(`${line.split('\n').map(printable).join('\n')}\n`);
  };
  return {
    say,
    interactive,
    obstacle,
    ask: async (question, fallback, signal) => {
      if (!interactive)
        throw new DeployStop(
          `This question needs an answer, and ${obstacle}: ${question}`,
          'Provide the answer as an option. See --help.',
        );
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      try {
        const hint = fallback === '' ? '' : ` [${fallback}]`;
        const answer = await lines.question(`${question}${hint} `, signal === undefined ? {} : { signal });
        return answer.trim() === '' ? fallback : answer.trim();
      } finally {
        lines.close();
      }
    },
    askSecret: async (question) => {
      if (!interactive) return (await text(process.stdin)).trim();
      process.stdout.write(`${question} (not shown) `);
      const lines = createInterface({ input: process.stdin, output: nowhere(), terminal: true });
      try {
        return (await lines.question('')).trim();
      } finally {
        lines.close();
        process.stdout.write('\n');
      }
    },
  };
};
