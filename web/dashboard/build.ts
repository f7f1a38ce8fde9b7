import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
/** Built files of the repository; never committed. */
export const DASHBOARD_FOLDER = join(ROOT, 'dist/dashboard');
const STAMP = '.sources';

/** Inputs of the build: the dashboard itself, what it imports of ours, and the packages. */
const SOURCES = ['web/dashboard', 'lambdas/contract', 'lambdas/domain', 'package-lock.json'];

const filesIn = (path: string): readonly string[] => {
  const entries = readdirSync(join(ROOT, path), { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};

/** One hash over every source: equal hashes, equal builds. Takes milliseconds. */
const sourcesHash = (): string => {
  const hash = createHash('sha256');
  const files = SOURCES.flatMap((path) => (/\.\w+$/.test(path) ? [join(ROOT, path)] : filesIn(path)));
  for (const file of files.sort())
    hash.update(file.slice(ROOT.length)).update('\0').update(readFileSync(file));
  return hash.digest('hex');
};

const isBuiltFrom = (hash: string): boolean => {
  const stamp = join(DASHBOARD_FOLDER, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
};

/** True when `dist/dashboard` was built from the sources as they are now. */
export const dashboardIsCurrent = (): boolean => isBuiltFrom(sourcesHash());

/**
 * Builds the dashboard into `dist/dashboard` unless it is current. Built alongside it and renamed into place when it is complete, so that
 * several builds may run at once and nobody is served half of one.
 */
export const buildDashboard = async (): Promise<void> => {
  const hash = sourcesHash();
  if (isBuiltFrom(hash)) return;
  const unfinished = `${DASHBOARD_FOLDER}.${process.pid}`;
  const replaced = `${unfinished}.old`;
  // Whatever started this process, React's development build is not what is served.
  process.env['NODE_ENV'] = 'production';
  // Loaded only to build: most starts find everything current.
  const { build } = await import('vite');
  await build({
    configFile: join(import.meta.dirname, 'vite.config.ts'),
    mode: 'production',
    logLevel: 'warn',
    build: { outDir: unfinished },
  });
  writeFileSync(join(unfinished, STAMP), hash);
  try {
    if (existsSync(DASHBOARD_FOLDER)) renameSync(DASHBOARD_FOLDER, replaced);
    renameSync(unfinished, DASHBOARD_FOLDER);
  } catch (error) {
    // Another build of the same sources was faster.
    if (!isBuiltFrom(hash)) throw error;
  } finally {
    for (const folder of [unfinished, replaced]) rmSync(folder, { recursive: true, force: true });
  }
};

if (process.argv[1] === import.meta.filename) {
  await buildDashboard();
  process.stdout.write('dist/dashboard\n');
}
