import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { writeBlocks } from '../../bench/blocks.ts';
import { runCommand } from '../command.ts';
import { CRUISE_OPTIONS, FOLDERS, IMPORT_RULES, LAYERS } from './import-rules.ts';

const USAGE = `npm run check:imports -- [--write]

Checks the rules of tools/developer/import-rules.ts and the diagram of the layers in docs/architecture.md.
Ends with 1 when an import breaks a rule or the diagram is out of date.

  --write  writes the diagram
  --help   this text
`;

const DOCUMENT = 'docs/architecture.md';

/** The layer of a file; undefined for files outside of the layers. */
const layerOf = (path: string): string | undefined =>
  Object.keys(LAYERS).find((folder) => path.startsWith(`${folder}/`));

/** `@aws-sdk/client-kms` counts as `@aws-sdk`; modules of Node and types alone are left out. */
const packageOf = (path: string): string | undefined =>
  /^node_modules\/(?!@types\/)(@[^/]+|[^/]+)/.exec(path)?.[1];

/** A mermaid flowchart: one box for each layer with its packages, one arrow for each layer that it imports. */
const diagramOf = ({ modules }: ICruiseResult): readonly string[] => {
  const packages = new Map<string, Set<string>>();
  const arrows = new Set<string>();
  for (const { source, dependencies } of modules) {
    const from = layerOf(source);
    if (from === undefined) continue;
    const ownPackages = packages.get(from) ?? new Set();
    packages.set(from, ownPackages);
    for (const { resolved } of dependencies) {
      const to = layerOf(resolved);
      if (to !== undefined && to !== from) arrows.add(`  ${idOf(from)} --> ${idOf(to)}`);
      const name = packageOf(resolved);
      if (name !== undefined) ownPackages.add(name);
    }
  }
  const boxes = [...packages]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([layer, names]) => {
      const list = names.size === 0 ? '' : `<br/><small>${[...names].sort().join(', ')}</small>`;
      return `  ${idOf(layer)}["${layer.replace('lambdas/', '')}${list}"]`;
    });
  return ['```mermaid', 'flowchart TD', ...boxes, ...[...arrows].sort(), '```'];
};

const idOf = (layer: string): string => layer.replace('lambdas/', '').replaceAll(/\W/g, '_');

await runCommand({
  usage: USAGE,
  options: { write: { type: 'boolean', default: false } },
  run: async (values) => {
    const { output } = await cruise(
      FOLDERS.filter((folder) => existsSync(folder)),
      { ...CRUISE_OPTIONS, validate: true, ruleSet: { forbidden: IMPORT_RULES } },
    );
    if (typeof output === 'string')
      throw new Error('dependency-cruiser returned a text instead of a result.');
    for (const { rule, from, to } of output.summary.violations)
      process.stderr.write(`${from} imports ${to}\n  Rule: ${rule.name}\n`);
    const count = output.summary.violations.length;
    process.stdout.write(`${output.summary.totalCruised} files, ${count} imports that break a rule\n`);
    let status = count > 0 ? 1 : 0;

    const document = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : undefined;
    if (document !== undefined) {
      const written = writeBlocks(document, { layers: diagramOf(output) });
      if (values.write) writeFileSync(DOCUMENT, written);
      else if (written !== document) {
        process.stderr.write(
          `${DOCUMENT}: the diagram of the layers is out of date. Run npm run docs:layers.\n`,
        );
        status = 1;
      }
    }
    return status;
  },
});
