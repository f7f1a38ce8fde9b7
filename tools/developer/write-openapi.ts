import { writeFileSync } from 'node:fs';
import { runCommand } from '../command.ts';
import { openApiDocument } from './openapi-document.ts';

const USAGE = `npm run docs:openapi

Writes docs/openapi.json from the contract.
`;

await runCommand({
  usage: USAGE,
  run: () => {
    writeFileSync(
      new URL('../../docs/openapi.json', import.meta.url),
      `${JSON.stringify(openApiDocument(), null, 2)}\n`,
    );
    return 0;
  },
});
