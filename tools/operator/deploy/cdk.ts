import { spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The programs that the command starts. Each resolves to its exit status and prints its progress itself. */
export interface Programs {
  /** Runs the CDK CLI of this project. */
  readonly cdk: (args: readonly string[], environment: Readonly<Record<string, string>>) => Promise<number>;
  /** Runs a script of this project. `input` is its standard input. */
  readonly script: (
    path: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    input?: string,
  ) => Promise<number>;
  /** Opens an address in the browser of the operator. Does nothing if there is none. */
  readonly openBrowser: (url: string) => void;
}

const PROJECT_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const run = (
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  { input, silent = false }: { readonly input?: string | undefined; readonly silent?: boolean } = {},
): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: PROJECT_ROOT,
      // The CDK starts `node` for the app, which must be the Node.js version that runs TypeScript.
      env: {
        ...process.env,
        ...environment,
        PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
      },
      stdio: [input === undefined ? 'ignore' : 'pipe', silent ? 'ignore' : 'inherit', 'inherit'],
    });
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
    child.stdin?.end(input);
  });

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: 'open', linux: 'xdg-open' };

export const programs = (): Programs => ({
  cdk: (args, environment) =>
    run(process.execPath, ['node_modules/aws-cdk/bin/cdk', ...args], environment, {
      silent: args[0] === 'list',
    }),
  script: (path, args, environment, input) => run(process.execPath, [path, ...args], environment, { input }),
  openBrowser: (url) => {
    const opener = OPENERS[process.platform];
    if (opener === undefined) return;
    const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
    child.once('error', () => undefined);
    child.unref();
  },
});
