import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../support/source-files.ts';

const TEST_FILES = globSync('test/**/*.test.ts', { cwd: ROOT });

describe('the last line of a CI run', () => {
  /** Runs .ci/totals.mjs on one report with these files, each with two tests. */
  const totalsOf = async (files: readonly string[]) => {
    const folder = mkdtempSync(join(tmpdir(), 'totals-'));
    try {
      const report = join(folder, 'report.json');
      writeFileSync(
        report,
        JSON.stringify({
          numPassedTests: files.length * 2,
          numFailedTests: 0,
          numRuntimeErrorTestSuites: 0,
          testResults: files.map((file) => ({ name: join(ROOT, file) })),
        }),
      );
      return await new Promise<{ readonly status: unknown; readonly output: string }>((resolve) => {
        execFile(process.execPath, [join(ROOT, '.ci/totals.mjs'), report], (error, output) =>
          resolve({ status: error?.code ?? 0, output }),
        );
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('is green when every test file is in a report', async () => {
    expect(await totalsOf(TEST_FILES)).toEqual({
      status: 0,
      output: `${TEST_FILES.length * 2} passed, 0 failed\n`,
    });
  });

  it('counts a test file that is in no report as a failure, and names it', async () => {
    const [left = '', ...run] = TEST_FILES;
    expect(await totalsOf(run)).toEqual({
      status: 1,
      output: `No report has ${left}\n${run.length * 2} passed, 1 failed\n`,
    });
  });
});

it('the end-to-end files that a push runs from bundles exist, and start a stack that serves the bundles', () => {
  const listed = readFileSync(join(ROOT, '.ci/bundled-short'), 'utf8').trimEnd().split('\n');
  expect(listed.length).toBeGreaterThan(2);
  expect(listed.filter((file) => !/^test\/e2e(-custody)?\/[a-z-]+\.test\.ts$/.test(file))).toEqual([]);
  const starting = listed.filter((file) =>
    readFileSync(join(ROOT, file), 'utf8').includes('startTestStack('),
  );
  expect(starting).toEqual(listed);
});

it('no end-to-end file that a push runs from bundles expects more of the source', () => {
  const listed = readFileSync(join(ROOT, '.ci/bundled-short'), 'utf8').trimEnd().split('\n');
  expect(listed.filter((file) => readFileSync(join(ROOT, file), 'utf8').includes('BUNDLED'))).toEqual([]);
});

/** The alternatives of `a|b/(c|d)/` at its first level: `a` and `b/(c|d)/`. */
const alternativesOf = (pattern: string): readonly string[] => {
  let depth = 0;
  const parts = [''];
  for (const letter of pattern) {
    if (letter === '(') depth += 1;
    if (letter === ')') depth -= 1;
    if (letter === '|' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts;
};

it.each(['.ci/run', '.ci/changed.sh'])('every path that %s compares with the base exists', (script) => {
  const paths = globSync('{*,{bench,lambdas,lib,local,test,tools}/**}', { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  const patterns = [...readFileSync(join(ROOT, script), 'utf8').matchAll(/changed '\^\(([^']+)\)\/?'/g)];
  expect(patterns.length).toBeGreaterThan(2);
  const alternatives = patterns.flatMap(([, pattern = '']) => alternativesOf(pattern));
  expect(alternatives.filter((start) => !paths.some((path) => new RegExp(`^${start}`).test(path)))).toEqual(
    [],
  );
});
