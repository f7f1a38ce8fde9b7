import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runCommand } from '../command.ts';

const USAGE = `npm run docs:decisions

Writes the index of docs/decisions/README.md.
`;

const FOLDER = new URL('../../docs/decisions/', import.meta.url);
const README = new URL('README.md', FOLDER);
const OPENING = '<!-- generated:decisions -->\n';
const CLOSING = '<!-- /generated:decisions -->\n';

/** Files of decisions, in the order of their numbers. */
export const decisionFiles = (): readonly string[] =>
  readdirSync(FOLDER)
    .filter((file) => /^\d{4}-[\w-]+\.md$/.test(file))
    .sort();

/**
 * Returns the line of the index for one decision. Status and date may be two items of a list or one sentence each.
 *
 * @throws Error when the title does not carry the number of the file, or status or date are missing.
 */
export const indexLineOf = (file: string, text: string): string => {
  const number = Number(file.slice(0, 4));
  const title = /^# (\d+)\. (.+)\n/.exec(text);
  const status = /^(?:- )?Status: (accepted|superseded by \[\d+\]\([\w.-]+\))\.?(?: Date|$)/m.exec(text)?.[1];
  const date = /(?:^|^- |^Status: .*\. )Date: (\d{4}-\d{2}-\d{2})\.?$/m.exec(text)?.[1];
  if (Number(title?.[1]) !== number) throw new Error(`${file}: the title must begin with "# ${number}. "`);
  if (status === undefined || date === undefined)
    throw new Error(`${file}: needs the lines "- Status: accepted" and "- Date: YYYY-MM-DD"`);
  return `| ${number} | [${title?.[2]}](${file}) | ${status} | ${date} |`;
};

/** Returns docs/decisions/README.md with an index of the decisions that exist. */
export const decisionsReadme = (): string => {
  const readme = readFileSync(README, 'utf8');
  const lines = decisionFiles().map((file) => indexLineOf(file, readFileSync(new URL(file, FOLDER), 'utf8')));
  const start = readme.indexOf(OPENING) + OPENING.length;
  const table = ['| No. | Decision | Status | Date |', '|---|---|---|---|', ...lines].join('\n');
  return `${readme.slice(0, start)}\n${table}\n\n${readme.slice(readme.indexOf(CLOSING))}`;
};

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    run: () => {
      writeFileSync(README, decisionsReadme());
      return 0;
    },
  });
