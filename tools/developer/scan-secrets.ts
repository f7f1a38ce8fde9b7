import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';

/**
 * Fails when a file of the tree holds something shaped like a secret. The patterns are those that public scanners use
 * (gitleaks, TruffleHog, GitHub), written anew; our own tests make their keys at run time, so there is nothing to except.
 */
const SHAPES: Readonly<Record<string, RegExp>> = {
  'OpenAI API key': /\bsk-(?:proj-|svcacct-|admin-|service-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}/,
  'OpenAI client secret': /\bek_[0-9a-f]{32}\b/,
  'AWS access key id': /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  'private key': /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/,
  'JSON Web Token': /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
};

/** Paths and kinds of what was found; never the secret itself. */
export const findSecrets = (
  files: readonly string[],
  read: (path: string) => string,
): { readonly path: string; readonly kind: string }[] =>
  files.flatMap((path) => {
    const content = read(path);
    return Object.entries(SHAPES).flatMap(([kind, shape]) => (shape.test(content) ? [{ path, kind }] : []));
  });

const treeFiles = (): string[] =>
  execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && lstatSync(path, { throwIfNoEntry: false })?.isFile() === true);

if (import.meta.main) {
  const files = treeFiles();
  const found = findSecrets(files, (path) => readFileSync(path, 'latin1'));
  for (const { path, kind } of found) process.stderr.write(`${path}: looks like it holds an ${kind}\n`);
  process.stdout.write(`${files.length} files scanned, ${found.length} findings\n`);
  if (found.length > 0) process.exitCode = 1;
}
