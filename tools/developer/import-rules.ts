import type { ICruiseOptions, IForbiddenRuleType } from 'dependency-cruiser';

/**
 * The import rule of docs/architecture.md: what each layer may import, which package belongs where, and no cycles.
 * `npm run check:imports` fails on a violation; test/architecture/import-rule.test.ts plants one of each kind.
 */

interface Layer {
  readonly own: readonly string[];
  readonly packages?: readonly string[];
  readonly node?: readonly string[];
}

/**
 * The imports that files below each folder may have; everything else is a violation. `own` are folders of this
 * repository, `packages` are npm packages, `node` are modules of Node. When a folder moves, change it here only.
 */
export const LAYERS: Readonly<Record<string, Layer>> = {
  // ipaddr.js is pure and has no dependencies; parsing IPv6 by hand on a rate-limit key would be a risk without benefit.
  'lambdas/domain': { own: ['lambdas/domain'], packages: ['ipaddr.js'], node: ['crypto', 'util'] },
  'lambdas/contract': { own: ['lambdas/contract', 'lambdas/domain'], packages: ['zod'] },
  'lambdas/telemetry': { own: ['lambdas/telemetry', 'lambdas/contract', 'lambdas/domain'] },
  'lambdas/use-cases': { own: ['lambdas/use-cases', 'lambdas/domain'] },
  'lambdas/adapters/aws': {
    // The names of events from the contract, which the infrastructure shares.
    own: ['lambdas/adapters/aws', 'lambdas/contract', 'lambdas/use-cases', 'lambdas/domain'],
    packages: ['@aws-sdk/*', '@smithy/*', 'zod', '@types/aws-lambda'],
    // CloudTrail's files are compressed. The SDK's requests use kept-alive connections.
    node: ['crypto', 'http', 'https', 'zlib'],
  },
  'lambdas/adapters/openai': {
    own: ['lambdas/adapters/openai', 'lambdas/use-cases', 'lambdas/domain'],
    packages: ['zod', 'ws', '@types/ws'],
    node: ['events', 'http'],
  },
  'lambdas/adapters/oidc': {
    own: ['lambdas/adapters/oidc', 'lambdas/use-cases', 'lambdas/domain'],
    packages: ['jose', 'zod'],
  },
  'lambdas/adapters/psl': {
    own: ['lambdas/adapters/psl', 'lambdas/use-cases', 'lambdas/domain'],
    packages: ['tldts'],
  },
  // The only part that connects to addresses of customers' choice.
  'lambdas/adapters/webhooks': {
    own: ['lambdas/adapters/webhooks', 'lambdas/use-cases', 'lambdas/domain'],
    node: ['https', 'dns', 'net'],
  },
  'lambdas/http': {
    own: ['lambdas/http', 'lambdas/contract', 'lambdas/telemetry', 'lambdas/use-cases', 'lambdas/domain'],
    packages: ['@middy/core', 'zod', 'lossless-json', 'csv-stringify', 'negotiator', '@types/aws-lambda'],
    node: ['crypto'],
  },
  'lambdas/streams': {
    own: ['lambdas/streams', 'lambdas/telemetry', 'lambdas/use-cases', 'lambdas/domain'],
    packages: ['@types/aws-lambda'],
  },
  'lambdas/composition': {
    own: ['lambdas'],
    packages: ['@aws-lambda-powertools/*'],
    node: ['crypto', 'perf_hooks', 'timers/promises'],
  },
  'lambdas/functions': { own: ['lambdas/composition', 'lambdas/contract', 'lambdas/adapters/aws'] },
  lib: {
    own: ['lib', 'lambdas/contract'],
    packages: ['aws-cdk-lib', 'constructs', 'cdk-nag', 'zod'],
    node: ['.+'],
  },
};

/** Folders that `npm run check:imports` reads. Tests are left out: they may import everything. */
export const FOLDERS = ['bin', 'lib', 'lambdas', 'local', 'tools', 'bench', 'web'];

const below = (folder: string): string => `^${folder}/`;
/** `@aws-sdk/*` is every package of a scope. Types of a package count as the package. */
const packagePath = (name: string): string => {
  const pattern = name.replaceAll('.', '\\.').replace('*', '[^/]+');
  return `^node_modules/(?:@types/)?${pattern}/`;
};

const layerRules = Object.entries(LAYERS).flatMap(
  ([folder, { own, packages = [], node = [] }]): IForbiddenRuleType[] => [
    {
      name: `${folder} imports what its layer may`,
      severity: 'error',
      from: { path: below(folder) },
      to: { dependencyTypesNot: ['core'], pathNot: [...own.map(below), ...packages.map(packagePath)] },
    },
    {
      name: `${folder} imports the modules of Node that its layer may`,
      severity: 'error',
      from: { path: below(folder) },
      to: { dependencyTypes: ['core'], pathNot: node.map((name) => `^${name}$`) },
    },
  ],
);

/** A package that only one folder of lambdas may import. */
const onlyIn = (folder: string, name: string): IForbiddenRuleType => ({
  name: `${name} is for ${folder} alone`,
  severity: 'error',
  from: { path: below('lambdas'), pathNot: below(folder) },
  to: { path: packagePath(name) },
});

const DASHBOARD = below('web/dashboard/src');

export const IMPORT_RULES: IForbiddenRuleType[] = [
  ...layerRules,
  {
    name: 'every file below lambdas belongs to a layer',
    severity: 'error',
    from: { path: below('lambdas'), pathNot: Object.keys(LAYERS).map(below) },
    to: {},
  },
  {
    name: 'a file below lambdas that imports nothing belongs to a layer',
    severity: 'error',
    from: { orphan: true, path: below('lambdas'), pathNot: Object.keys(LAYERS).map(below) },
    to: {},
  },
  onlyIn('lambdas/adapters/aws', '@aws-sdk/*'),
  onlyIn('lambdas/http', '@middy/*'),
  onlyIn('lambdas/adapters/oidc', 'jose'),
  {
    // The commands of tools/ use additional AWS clients, none of which may reach a bundle.
    name: 'functions import no package that is installed for development alone',
    severity: 'error',
    from: { path: below('lambdas') },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  },
  {
    // zod makes the schemas of a table while it loads, and a visitor waits for that at a cold start.
    name: 'functions load the routes that they serve, not the table of all routes',
    severity: 'error',
    from: { path: below('lambdas'), pathNot: below('lambdas/contract') },
    to: { path: '^lambdas/contract/routes\\.ts$', dependencyTypesNot: ['type-only'] },
  },
  { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
  {
    name: 'every import leads somewhere',
    severity: 'error',
    // The bench that compares with Express installs it.
    from: { pathNot: below('bench/rivals') },
    to: { couldNotResolve: true },
  },
  {
    name: 'the dashboard imports of the server only domain and contract',
    severity: 'error',
    from: { path: DASHBOARD },
    to: { path: ['^lambdas/', '^lib/', '^local/'], pathNot: ['^lambdas/domain/', '^lambdas/contract/'] },
  },
  {
    name: 'the dashboard imports only types of the contract',
    severity: 'error',
    from: { path: DASHBOARD },
    to: { path: below('lambdas/contract'), dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'the chart library is in the one file that pages load late',
    severity: 'error',
    from: { path: DASHBOARD, pathNot: '^web/dashboard/src/usage/charts\\.tsx$' },
    to: { path: packagePath('recharts') },
  },
];

/** How imports are found and resolved. */
export const CRUISE_OPTIONS: ICruiseOptions = {
  // TypeScript 7 has no API for other programs; swc reads the same syntax.
  parser: 'swc',
  tsPreCompilationDeps: true,
  doNotFollow: { path: 'node_modules' },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'types', 'node', 'default'],
  },
  detectProcessBuiltinModuleCalls: true,
};
