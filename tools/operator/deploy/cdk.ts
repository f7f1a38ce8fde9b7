import { spawn } from 'node:child_process';
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
  /** Opens an address in the browser of the operator. Does nothing where there is none. */
  readonly openBrowser: (url: string) => void;
}

const PROJECT_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const run = (
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input?: string,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: PROJECT_ROOT,
      env: { ...process.env, ...environment },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'inherit', 'inherit'],
    });
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
    child.stdin?.end(input);
  });

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: 'open', linux: 'xdg-open' };

export const programs = (): Programs => ({
  cdk: (args, environment) => run(process.execPath, ['node_modules/aws-cdk/bin/cdk', ...args], environment),
  script: (path, args, environment, input) => run(process.execPath, [path, ...args], environment, input),
  openBrowser: (url) => {
    const opener = OPENERS[process.platform];
    if (opener === undefined) return;
    const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
    child.once('error', () => undefined);
    child.unref();
  },
});
