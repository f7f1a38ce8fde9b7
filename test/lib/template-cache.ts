import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../support/source-files.ts';

/** Everything that a template can depend on, except for the hashes of code, which no test reads. */
const SOURCES = [
  'lib',
  'lambdas/contract',
  'lambdas/domain',
  'lambdas/functions',
  'cdk.json',
  'package-lock.json',
  'test/lib/example-app.ts',
  'test/lib/synthesize.ts',
];
const CACHE = join(ROOT, 'node_modules/.cache/spelo-byok-templates');

const filesBelow = (path: string): readonly string[] => {
  try {
    return readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if (Object(error).code === 'ENOTDIR') return [join(ROOT, path)];
    throw error;
  }
};

const digestOf = (paths: readonly string[]): string => {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths.flatMap(filesBelow)) hash.update(path).update('\0').update(readFileSync(path));
  return hash.digest('hex').slice(0, 32);
};

let folder: string | undefined;
/** The folder of the sources as they are now; folders of older sources are removed. */
const currentFolder = (): string => {
  if (folder !== undefined) return folder;
  const digest = digestOf(SOURCES);
  mkdirSync(join(CACHE, digest), { recursive: true });
  for (const name of readdirSync(CACHE))
    if (name !== digest) rmSync(join(CACHE, name), { recursive: true, force: true });
  folder = join(CACHE, digest);
  return folder;
};

/** The result of `make` for this key, made once for each state of the sources and kept on disk between runs. */
export const cached = (key: string, make: () => string): string => {
  const file = join(currentFolder(), `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (Object(error).code !== 'ENOENT') throw error;
  }
  const made = make();
  // Two workers may make it at the same time: each renames a whole file.
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, made);
  renameSync(temporary, file);
  return made;
};
