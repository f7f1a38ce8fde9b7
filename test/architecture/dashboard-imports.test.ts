import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../support/source-files.ts';

interface Import {
  readonly from: string;
  readonly target: string;
  readonly isType: boolean;
}

const FOLDER = 'web/dashboard/src';

const imports: readonly Import[] = readdirSync(join(ROOT, FOLDER), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .flatMap((entry) => {
    const file = join(entry.parentPath, entry.name);
    const from = relative(ROOT, file);
    return [...readFileSync(file, 'utf8').matchAll(/^import (type )?[^;]*?from '([^']+)';/gms)].map(
      ([, type, target = '']) => ({
        from,
        target: target.startsWith('.') ? posix.join(posix.dirname(from), target) : target,
        isType: type !== undefined,
      }),
    );
  });

describe('the dashboard', () => {
  it('imports of the rest of the repository the contract, as types, and the rules of the domain', () => {
    const foreign = imports.filter(
      ({ target }) => target.includes('/') && /^(?:lambdas|lib|local)\//.test(target),
    );
    expect(foreign.length).toBeGreaterThan(5);
    const others = foreign.filter(
      ({ target, isType }) =>
        !target.startsWith('lambdas/domain/') && !(isType && target.startsWith('lambdas/contract/')),
    );
    expect(others).toEqual([]);
  });

  it('loads the chart library in the one file that pages load late', () => {
    const importers = imports.filter(({ target }) => target === 'recharts').map(({ from }) => from);
    expect(importers).toEqual(['web/dashboard/src/usage/charts.tsx']);
  });
});
