import { posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type SourceFile, sourceFilesIn } from '../support/source-files.ts';

/** The import rule of docs/architecture.md, layer by layer: what each folder may import. */
interface Layer {
  readonly folder: string;
  /** Folders of ours. */
  readonly own: readonly string[];
  /** Packages and Node modules, as patterns. */
  readonly packages: readonly RegExp[];
}

const AWS = /^@aws-sdk\//;
const LAYERS: readonly Layer[] = [
  { folder: 'lambdas/domain', own: ['lambdas/domain'], packages: [/^node:(?:crypto|util)$/] },
  { folder: 'lambdas/contract', own: ['lambdas/contract', 'lambdas/domain'], packages: [/^zod$/] },
  {
    folder: 'lambdas/telemetry',
    own: ['lambdas/telemetry', 'lambdas/contract', 'lambdas/domain'],
    packages: [],
  },
  { folder: 'lambdas/use-cases', own: ['lambdas/use-cases', 'lambdas/domain'], packages: [] },
  {
    folder: 'lambdas/adapters/aws',
    own: ['lambdas/adapters/aws', 'lambdas/contract', 'lambdas/use-cases', 'lambdas/domain'],
    packages: [AWS, /^zod$/, /^aws-lambda$/, /^node:crypto$/],
  },
  {
    folder: 'lambdas/adapters/openai',
    own: ['lambdas/adapters/openai', 'lambdas/use-cases', 'lambdas/domain'],
    packages: [/^zod$/],
  },
  {
    folder: 'lambdas/adapters/oidc',
    own: ['lambdas/adapters/oidc', 'lambdas/use-cases', 'lambdas/domain'],
    packages: [/^jose$/, /^zod$/],
  },
  {
    folder: 'lambdas/http',
    own: ['lambdas/http', 'lambdas/contract', 'lambdas/telemetry', 'lambdas/use-cases', 'lambdas/domain'],
    packages: [
      /^@middy\/core$/,
      /^zod$/,
      /^lossless-json$/,
      /^csv-stringify\/sync$/,
      /^negotiator$/,
      /^aws-lambda$/,
      /^node:crypto$/,
    ],
  },
  {
    folder: 'lambdas/streams',
    own: ['lambdas/streams', 'lambdas/telemetry', 'lambdas/use-cases', 'lambdas/domain'],
    packages: [/^aws-lambda$/],
  },
  {
    folder: 'lambdas/functions',
    own: ['lambdas/composition', 'lambdas/contract', 'lambdas/adapters/aws'],
    packages: [],
  },
  {
    folder: 'lambdas/composition',
    own: ['lambdas'],
    packages: [/^@aws-lambda-powertools\//, /^node:(?:crypto|perf_hooks|timers\/promises)$/],
  },
  {
    folder: 'lib',
    own: ['lib', 'lambdas/contract'],
    packages: [/^aws-cdk-lib/, /^constructs$/, /^cdk-nag$/, /^zod$/, /^node:/],
  },
];

const importsOf = ({ path, text }: SourceFile): string[] =>
  [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)['"]([^'"]+)['"]/g)].map(([, target = '']) =>
    target.startsWith('.') ? posix.join(posix.dirname(path), target) : target,
  );

/** `file imports target` for each import that its layer does not allow. */
const violationsIn = (files: readonly SourceFile[], { own, packages }: Layer): string[] =>
  files.flatMap((file) =>
    importsOf(file)
      .filter((target) => {
        const ours = own.some((folder) => target.startsWith(`${folder}/`));
        return !ours && !packages.some((pattern) => pattern.test(target));
      })
      .map((target) => `${file.path} imports ${target}`),
  );

describe('the import rule', () => {
  it.each(LAYERS)('holds in $folder', (layer) => {
    const files = sourceFilesIn(layer.folder);
    expect(files.length).toBeGreaterThan(0);
    expect(violationsIn(files, layer)).toEqual([]);
  });

  it('covers every file below lambdas', () => {
    const covered = sourceFilesIn('lambdas').filter(({ path }) =>
      LAYERS.some(({ folder }) => path.startsWith(`${folder}/`)),
    );
    expect(covered.length).toBe(sourceFilesIn('lambdas').length);
  });

  it('lets the AWS SDK into lambdas/adapters/aws only', () => {
    const importers = sourceFilesIn('lambdas')
      .filter((file) => importsOf(file).some((target) => AWS.test(target)))
      .filter(({ path }) => !path.startsWith('lambdas/adapters/aws/'));
    expect(importers).toEqual([]);
  });

  it('finds a planted violation', () => {
    const planted: SourceFile = {
      path: 'lambdas/use-cases/planted.ts',
      text: `import { KMSClient } from '@aws-sdk/client-kms';\nimport type { z } from 'zod';\nimport '../adapters/aws/clients.ts';`,
    };
    const useCases = LAYERS.find(({ folder }) => folder === 'lambdas/use-cases');
    expect(useCases && violationsIn([planted], useCases)).toHaveLength(3);
  });
});

/** The world comes in through functions/ alone: environment, clock, randomness. */
const WORLD: Readonly<Record<string, RegExp>> = {
  'the environment': /\bprocess\.env\b/,
  'the clock': /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
  randomness: /\bMath\.random\(|\brandomBytes\b(?!:)|\brandomUUID\b/,
};

describe('the world is given in', () => {
  const outside = sourceFilesIn('lambdas').filter(
    ({ path }) => !/^lambdas\/(?:functions|composition)\//.test(path),
  );
  it.each(Object.entries(WORLD))('%s is read in lambdas/composition only', (_what, pattern) => {
    const readers = outside.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
    expect(readers).toEqual([]);
  });
});

describe('fetch', () => {
  it('is called by the adapters for OpenAI and OIDC only', () => {
    const callers = sourceFilesIn('lambdas')
      .filter(({ text }) => /\bfetch\(/.test(text))
      .map(({ path }) => path);
    expect(callers.sort()).toEqual([
      'lambdas/adapters/oidc/access-tokens.ts',
      'lambdas/adapters/openai/http-call.ts',
    ]);
  });
});

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

describe('the layers are ordered by capability', () => {
  it.each(ORDERED_BY_CAPABILITY)('%s has folders of capabilities only', (layer) => {
    const paths = sourceFilesIn(layer).map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(0);
    expect(strangersIn(layer, paths)).toEqual([]);
  });

  it('a port has the name of a capability, or of what all of them share', () => {
    const ports = sourceFilesIn('lambdas/use-cases/ports').map(({ path }) => posix.basename(path, '.ts'));
    expect(ports.filter((name) => ![...CAPABILITIES, 'runtime', 'pages', 'openai'].includes(name))).toEqual(
      [],
    );
  });

  it('a folder of another name is found', () => {
    expect(
      strangersIn('lambdas/domain', ['lambdas/domain/money/cents.ts', 'lambdas/domain/time.ts']),
    ).toEqual(['money']);
  });
});
