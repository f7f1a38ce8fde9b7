import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** A context for each file, in which swc only strips types: for mutations, and for files with `@jest-environment node`. */
export const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  haste: { forceNodeFilesystemAPI: true },
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/.local', '<rootDir>/.stryker-tmp'],
};

/**
 * Node imports test files as native ES modules and strips their types, as for `npm start`. A worker loads and compiles each
 * other module once for all of its files (decision 115). With TEST_TIMES=FILE each test file adds a line with its time and
 * CPU to that file; `node .ci/times.mjs FILE` prints them.
 */
const warm = {
  testEnvironment: '<rootDir>/.ci/warm/environment.js',
  testRunner: '<rootDir>/.ci/warm/runner.js',
  runtime: '<rootDir>/.ci/warm/runtime.js',
  injectGlobals: false,
};

/** Every folder of test/ with tests belongs to exactly one project; test/architecture/projects.test.ts holds it. */
export const PROJECTS = {
  /** Rules, use cases, handlers and texts in process; nothing is started. Under a minute. */
  unit: [
    'adapters',
    'architecture',
    'composition',
    'contracts',
    'docs',
    'domain',
    'http',
    'use-cases',
    'vectors',
    'web',
  ],
  /** The templates, read from the cache of test/lib/template-cache.ts. */
  infra: ['lib'],
  /** The local stack over HTTP, its stand-ins, and the commands of operators. */
  e2e: ['e2e', 'e2e-custody', 'local', 'streams', 'tools'],
  /** Guarantees under hostile input, faults and random histories. */
  proofs: ['custody', 'faults', 'hostile', 'model'],
  /** Dashboard and widget in Chromium. */
  browser: ['browser'],
};

const MEASURED = 'lambdas/{domain,use-cases,http}/**/*.ts';

/** True if Node runs nothing of this file: once its types and comments are removed, no text is left. */
const hasTypesOnly = (path) =>
  stripTypeScriptTypes(readFileSync(join(import.meta.dirname, path), 'utf8'))
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    .replace(/[\s;]/g, '') === '';

export default {
  projects: Object.entries(PROJECTS).map(([displayName, folders]) => ({
    ...shared,
    ...warm,
    displayName,
    testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
    ...(displayName === 'infra' && {
      globalSetup: '<rootDir>/test/lib/synthesizer.ts',
      globalTeardown: '<rootDir>/test/lib/stop-synthesizer.ts',
    }),
  })),
  watchman: false,
  testTimeout: 120_000,
  testSequencer: '<rootDir>/.ci/longest-first.js',
  // More than cores: end-to-end and browser tests wait for half of their time. Jest takes no percentage above 100.
  maxWorkers: availableParallelism() * 2,
  // Measured by `npm run test:unit -- --coverage`, which CI runs; in process only, so that a gap shows where it is.
  coverageProvider: 'v8',
  coverageReporters: ['text-summary'],
  collectCoverageFrom: [
    MEASURED,
    // V8 would count a file that is never loaded as one function and one branch that no test reaches.
    ...(process.argv.includes('--coverage') ? globSync(MEASURED, { cwd: import.meta.dirname }) : [])
      .filter(hasTypesOnly)
      .map((path) => `!${path}`),
  ],
  // Floors of what the unit tests reach, per cent. Lines are left out: V8 counts those of types as never run.
  coverageThreshold: {
    './lambdas/domain/': { branches: 97, functions: 95 },
    './lambdas/use-cases/': { branches: 95, functions: 90 },
    './lambdas/http/': { branches: 84, functions: 62 },
  },
};
