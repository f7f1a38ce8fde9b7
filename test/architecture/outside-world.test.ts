import { describe, expect, it } from '@jest/globals';
import { type SourceFile, sourceFilesIn } from '../support/source-files.ts';

/** Where the environment, the clock and randomness come in. */
const ENTRANCES = /^lambdas\/(?:functions|composition)\//;

const OUTSIDE: Readonly<Record<string, RegExp>> = {
  environment: /\bprocess\.env\b/,
  clock: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
  randomness: /\bMath\.random\(|\brandomBytes\b(?!:)|\brandomUUID\b/,
};

const readersOf = (files: readonly SourceFile[], pattern: RegExp): readonly string[] =>
  files.filter(({ path, text }) => !ENTRANCES.test(path) && pattern.test(text)).map(({ path }) => path);

const lambdas = sourceFilesIn('lambdas');

describe('the outside world', () => {
  it.each(Object.entries(OUTSIDE))('%s is read in lambdas/functions alone', (_what, pattern) => {
    expect(readersOf(lambdas, pattern)).toEqual([]);
  });

  it.each(Object.entries(OUTSIDE))('%s is found where it is planted', (_what, pattern) => {
    const text = 'const a = [process.env, Date.now(), new Date(), Math.random(), randomUUID()];';
    expect(readersOf([{ path: 'lambdas/domain/planted.ts', text }], pattern)).toHaveLength(1);
  });

  it('fetch is called by the adapters for OpenAI and OIDC alone', () => {
    const callers = lambdas.filter(({ text }) => /\bfetch\(/.test(text)).map(({ path }) => path);
    expect(callers.sort()).toEqual([
      'lambdas/adapters/oidc/access-tokens.ts',
      'lambdas/adapters/openai/http-call.ts',
    ]);
  });
});

it('no file below lambdas imports inside of a type or expression, which check:imports could overlook', () => {
  expect(lambdas.filter(({ text }) => /\bimport\(/.test(text)).map(({ path }) => path)).toEqual([]);
});
