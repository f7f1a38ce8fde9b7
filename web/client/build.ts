import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { declarationOf, type OpenApi, operationsOf } from './operations.ts';
import { typeOf } from './types-of.ts';

const SOURCE = import.meta.dirname;
const ROOT = join(SOURCE, '../..');
/** Built and packed by the project, published by nobody. */
export const CLIENT_FOLDER = join(ROOT, 'dist/packages/spelo-client');
export const CLIENT_NAME = '@spelo/client';

/** Writes the client of the API into `folder`: types and paths from docs/openapi.json, and the code of `client.js`. */
export const buildClient = (folder = CLIENT_FOLDER): void => {
  const openApi = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as OpenApi;
  const operations = operationsOf(openApi);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const paths = Object.fromEntries(operations.map(({ id, method, path }) => [id, [method, path]]));
  const schemas = Object.entries(openApi.components.schemas).map(
    ([name, schema]) => `export type ${name} = ${typeOf(schema)};`,
  );
  writeFileSync(
    join(folder, 'index.js'),
    `const OPERATIONS = ${JSON.stringify(paths)};\n${readFileSync(join(SOURCE, 'client.js'), 'utf8')}`,
  );
  writeFileSync(
    join(folder, 'index.d.ts'),
    `${schemas.join('\n')}

/** Every operation of the API by its id. */
export interface Operations {
${operations.map(declarationOf).join('\n')}
}

${readFileSync(join(SOURCE, 'client.d.ts'), 'utf8')}`,
  );
  for (const [from, to] of [
    [join(SOURCE, 'README.md'), 'README.md'],
    [join(ROOT, 'LICENSE'), 'LICENSE'],
  ] as const)
    copyFileSync(from, join(folder, to));
  const manifest = {
    name: CLIENT_NAME,
    version: openApi.info.version,
    description: 'Client of the broker’s API, with the types of its OpenAPI document.',
    license: 'Apache-2.0',
    type: 'module',
    sideEffects: false,
    exports: { '.': { types: './index.d.ts', default: './index.js' }, './package.json': './package.json' },
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
};

if (process.argv[1] === import.meta.filename) {
  buildClient();
  process.stdout.write(`${CLIENT_FOLDER}\n`);
}
