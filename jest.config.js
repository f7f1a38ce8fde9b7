/** Tests run as native ES modules; swc only strips types, as Node itself does for `npm start`. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  watchman: false,
  haste: { forceNodeFilesystemAPI: true },
  testTimeout: 120_000,
  // Every core: the tests wait for their engines more than they compute.
  maxWorkers: '100%',
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/.local', '<rootDir>/.stryker-tmp'],
};
