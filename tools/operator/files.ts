import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Files below `path` with one of the endings; the digests that CloudTrail signs lie next to its logs and are not logs. */
const filesAt = (path: string, endings: readonly string[]): string[] =>
  statSync(path).isFile()
    ? [path]
    : readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((file) => !file.includes('CloudTrail-Digest'))
        .sort();

/**
 * The items that `parse` finds in every file at `paths`, files and folders alike; `.gz` is unpacked. Throws an error
 * that names the first file that could not be read, and when there is no file at all.
 */
export const readAll = <Item>(
  paths: readonly string[],
  endings: readonly string[],
  parse: (text: string) => readonly Item[],
): Item[] => {
  if (paths.length === 0)
    throw new Error(`Give the files or folders with ${endings.join(' or ')} to read (see --help).`);
  const files = paths.flatMap((path) => filesAt(path, endings));
  if (files.length === 0)
    throw new Error(`There is no file with ${endings.join(' or ')} in ${paths.join(', ')}.`);
  return files.flatMap((file) => {
    try {
      const bytes = readFileSync(file);
      return parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
    } catch (error) {
      throw new Error(`${file} could not be read. ${error instanceof Error ? error.message : ''}`);
    }
  });
};
