import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** The objects of one bucket, by key. */
export interface ObjectStore {
  /** Replaces whole or not at all. */
  put(key: string, body: Buffer): void;
  get(key: string): Buffer | undefined;
  /** In the order of their UTF-8 bytes, as S3 lists them. */
  keys(): string[];
}

export const memoryStore = (): ObjectStore => {
  const objects = new Map<string, Buffer>();
  return {
    put: (key, body) => {
      objects.set(key, body);
    },
    get: (key) => objects.get(key),
    keys: () => inByteOrder([...objects.keys()]),
  };
};

/** Whether a key can be a path below a folder. S3 itself accepts any key; here no key may leave the folder. */
export const isStorableKey = (key: string): boolean =>
  key !== '' && key.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');

/** Files below `dir`, one per object, each segment of the key percent-encoded. Only for keys that `isStorableKey`. */
export const fileStore = (dir: string): ObjectStore => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const pathOf = (key: string): string => join(dir, ...key.split('/').map(encodeURIComponent));
  return {
    put: (key, body) => {
      const path = pathOf(key);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const temporary = join(dir, `.${randomUUID()}.tmp`);
      writeFileSync(temporary, body, { mode: 0o600 });
      renameSync(temporary, path);
    },
    get: (key) => {
      const path = pathOf(key);
      return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path) : undefined;
    },
    keys: () =>
      inByteOrder(
        readdirSync(dir, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
          .map((entry) =>
            join(entry.parentPath, entry.name)
              .slice(dir.length + 1)
              .split(sep)
              .map(decodeURIComponent)
              .join('/'),
          ),
      ),
  };
};

const inByteOrder = (keys: readonly string[]): string[] =>
  keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
