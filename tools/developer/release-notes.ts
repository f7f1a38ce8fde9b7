import { readFileSync } from 'node:fs';
import { runCommand, UsageError } from '../command.ts';

const USAGE = `npm run release:notes -- vX.Y.Z

Prints the section of CHANGELOG.md for that version. Ends with 1 when the version is not the one of package.json, or the
section is missing or empty.
`;

/**
 * Returns the text of one version's section in a changelog that follows keepachangelog.com, without its heading.
 *
 * @throws Error when the section is missing or empty.
 */
export const sectionOf = (changelog: string, version: string): string => {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}]`));
  const notes = section?.slice(section.indexOf('\n')).trim();
  if (!notes) throw new Error(`CHANGELOG.md has no entries under "## [${version}]".`);
  return notes;
};

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    allowPositionals: true,
    run: (_values, [tag]) => {
      if (tag === undefined) throw new UsageError('Name the tag.');
      const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
      const { version }: { version: string } = JSON.parse(read('package.json'));
      if (tag !== `v${version}`)
        throw new Error(`The tag ${tag} is not the version of package.json, ${version}.`);
      process.stdout.write(`${sectionOf(read('CHANGELOG.md'), version)}\n`);
      return 0;
    },
  });
