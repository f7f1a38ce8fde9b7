import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT } from '../support/source-files.ts';

const run = promisify(execFile);

/** Runs `npm run check:imports` in a folder. */
const checkImports = async (cwd: string): Promise<{ readonly code: number; readonly text: string }> => {
  try {
    const { stdout, stderr } = await run(process.execPath, [join(ROOT, 'tools/developer/check-imports.ts')], {
      cwd,
    });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
};

describe('npm run check:imports', () => {
  it('finds no violation in this repository, and the layer diagram is up to date', async () => {
    expect(await checkImports(ROOT)).toEqual({
      code: 0,
      text: expect.stringMatching(/^\d{3,} files, 0 imports that break a rule\n$/),
    });
  });

  describe('with planted violations', () => {
    let tree: string;
    let code: number;
    let lines: readonly string[];
    const plant = async (path: string, text: string): Promise<void> => {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), text);
    };

    beforeAll(async () => {
      tree = await mkdtemp(join(tmpdir(), 'imports-'));
      for (const name of [
        '@aws-sdk/client-kms',
        '@aws-sdk/client-sts',
        'zod',
        'jose',
        '@middy/core',
        'recharts',
        'ipaddr.js',
      ]) {
        await plant(`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }));
        await plant(`node_modules/${name}/index.js`, '');
      }
      await plant(
        'package.json',
        JSON.stringify({ dependencies: {}, devDependencies: { '@aws-sdk/client-sts': '1.0.0' } }),
      );
      await plant('lambdas/domain/value.ts', 'export type Value = 1;');
      await plant('lambdas/adapters/aws/clients.ts', `export * from '@aws-sdk/client-kms';`);
      await plant('lambdas/adapters/aws/identity.ts', `import '@aws-sdk/client-sts';`);
      await plant('lambdas/contract/routes.ts', `import 'zod'; export const ROUTES = {};`);
      await plant('lambdas/telemetry/log.ts', `import '@middy/core'; export type Log = 1;`);
      await plant('lambdas/use-cases/fine.ts', `import type { Value } from '../domain/value.ts';`);
      await plant(
        'lambdas/use-cases/planted.ts',
        `import { KMSClient } from '@aws-sdk/client-kms';
         import type { z } from 'zod';
         import '../adapters/aws/clients.ts';
         import { readFileSync } from 'node:fs';
         export type { Log } from '../telemetry/log.ts';
         export const late = () => import('../contract/routes.ts');`,
      );
      await plant('lambdas/domain/clock.ts', `import 'node:perf_hooks'; import 'ipaddr.js';`);
      await plant('lambdas/functions/token.ts', `import 'jose'; import '@middy/core';`);
      await plant('lambdas/helpers/anything.ts', `import '../domain/value.ts';`);
      await plant('lambdas/lonely.ts', 'export const nothing = 0;');
      await plant(
        'lib/api-stack.ts',
        `import '../lambdas/domain/value.ts'; import '../lambdas/contract/routes.ts';`,
      );
      await plant('local/a.ts', `import type { B } from './b.ts'; export type A = B;`);
      await plant(
        'local/b.ts',
        `import { nothing } from './a.ts'; import './missing.ts'; export type B = 1;`,
      );
      await plant(
        'web/dashboard/src/page.tsx',
        `import { ROUTES } from '../../../lambdas/contract/routes.ts';
         import type { Log } from '../../../lambdas/telemetry/log.ts';
         import type { Value } from '../../../lambdas/domain/value.ts';
         import 'recharts';`,
      );
      const { code: status, text } = await checkImports(tree);
      code = status;
      lines = text.split('\n');
    });
    afterAll(() => rm(tree, { recursive: true }));

    const violations = (): readonly string[] =>
      lines.filter((line) => / imports /.test(line) && !/^ /.test(line));
    const rulesBroken = (): ReadonlySet<string> =>
      new Set(lines.flatMap((line) => /^ {2}Rule: (.*)$/.exec(line)?.[1] ?? []));

    it('ends with status 1', () => {
      expect(code).toBe(1);
    });

    it.each([
      ['lambdas/use-cases/planted.ts', 'node_modules/@aws-sdk/client-kms/index.js'],
      ['lambdas/use-cases/planted.ts', 'node_modules/zod/index.js'],
      ['lambdas/use-cases/planted.ts', 'lambdas/adapters/aws/clients.ts'],
      ['lambdas/use-cases/planted.ts', 'fs'],
      ['lambdas/use-cases/planted.ts', 'lambdas/telemetry/log.ts'],
      ['lambdas/use-cases/planted.ts', 'lambdas/contract/routes.ts'],
      ['lambdas/domain/clock.ts', 'perf_hooks'],
      ['lambdas/functions/token.ts', 'node_modules/jose/index.js'],
      ['lambdas/functions/token.ts', 'node_modules/@middy/core/index.js'],
      ['lambdas/helpers/anything.ts', 'lambdas/domain/value.ts'],
      ['lambdas/adapters/aws/identity.ts', 'node_modules/@aws-sdk/client-sts/index.js'],
      ['lib/api-stack.ts', 'lambdas/domain/value.ts'],
      ['local/b.ts', './missing.ts'],
      ['web/dashboard/src/page.tsx', 'lambdas/contract/routes.ts'],
      ['web/dashboard/src/page.tsx', 'lambdas/telemetry/log.ts'],
      ['web/dashboard/src/page.tsx', 'node_modules/recharts/index.js'],
    ])('reports that %s imports %s', (from, to) => {
      expect(violations()).toContain(`${from} imports ${to}`);
    });

    it.each([
      ['lambdas/use-cases/fine.ts', 'lambdas/domain/value.ts'],
      ['lambdas/domain/clock.ts', 'node_modules/ipaddr.js/index.js'],
      ['lib/api-stack.ts', 'lambdas/contract/routes.ts'],
      ['web/dashboard/src/page.tsx', 'lambdas/domain/value.ts'],
    ])('allows that %s imports %s', (from, to) => {
      expect(violations()).not.toContain(`${from} imports ${to}`);
    });

    it.each([
      'functions import no package that is installed for development alone',
      'functions load the routes that they serve, not the table of all routes',
      'no cycles',
      'every file below lambdas belongs to a layer',
      'a file below lambdas that imports nothing belongs to a layer',
      '@aws-sdk/* is for lambdas/adapters/aws alone',
      '@middy/* is for lambdas/http alone',
      'jose is for lambdas/adapters/oidc alone',
      'the dashboard imports only types of the contract',
    ])('names the rule "%s"', (rule) => {
      expect([...rulesBroken()]).toContain(rule);
    });
  });
});
