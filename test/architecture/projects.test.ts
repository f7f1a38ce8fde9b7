import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { ROOT, sourceFilesIn } from '../support/source-files.ts';

const config: { readonly PROJECTS: Readonly<Record<string, readonly string[]>> } = await import(
  join(ROOT, 'jest.config.js')
);
const folders = Object.values(config.PROJECTS).flat();

it('every test file belongs to exactly one project of jest.config.js', () => {
  const tests = sourceFilesIn('test').filter(({ path }) => path.endsWith('.test.ts'));
  expect(tests.length).toBeGreaterThan(100);
  const misplaced = tests.filter(
    ({ path }) => folders.filter((folder) => path.startsWith(`test/${folder}/`)).length !== 1,
  );
  expect(misplaced.map(({ path }) => path)).toEqual([]);
});

it('every folder that a jest project names exists', () => {
  expect(folders.filter((folder) => !existsSync(join(ROOT, 'test', folder)))).toEqual([]);
});
