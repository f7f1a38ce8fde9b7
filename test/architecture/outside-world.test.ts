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

describe('the access to the outside world', () => {
  it.each(Object.entries(OUTSIDE))('by %s is found only in lambdas/functions', (_what, pattern) => {
    expect(readersOf(lambdas, pattern)).toEqual([]);
  });

  it.each(Object.entries(OUTSIDE))('by %s is found if it is planted', (_what, pattern) => {
    const text = 'const a = [process.env, Date.now(), new Date(), Math.random(), randomUUID()];';
    expect(readersOf([{ path: 'lambdas/domain/planted.ts', text }], pattern)).toHaveLength(1);
  });

  it('by fetch is found only in the adapters for OpenAI and OIDC', () => {
    const callers = lambdas.filter(({ text }) => /\bfetch\(/.test(text)).map(({ path }) => path);
    expect(callers.sort()).toEqual([
      'lambdas/adapters/oidc/access-tokens.ts',
      'lambdas/adapters/openai/http-call.ts',
    ]);
  });
});

it('no file in lambdas imports inside a type or an expression, which check:imports could miss', () => {
  expect(lambdas.filter(({ text }) => /\bimport\(/.test(text)).map(({ path }) => path)).toEqual([]);
});
