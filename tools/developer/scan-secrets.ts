import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { lintSource } from '@secretlint/core';
import { creator as recommendedRules } from '@secretlint/secretlint-rule-preset-recommend';
import { runCommand } from '../command.ts';

const USAGE = `npm run check:secrets

Searches every file of the work tree for secrets. The rules are those of secretlint's recommended preset, and shapes of
our own. Tests make their keys at run time, so no file is excepted. Exit status: 0 nothing was found; 1 something was.
`;

/** Shapes that the preset does not know, or finds only in files of certain kinds. */
const SHAPES: Readonly<Record<string, RegExp>> = {
  // The preset's own rule needs a word boundary at the end, which a key that ends in "-" does not have.
  'OpenAI key': /\bsk-(?:[A-Za-z0-9]+-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}/,
  'OpenAI client secret': /\bek_[0-9a-f]{32}\b/,
  'API token': /\bspk_[0-9a-hjkmnp-tv-z]{86}\b/,
  'AWS access key id': /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  'private key': /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/,
  'JSON Web Token': /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
};

const PRESET = '@secretlint/secretlint-rule-preset-recommend';
const config = {
  rules: [
    {
      id: PRESET,
      rule: recommendedRules,
      rules: [
        {
          id: '@secretlint/secretlint-rule-basicauth',
          // Test values for origins with a user name, which must be refused.
          options: { allows: ['/^https://(?:user:word|me:secret)@(?:a\\.|www\\.)?example\\.com/'] },
        },
      ],
    },
  ],
};

export interface FoundSecret {
  readonly path: string;
  /** The kind of secret, as our own name or the ID of a secretlint rule. */
  readonly kind: string;
}

const findInFile = async (path: string, content: string): Promise<readonly FoundSecret[]> => {
  const { messages } = await lintSource({
    source: { filePath: path, content, ext: '', contentType: 'text' },
    options: { config, noPhysicFilePath: true, maskSecrets: true },
  });
  const kinds = [
    ...messages.map(({ ruleId }) => ruleId.replace('@secretlint/secretlint-rule-', '')),
    ...Object.entries(SHAPES).flatMap(([kind, shape]) => (shape.test(content) ? [kind] : [])),
  ];
  return [...new Set(kinds)].map((kind) => ({ path, kind }));
};

/** Paths and kinds of secrets in these files; never a secret itself. */
export const findSecrets = async (
  files: readonly string[],
  read: (path: string) => string,
): Promise<readonly FoundSecret[]> => {
  const found: FoundSecret[] = [];
  for (const path of files) found.push(...(await findInFile(path, read(path))));
  return found;
};

const treeFiles = (): string[] =>
  execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && lstatSync(path, { throwIfNoEntry: false })?.isFile() === true);

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    run: async () => {
      const files = treeFiles();
      const found = await findSecrets(files, (path) => readFileSync(path, 'latin1'));
      for (const { path, kind } of found) process.stderr.write(`${path}: may hold a secret (${kind})\n`);
      process.stdout.write(`${files.length} files scanned, ${found.length} findings\n`);
      return found.length > 0 ? 1 : 0;
    },
  });
