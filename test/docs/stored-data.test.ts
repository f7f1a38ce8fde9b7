import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { storedDataDocument } from '../../tools/developer/stored-data.ts';
import { ROOT } from '../support/source-files.ts';

const document = readFileSync(join(ROOT, 'docs/stored-data.md'), 'utf8');

it('docs/stored-data.md shows the items and times of the adapters (npm run docs:stored-data)', () => {
  expect(document).toBe(storedDataDocument());
});

it('docs/stored-data.md has a section for every table', () => {
  for (const name of Object.keys(TABLES)) expect(document).toContain(`## Table \`${name}\``);
});
