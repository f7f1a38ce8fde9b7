import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { MissingEngineError } from './errors.ts';

/** Where the engine comes from, in the order in which it is looked for. */
export type EngineSource = 'endpoint' | 'package' | 'path';

export type FoundEngine =
  | { readonly source: 'endpoint'; readonly endpoint: string }
  | { readonly source: 'package' | 'path'; readonly binary: string };

/** Facts that decide which engine is used. Platform and architecture default to this machine's. */
export type EngineSearch = {
  readonly endpoint?: string | undefined;
  /** The value of PATH, as the operating system writes it. */
  readonly path?: string | undefined;
  readonly platform?: string | undefined;
  readonly arch?: string | undefined;
};

/**
 * Finds the engine: a given endpoint, else the binary packaged for this platform, else `dynoxide` on the PATH.
 *
 * @throws {MissingEngineError} when none of the three is there.
 */
export function findEngine(search: EngineSearch): FoundEngine {
  if (search.endpoint) return { source: 'endpoint', endpoint: search.endpoint };

  const platform = search.platform ?? process.platform;
  const binaryName = platform === 'win32' ? 'dynoxide.exe' : 'dynoxide';
  const packageName = `@dynoxide/${platform}-${search.arch ?? process.arch}`;

  const packaged = packagedBinary(packageName, binaryName);
  if (packaged) return { source: 'package', binary: packaged };

  const onPath = (search.path ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, binaryName))
    .find(isExecutable);
  if (onPath) return { source: 'path', binary: onPath };

  throw new MissingEngineError(packageName);
}

function packagedBinary(packageName: string, binaryName: string): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    const binary = join(dirname(manifest), binaryName);
    return isExecutable(binary) ? binary : undefined;
  } catch {
    // An optional dependency for another platform: absent is normal.
    return undefined;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
