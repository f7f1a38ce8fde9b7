import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { strongRandom } from '../lambdas/composition/runtime.ts';
import { openAiBaseUrl } from '../lambdas/contract/environment.ts';
import { type Assembly, readAssembly } from './bundled/assembly.ts';
import { type Demo, seedDemo } from './demo.ts';
import { instructions } from './instructions.ts';
import { localRuntime, logFile } from './local-runtime.ts';
import { type LocalStack, startLocalStack } from './local-stack.ts';
import { makeFakeKey } from './openai/server.ts';
import { dashboardPages, localDashboard } from './web/dashboard-pages.ts';
import { widgetPages } from './web/widget-pages.ts';

const DATA_DIR = '.local';
const ASSEMBLY_DIR = 'cdk.out';
const LOCK_FILE = join(DATA_DIR, 'pid');
const ENVIRONMENT_FILE = join(DATA_DIR, 'environment.json');
const USAGE = `npm start [-- --reset] [-- --bundled] [-- --verbose] [-- --help]

Runs the whole broker on this machine. Data is stored in ${DATA_DIR}/ and survives a restart.

  --reset    delete that data first
  --verbose  print one line for each request, not only for those that fail
  --bundled  serve the routes, authorizer, variables and bundles that npm run synth wrote to cdk.out
  --help     this text

Environment:
  PORT               port of the API, default 8787; the demo site allows the new origin too
  OPENAI_BASE_URL    https://api.openai.com/v1 uses the real API; default: a local stand-in
  DYNAMODB_ENDPOINT  a DynamoDB endpoint to use instead of the embedded engine
`;

const environment = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'Must be a whole number from 1 to 65535.')
    .transform(Number)
    .refine((port) => port >= 1 && port <= 65_535, 'Must be a whole number from 1 to 65535.')
    .default(8787),
  OPENAI_BASE_URL: openAiBaseUrl.removeDefault().optional(),
  DYNAMODB_ENDPOINT: z.url().optional(),
  PATH: z.string().optional(),
});

/** One sentence for a person. */
const say = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE')
    return 'The port is in use. Stop the other process, or choose another port: PORT=8788 npm start';
  if (code === 'ECONNREFUSED')
    return 'DYNAMODB_ENDPOINT does not answer. Start that engine, or unset the variable.';
  if (code.startsWith('ERR_PARSE_ARGS')) return `${error.message}\n\n${USAGE}`;
  return error.message;
};

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      reset: { type: 'boolean', default: false },
      bundled: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const parsed = environment.safeParse(process.env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
    return fail(`The environment is not valid:\n${faults.join('\n')}`);
  }
  const { PORT, OPENAI_BASE_URL, DYNAMODB_ENDPOINT, PATH } = parsed.data;
  refuseSecondRun();
  if (values.reset) rmSync(DATA_DIR, { recursive: true, force: true });
  mkdirSync(DATA_DIR, { recursive: true, mode: 0o700 });
  writeFileSync(LOCK_FILE, String(process.pid), { mode: 0o600 });
  process.on('exit', () => {
    for (const file of [LOCK_FILE, ENVIRONMENT_FILE]) rmSync(file, { force: true });
  });

  let demo: Demo | undefined;
  let stack: LocalStack | undefined;
  const openAiOf = (running: LocalStack): string => running.variables['OPENAI_BASE_URL'] ?? '';
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const dashboard = localDashboard(print);
  const pages = [
    dashboardPages({
      ready: dashboard.ready,
      addresses: () =>
        stack && { url: stack.url, issuer: stack.issuer.issuer, openAiBaseUrl: openAiOf(stack) },
    }),
    ...(await widgetPages(() => stack && demo && { siteId: demo.siteId, openAiBaseUrl: openAiOf(stack) })),
  ];
  const log = logFile(join(DATA_DIR, 'spelo.log'));
  stack = await startLocalStack({
    dataDir: DATA_DIR,
    port: PORT,
    openAiBaseUrl: OPENAI_BASE_URL,
    dynamoDbEndpoint: DYNAMODB_ENDPOINT,
    path: PATH,
    runtime: localRuntime(log.write),
    assembly: values.bundled ? synthesized() : undefined,
    onLine: log.write,
    // Keeps the banner visible: afterwards, only errors and messages that are not about a request are printed.
    onAnswer: (line, status) => {
      if (status === undefined || status >= 500 || (values.verbose && demo !== undefined)) print(line);
    },
    pages,
  });
  // The sweeper's schedule, once a minute.
  setInterval(() => void stack.sweep().catch(() => undefined), 60_000).unref();
  // The schedule of the function that moves sites off retired models.
  const retireModels = () => void stack.retireModels().catch(() => undefined);
  retireModels();
  setInterval(retireModels, 6 * 3_600_000).unref();
  stopCleanly(stack, log);
  // For the operator's commands, which run alongside this process. Addresses only, no secret.
  writeFileSync(ENVIRONMENT_FILE, JSON.stringify(stack.variables, null, 2), {
    mode: 0o600,
  });

  demo = await seedDemo(stack);
  const demoKey = stack.openAi === undefined ? undefined : makeFakeKey(strongRandom);
  process.stdout.write(
    instructions({ url: stack.url, demo, demoKey, dataDir: DATA_DIR, dashboardReady: dashboard.ready() }),
  );
  print('ready');
  // Started last, because on two cores it would slow down everything above.
  process.on('exit', dashboard.buildIfNeeded());
};

const synthesized = (): Assembly => {
  if (!existsSync(join(ASSEMBLY_DIR, 'manifest.json')))
    return fail(`${ASSEMBLY_DIR}/ is empty. Run npm run synth first.`);
  return readAssembly(ASSEMBLY_DIR);
};

/** Two runs in one folder would overwrite each other's addresses and archive. */
const refuseSecondRun = (): void => {
  let pid: number;
  try {
    pid = Number(readFileSync(LOCK_FILE, 'utf8'));
    process.kill(pid, 0);
  } catch {
    // There is no lock, or its process has ended.
    return;
  }
  if (pid !== process.pid) fail(`Another npm start (process ${pid}) uses ${DATA_DIR}/. Stop it first.`);
};

const stopCleanly = (stack: LocalStack, log: { close(): Promise<void> }): void => {
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await stack.close();
    await log.close();
    process.exit(code);
  };
  process.on('SIGINT', () => void stop(0));
  process.on('SIGTERM', () => void stop(0));
  void stack.dynamoDb.exited.then(({ expected, lastLines }) => {
    if (expected) return;
    process.stderr.write(`The DynamoDB engine stopped. ${lastLines}\n`);
    void stop(1);
  });
};

main().catch((error: unknown) => fail(say(error)));
