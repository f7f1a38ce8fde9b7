import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import cdk from '../cdk.json' with { type: 'json' };
import { readBlock, writeBlocks } from './blocks.ts';
import { capacityBlocks, countsIn } from './capacity-tables.ts';
import { countRequests } from './count-requests.ts';

/**
 * docs/capacity.md: counts the request units of each request on the local stack, and from them works out and simulates
 * what many mints a second need of an account. `npm run bench:capacity [-- --write] [-- --short]`; `--short` uses the
 * counts in the document.
 */

const { values: options } = parseArgs({
  options: { write: { type: 'boolean', default: false }, short: { type: 'boolean', default: false } },
});
const file = fileURLToPath(new URL('../docs/capacity.md', import.meta.url));
const document = readFileSync(file, 'utf8');
const counts = options.short ? countsIn(readBlock(document, 'counts')) : await countRequests();
const blocks = capacityBlocks(counts, cdk.context.stages.prod);
for (const [name, lines] of Object.entries(blocks))
  process.stdout.write(`\n## ${name}\n\n${lines.join('\n')}\n`);
if (options.write) writeFileSync(file, writeBlocks(document, blocks));
