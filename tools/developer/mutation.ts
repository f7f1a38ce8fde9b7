import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import { sourceFilesIn } from '../../test/support/source-files.ts';
import { runCommand } from '../command.ts';
import { testsJudging } from './mutation-tests.ts';

const USAGE = `npm run mutation -- [--short] [--survivors] [FILE…]

Changes one operator, condition or text at a time in the rules (lambdas/domain, lambdas/use-cases) and runs the tests of
that file: a change that no test notices has survived. Prints the score of each file, in per cent of changes noticed.

  FILE         only these files; with --short those of them that CI watches
  --short      only those that CI watches; ends with 1 when one is below its threshold
  --survivors  prints each change that survived, too
  --help       this text
`;

/** Files that CI mutates, and the score that each must keep: small files on which the custody of keys rests. */
const WATCHED: Readonly<Record<string, number>> = {
  'lambdas/domain/sessions/event-signature.ts': 79,
  'lambdas/domain/secret.ts': 88,
  'lambdas/domain/tenancy/workspace.ts': 100,
  'lambdas/use-cases/sessions/choose-key.ts': 97,
  'lambdas/use-cases/sessions/admit-session.ts': 96,
};

interface Score {
  readonly file: string;
  /** Number of changes that a test noticed, and of all that compile. */
  readonly noticed: number;
  readonly all: number;
  readonly survivors: readonly string[];
}

/**
 * One file at a time, so that a change loads the tests of that file alone. The rest is in stryker.config.json; it names no
 * tsconfig.json, because Stryker rewrites paths in one by TypeScript's API, which TypeScript 7 does not have.
 */
const scoreOf = async (file: string, tests: readonly string[]): Promise<Score> => {
  const stryker = new Stryker({
    configFile: 'stryker.config.json',
    concurrency: Number(process.env['MUTATION_CONCURRENCY'] ?? 2),
    mutate: [file],
    // In addition to the duration of the tests without a change.
    timeoutMS: 10_000,
    jest: {
      config: {
        testMatch: tests.map((test) => `<rootDir>/${test}`),
        setupFiles: ['<rootDir>/test/support/brief-properties.ts'],
        maxWorkers: 1,
      },
    },
  });
  const results = await stryker.runMutationTest();
  const counted = results.filter(({ status }) =>
    ['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(status),
  );
  const survivors = counted.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  return {
    file,
    noticed: counted.length - survivors.length,
    all: counted.length,
    survivors: survivors.map(
      ({ location, mutatorName, replacement, status }) =>
        `${file}:${location.start.line}:${location.start.column} ${mutatorName} ${status} → ${replacement}`,
    ),
  };
};

const percentOf = ({ noticed, all }: Pick<Score, 'noticed' | 'all'>): number =>
  all === 0 ? 100 : (100 * noticed) / all;

const line = (score: Pick<Score, 'noticed' | 'all'>, name: string): string =>
  `${percentOf(score).toFixed(1).padStart(6)} %  ${String(score.noticed).padStart(5)} of ${String(score.all).padStart(5)}  ${name}`;

await runCommand({
  usage: USAGE,
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    survivors: { type: 'boolean', default: false },
  },
  run: async (values, positionals) => {
    const all = [...sourceFilesIn('lambdas/domain'), ...sourceFilesIn('lambdas/use-cases')].map(
      ({ path }) => path,
    );
    const named = positionals.map((file) => relative('.', file));
    const watched = Object.keys(WATCHED).filter((file) => named.length === 0 || named.includes(file));
    const files = values.short ? watched : named.length > 0 ? named : all;
    let status = 0;
    const total = { noticed: 0, all: 0 };
    for (const file of files) {
      const tests = testsJudging(file).filter((test) => existsSync(test));
      if (tests.length === 0) {
        process.stdout.write(`     –            ${file} has no test with its name\n`);
        continue;
      }
      const score = await scoreOf(file, tests);
      total.noticed += score.noticed;
      total.all += score.all;
      const tooLow = values.short && percentOf(score) < (WATCHED[file] ?? 0);
      if (tooLow) status = 1;
      process.stdout.write(`${line(score, file)}${tooLow ? `, below ${WATCHED[file]}` : ''}\n`);
      if (values.survivors || tooLow)
        for (const survivor of score.survivors) process.stdout.write(`  ${survivor}\n`);
    }
    process.stdout.write(`${line(total, 'together')}\n`);
    return status;
  },
});
