import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../support/source-files.ts';

const page = readFileSync(join(ROOT, 'docs/webkit.md'), 'utf8');
const cells = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()));

const FOLDER = join(ROOT, 'test/browser');
const tests = readdirSync(FOLDER)
  .filter((file) => /^widget.*\.test\.ts$/.test(file))
  .map((file) => readFileSync(join(FOLDER, file), 'utf8'))
  .join('\n');
const titles = [...tests.matchAll(/(?:\bit|\]\))\('([^'\n]+)'/g)].map(([, title = '']) => title);

describe('docs/webkit.md', () => {
  it('names an existing widget test in each row with a test', () => {
    const named = cells
      .filter((row) => row.length === 4 && !['Test', '–'].includes(row[3] ?? ''))
      .map((row) => row[3] ?? '');
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !titles.some((title) => title.includes(name)))).toEqual([]);
  });

  it('names only files that exist', () => {
    const files = [...page.matchAll(/`((?:web|lambdas|test)\/[\w./-]+)`/g)].map(([, file = '']) => file);
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});
