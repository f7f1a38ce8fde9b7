import { readFileSync, writeFileSync } from 'node:fs';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { DEPLOYED_FUNCTION_NAMES } from '../../lib/deployed-functions.ts';
import { ITEM_USES, type ItemAction, type ItemUse } from '../../lib/item-uses.ts';
import { KEY_USES } from '../../lib/key-uses.ts';
import { runCommand } from '../command.ts';

const USAGE = `npm run docs:components

Writes docs/components.md from the stacks.
`;

const DOCUMENT = new URL('../../docs/components.md', import.meta.url);
const OPENING = '<!-- generated:components -->\n';
const CLOSING = '<!-- /generated:components -->';
const WRITES: ReadonlySet<ItemAction> = new Set(['PutItem', 'UpdateItem', 'DeleteItem']);

const tables = Object.keys(TABLES) as (keyof typeof TABLES)[];
const keys = Object.keys(KEY_USES) as (keyof typeof KEY_USES)[];
const idOf = (name: string): string => name.replaceAll('-', '_');

/** The functions that use KMS keys, with their purpose. */
const keyDiagram = (): string => {
  const edges = keys.flatMap((key) => {
    const uses = Map.groupBy(KEY_USES[key], ({ role }) => role);
    return DEPLOYED_FUNCTION_NAMES.flatMap((role) => {
      const actions = uses.get(role)?.map(({ action }) => action) ?? [];
      return actions.length === 0 ? [] : [`  ${idOf(role)}["${role}"] -->|${actions.join(', ')}| ${key}_key`];
    });
  });
  return ['flowchart LR', ...keys.map((key) => `  ${key}_key[("KMS key<br/>${key}")]`), ...edges].join('\n');
};

const isOutbox = ({ partitions }: ItemUse): boolean =>
  partitions?.every((partition) => /^(?:EVENTS|MARK)#/.test(partition)) === true;

const accessOf = (role: keyof typeof ITEM_USES, table: string): string => {
  const uses = ITEM_USES[role].filter((use) => use.table === table);
  const writing = uses.filter(({ actions }) => actions.some((action) => WRITES.has(action)));
  const words = [
    uses.some(({ actions }) => actions.some((action) => !WRITES.has(action))) && 'read',
    writing.some((use) => !isOutbox(use)) && 'write',
    writing.length > 0 && writing.every(isOutbox) && 'event',
  ];
  return words.filter((word) => word !== false).join(', ');
};

/** A Markdown table of how each function uses each table. */
const tableMatrix = (): string =>
  [
    `| Function | ${tables.join(' | ')} |`,
    `|---|${tables.map(() => '---').join('|')}|`,
    ...DEPLOYED_FUNCTION_NAMES.map(
      (role) => `| \`${role}\` | ${tables.map((table) => accessOf(role, table) || '–').join(' | ')} |`,
    ),
  ].join('\n');

/** Returns docs/components.md with the diagram and the table that follow from lib/key-uses.ts and lib/item-uses.ts. */
export const componentsDocument = (): string => {
  const text = readFileSync(DOCUMENT, 'utf8');
  const start = text.indexOf(OPENING) + OPENING.length;
  const generated = `\n\`\`\`mermaid\n${keyDiagram()}\n\`\`\`\n\n${tableMatrix()}\n\n`;
  return `${text.slice(0, start)}${generated}${text.slice(text.indexOf(CLOSING))}`;
};

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    run: () => {
      writeFileSync(DOCUMENT, componentsDocument());
      return 0;
    },
  });
