import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { DEPLOYED_FUNCTION_NAMES } from '../../lib/deployed-functions.ts';
import { componentsDocument } from '../../tools/developer/components.ts';
import { ROOT } from '../support/source-files.ts';

const document = readFileSync(join(ROOT, 'docs/components.md'), 'utf8');

it('docs/components.md shows which components use which keys and tables in the templates (npm run docs:components)', () => {
  expect(document).toBe(componentsDocument());
});

it('the diagram in docs/components.md contains every function', () => {
  const drawn = document.slice(0, document.indexOf('## KMS keys'));
  expect(DEPLOYED_FUNCTION_NAMES.filter((name) => !drawn.includes(name))).toEqual([]);
});
