import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { buildPackage } from '../../../web/widget/build-package.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');

/** Another company's project that has installed the packed package. */
export interface Project {
  readonly folder: string;
  /** Bundles a module of the project into one script. */
  bundle(code: string): Promise<string>;
  /** Runs a module of the project on a server, and returns what it prints. */
  serve(code: string): Promise<string>;
  /** The errors of `tsc --strict` in a file of the project; empty if it has none. */
  typecheck(code: string): Promise<string>;
  remove(): void;
}

/** Builds, packs and installs the package, as a customer's `npm install` would. React comes from this repository. */
export const installPackage = async (): Promise<Project> => {
  const folder = mkdtempSync(join(tmpdir(), 'spelo-package-'));
  const built = join(folder, 'built');
  await buildPackage(built);
  await run('npm', ['pack', '--pack-destination', folder], { cwd: built });
  const packed = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(folder, 'package.json'), '{ "name": "shop", "private": true, "type": "module" }');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${packed}`], { cwd: folder });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  for (const name of ['react', 'react-dom', 'scheduler', '@types/react', 'csstype'])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  const write = (name: string, code: string): string => {
    writeFileSync(join(folder, name), code);
    return join(folder, name);
  };
  return {
    folder,
    bundle: async (code) => {
      const { outputFiles } = await build({
        entryPoints: [write('page.jsx', code)],
        bundle: true,
        format: 'esm',
        jsx: 'automatic',
        write: false,
        define: { 'process.env.NODE_ENV': '"development"' },
      });
      return (outputFiles[0]?.text ?? '').replaceAll('</script', '<\\/script');
    },
    serve: async (code) => (await run(process.execPath, [write('server.js', code)], { cwd: folder })).stdout,
    typecheck: async (code) => {
      const file = write('page.tsx', code);
      const options = [
        '--noEmit',
        '--strict',
        '--jsx',
        'react-jsx',
        '--module',
        'nodenext',
        '--target',
        'es2022',
      ];
      return run(join(ROOT, 'node_modules/.bin/tsc'), [...options, '--ignoreConfig', file], {
        cwd: folder,
      }).then(
        ({ stdout }) => stdout,
        (error: { readonly stdout: string }) => error.stdout,
      );
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
};
