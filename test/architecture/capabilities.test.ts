import { posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sourceFilesIn } from '../support/source-files.ts';

/** A capability has the same name in each layer. */
const CAPABILITIES = [
  'keys',
  'sessions',
  'calls',
  'tenancy',
  'usage',
  'budgets',
  'notices',
  'audit',
  'anomalies',
];
const ORDERED_BY_CAPABILITY = ['lambdas/domain', 'lambdas/use-cases', 'lambdas/adapters/aws'];

/** Folders directly below `layer` that are neither a capability nor the ports. */
const strangersIn = (layer: string, paths: readonly string[]): string[] => [
  ...new Set(
    paths
      .filter((path) => path.startsWith(`${layer}/`))
      .map((path) => path.slice(layer.length + 1).split('/'))
      .flatMap(([folder = '', file]) => (file === undefined ? [] : [folder]))
      .filter((folder) => !CAPABILITIES.includes(folder) && folder !== 'ports'),
  ),
];

describe('the capability folders', () => {
  it.each(ORDERED_BY_CAPABILITY)('are the only folders in %s', (layer) => {
    const paths = sourceFilesIn(layer).map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(0);
    expect(strangersIn(layer, paths)).toEqual([]);
  });

  it('give each port its name, apart from the shared ports', () => {
    const ports = sourceFilesIn('lambdas/use-cases/ports').map(({ path }) => posix.basename(path, '.ts'));
    expect(ports.filter((name) => ![...CAPABILITIES, 'runtime', 'pages', 'openai'].includes(name))).toEqual(
      [],
    );
  });

  it('are checked: a folder with another name is found', () => {
    expect(
      strangersIn('lambdas/domain', ['lambdas/domain/money/cents.ts', 'lambdas/domain/time.ts']),
    ).toEqual(['money']);
  });
});
