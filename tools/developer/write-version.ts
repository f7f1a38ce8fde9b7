import { readFileSync, writeFileSync } from 'node:fs';
import { runCommand } from '../command.ts';

const USAGE = `node tools/developer/write-version.ts

Writes lambdas/contract/version.ts from the version in package.json. npm version runs it. The functions do not read
package.json themselves, because its lists of dependencies would then be part of every bundle.
`;

await runCommand({
  usage: USAGE,
  run: () => {
    const { version }: { version: string } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );

    writeFileSync(
      new URL('../../lambdas/contract/version.ts', import.meta.url),
      `/** Version of the service in \`GET /v1/health\` and docs/openapi.json. Generated from package.json: \`npm version\`. */
export const SERVICE_VERSION = '${version}';
`,
    );

    return 0;
  },
});
