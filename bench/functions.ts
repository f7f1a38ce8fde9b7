import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { type BuildOptions, build } from 'esbuild';
import { type FunctionName, ROUTES, type Route } from '../lambdas/contract/routes.ts';
import { signEvents } from '../lambdas/domain/sessions/event-signature.ts';
import type { HttpHandler } from '../lambdas/http/http-handler.ts';
import type { StreamHandler } from '../lambdas/streams/stream-handler.ts';
import { readAssembly } from '../local/bundled/assembly.ts';
import { startGateway } from '../local/gateway.ts';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import { makeFakeKey } from '../local/openai/server.ts';
import { startStreamPump } from '../local/stream-pump.ts';
import { median, mintAt, NO_BUDGETS, ORIGIN, signIn } from './bench-stack.ts';
import type { ProcessCall, ProcessMessage, Spent } from './function-process.ts';
import { print, tableOf } from './report.ts';
import { startTokenGateway } from './token-gateway.ts';

/**
 * The cost of the deployed bundles of cdk.out in a container: how long each takes to load in a fresh process, against
 * an empty handler and against one that only makes the clients of the SDK; its peak memory; and the processor time of
 * its requests, of its batches of stream records and of its runs, against the local services. After `npm run synth`:
 * `npm run bench:functions [-- --json]`. One file, because it is one script that is read from top to bottom.
 */

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const ROUNDS = 7;
/** No further round starts after this; the whole run then stays under 90 s. */
const LONGEST_LOADING_MS = 55_000;
const REQUESTS = 50;
/** Of the sweeper, a minute of the schedule each. */
const RUNS = 10;
/** A workspace's keys may be probed ten times a minute. */
const WORKSPACES = 5;
/**
 * Memory for which Lambda assigns one processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
 */
const MIB_PER_PROCESSOR = 1_769;

const started = performance.now();
const project = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const built = mkdtempSync(join(tmpdir(), 'bench-functions-'));

/** The same options as in lib/constructs/broker-function.ts, without replaced SDK modules. */
const bundling: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'error',
};
const bundleOf = async (name: string, contents: string): Promise<string> => {
  const outfile = join(built, `${name}.mjs`);
  await build({ ...bundling, stdin: { contents, resolveDir: project(''), loader: 'ts' }, outfile });
  return outfile;
};
const loader = join(built, 'function-process.mjs');
await build({ ...bundling, entryPoints: [project('bench/function-process.ts')], outfile: loader });
const TOKEN = 'token';
const EMPTY = 'an empty handler';
const CLIENTS = 'the clients of DynamoDB and KMS alone';
const baselines = new Map([
  [EMPTY, await bundleOf('empty', 'export const handler = async () => ({});')],
  [
    CLIENTS,
    await bundleOf(
      'clients',
      `import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
      import { KMSClient } from '@aws-sdk/client-kms';
      import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
      const region = process.env.AWS_REGION;
      const clients = [DynamoDBDocumentClient.from(new DynamoDBClient({ region })), new KMSClient({ region })];
      export const handler = async () => clients.length;`,
    ),
  ],
]);

const { functions, mappings } = readAssembly(project('cdk.out'));
const bundles = new Map([
  ...baselines,
  ...[...functions.values()].map(({ name, bundle }) => [name, bundle] as const),
]);

const stack = await startLocalStack({
  strict: false,
  port: 0,
  path: process.env['PATH'],
  runtime: localRuntime(() => undefined),
  variables: {
    ...NO_BUDGETS,
  },
});
// The audit trail would use processor time that is being measured.
await stack.streams.close();

type Loaded = Extract<ProcessMessage, { readonly loadMs: number }>;

interface Container {
  readonly loaded: Loaded;
  /** Called after each request, in order. */
  readonly spent: readonly Spent[];
  invoke(event: unknown): Promise<unknown>;
  close(): Promise<void>;
}

const startContainer = async (bundle: string): Promise<Container> => {
  const child: ChildProcess = spawn(process.execPath, ['--enable-source-maps', loader, bundle], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...stack.variables,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_EVENTBRIDGE: 'http://127.0.0.1:9',
    },
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const spent: Spent[] = [];
  const waiting = new Map<number, (answer: unknown) => void>();
  const loaded = await new Promise<Loaded>((resolve, reject) => {
    child.once('exit', (code) => {
      // Waiting callers get no response.
      for (const answer of waiting.values()) answer(undefined);
      reject(new Error(`${bundle} did not load: ${code}`));
    });
    child.on('message', (message: ProcessMessage) => {
      if ('loadMs' in message) return resolve(message);
      spent.push(message);
      waiting.get(message.id)?.(message.answer);
      waiting.delete(message.id);
    });
  });
  let nextId = 0;
  return {
    loaded,
    spent,
    invoke: (event) =>
      new Promise((resolve) => {
        const call: ProcessCall = { id: nextId++, event };
        waiting.set(call.id, resolve);
        child.send(call);
      }),
    close: async () => {
      child.kill();
      await ended;
    },
  };
};

/** Each bundle once per round, so that a busy moment of the machine affects all of them. */
const loadAll = async (): Promise<ReadonlyMap<string, readonly Loaded[]>> => {
  const loads = new Map([...bundles.keys()].map((name) => [name, [] as Loaded[]]));
  for (let round = 0; round < ROUNDS; round++) {
    if (performance.now() - started > LONGEST_LOADING_MS) break;
    for (const [name, bundle] of bundles) {
      const container = await startContainer(bundle);
      await container.close();
      loads.get(name)?.push(container.loaded);
    }
  }
  return loads;
};

/** Time from the start of a process to its first response, milliseconds: the token function with a mint. */
const measureFirstAnswers = async (): Promise<ReadonlyMap<string, number>> => {
  const place = await (await signIn(stack)).makePlace();
  const took = new Map([EMPTY, CLIENTS, TOKEN].map((name) => [name, [] as number[]]));
  let current: Container | undefined;
  const gateway = await startTokenGateway(
    async (event) => (await current?.invoke(event)) as Awaited<ReturnType<HttpHandler>>,
    randomUUID,
  );
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, times] of took) {
      const from = performance.now();
      current = await startContainer(bundles.get(name) ?? '');
      if (name === TOKEN) await mintAt(gateway.url, place);
      else await current.invoke({});
      times.push(performance.now() - from);
      await current.close();
    }
  await gateway.close();
  return new Map([...took].map(([name, times]) => [name, median(times)]));
};

interface Served extends Spent {
  readonly requests: number;
  readonly firstCpuMs: number;
  readonly laterCpuMs: number;
}

type Containers = ReadonlyMap<string, Container>;

/** Sequential HTTP requests, then their stream records, then a scheduled run. */
const serve = async (): Promise<ReadonlyMap<string, Served>> => {
  const containers = new Map<string, Container>();
  for (const { name, bundle } of functions.values()) containers.set(name, await startContainer(bundle));
  try {
    await throughGateway(containers, sendRequests);
    await throughStreams(containers, (name) => name === 'detector');
    await throughStreams(containers, (name) => name !== 'detector');
    for (let run = 0; run < RUNS; run++) await invokedOf(containers, 'sweeper')({});
  } finally {
    for (const container of containers.values()) await container.close();
  }
  return new Map(
    [...containers]
      .filter(([, { spent }]) => spent.length > 0)
      .map(([name, container]) => [name, servedBy(container)]),
  );
};

const invokedOf =
  (containers: Containers, name: string) =>
  async <Answer>(event: unknown): Promise<Answer> => {
    const container = containers.get(name);
    if (container === undefined) throw new Error(`The template has no function ${name}.`);
    return (await container.invoke(event)) as Answer;
  };

const throughGateway = async (
  containers: Containers,
  send: (url: string) => Promise<void>,
): Promise<void> => {
  const names = new Set<FunctionName>(Object.values<Route>(ROUTES).map(({ servedBy: name }) => name));
  const handlers = Object.fromEntries(
    [...names].map((name): [FunctionName, HttpHandler] => [name, invokedOf(containers, name)]),
  ) as Record<FunctionName, HttpHandler>;
  const gateway = await startGateway(handlers, { port: 0, newRequestId: randomUUID });
  try {
    await send(gateway.url);
  } finally {
    await gateway.close();
  }
};

/** Reads each stream from its beginning, in batches of up to a hundred records. */
const throughStreams = async (containers: Containers, of: (name: string) => boolean): Promise<void> => {
  const engine = { region: 'us-east-1', endpoint: stack.dynamoDb.endpoint };
  const clients = { dynamoDb: new DynamoDBClient(engine), streams: new DynamoDBStreamsClient(engine) };
  const consumers = mappings
    .filter(({ functionName }) => of(functionName))
    .map(({ table, functionName }): [string, StreamHandler] => [table, invokedOf(containers, functionName)]);
  const pump = await startStreamPump(clients, Object.fromEntries(consumers), (table) => {
    throw new Error(`A record of ${table} could not be handled.`);
  });
  await pump.drain();
  await pump.close();
  clients.dynamoDb.destroy();
  clients.streams.destroy();
};

const servedBy = ({ loaded, spent }: Container): Served => {
  const first = spent[0] ?? loaded;
  const last = spent.at(-1) ?? first;
  return {
    ...last,
    requests: spent.length,
    firstCpuMs: first.cpuMs - loaded.cpuMs,
    laterCpuMs: (last.cpuMs - first.cpuMs) / Math.max(1, spent.length - 1),
  };
};

const sendRequests = async (url: string): Promise<void> => {
  const owner = {
    authorization: `Bearer ${await stack.issuer.issue({ sub: 'owner', expiresInSeconds: 3_600 })}`,
  };
  const call = async (
    method: string,
    path: string,
    body: unknown = undefined,
    headers: Readonly<Record<string, string>> = owner,
    // biome-ignore lint/suspicious/noExplicitAny: answers of several routes.
  ): Promise<any> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', origin: ORIGIN, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { data, error } = (await response.json()) as { data?: unknown; error?: { code: string } };
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${error?.code}`);
    return data;
  };
  const times = (count: number) => Array.from({ length: count }, (_, i) => i);

  for (const _ of times(WORKSPACES)) {
    const { workspace_id: workspaceId } = await call('POST', '/v1/workspaces', {
      name: 'Bench',
      concurrency_limit: REQUESTS,
    });
    const workspace = `/v1/workspaces/${workspaceId}`;
    const { site_id: siteId } = await call('POST', `${workspace}/sites`, {
      name: 'Bench',
      allowed_origins: [ORIGIN],
    });
    for (const _ of times(REQUESTS / WORKSPACES)) {
      await call('PUT', `${workspace}/openai-key`, { api_key: makeFakeKey(randomBytes) });
      const session = await call('POST', `/v1/${siteId}/token`, {}, {});
      const report = {
        events: [{ id: randomUUID(), type: 'connected', at: new Date().toISOString() }],
      };
      const t = Math.floor(Date.now() / 1_000);
      const v1 = signEvents(session.signing_secret, t, JSON.stringify(report));
      await call('POST', `/v1/${siteId}/sessions/${session.session_id}/events`, report, {
        'x-spelo-signature': `t=${t},v1=${v1}`,
      });
      await call('GET', `${workspace}/usage`);
      await call('GET', `${workspace}/audit`);
      await call('GET', workspace);
    }
    await call('POST', `${workspace}/openai-key/rotate`);
  }
};

interface Row {
  readonly name: string;
  readonly bytes: number;
  readonly memoryMiB: number | undefined;
  readonly readyMs: number;
  readonly loadMs: number;
  readonly timesEmpty: number;
  readonly timesClients: number;
  readonly loadCpuMs: number;
  readonly peakMiB: number;
  readonly served: Served | undefined;
}

const measure = async (): Promise<readonly Row[]> => {
  const loads = await loadAll();
  const served = await serve();
  const medianOf = (name: string, figure: 'readyMs' | 'loadMs' | 'loadCpuMs'): number =>
    median((loads.get(name) ?? []).map((loaded) => loaded[figure]));
  return [...bundles].map(([name, bundle]): Row => {
    return {
      name,
      bytes: statSync(bundle).size,
      memoryMiB: [...functions.values()].find((found) => found.name === name)?.memoryMiB,
      readyMs: medianOf(name, 'readyMs'),
      loadMs: medianOf(name, 'loadMs'),
      timesEmpty: medianOf(name, 'readyMs') / medianOf(EMPTY, 'readyMs'),
      timesClients: medianOf(name, 'readyMs') / medianOf(CLIENTS, 'readyMs'),
      loadCpuMs: medianOf(name, 'loadCpuMs'),
      peakMiB: Math.max(...(loads.get(name) ?? []).map(({ peakMiB }) => peakMiB)),
      served: served.get(name),
    };
  });
};

const tableFor = (rows: readonly Row[]): readonly string[] =>
  tableOf(
    [
      'Bundle',
      'KB',
      'ready, ms',
      '× empty',
      '× clients',
      'load, CPU ms',
      'peak MiB loaded',
      'calls',
      'peak MiB after',
      'first call, CPU ms',
      'later call, CPU ms',
      'start at its share, ms',
      'then, ms',
    ],
    rows.map((row) => {
      const { served, memoryMiB } = row;
      const atItsShare = (cpuMs: number): string =>
        memoryMiB === undefined ? '' : (cpuMs / Math.min(1, memoryMiB / MIB_PER_PROCESSOR)).toFixed(0);
      const answer = (figure: number | undefined, digits: number): string => figure?.toFixed(digits) ?? '';
      return [
        memoryMiB === undefined ? row.name : `\`${row.name}\``,
        (row.bytes / 1_024).toFixed(0),
        row.readyMs.toFixed(0),
        row.timesEmpty.toFixed(1),
        row.timesClients.toFixed(1),
        row.loadCpuMs.toFixed(0),
        row.peakMiB.toFixed(0),
        served?.requests ?? '',
        answer(served?.peakMiB, 0),
        answer(served?.firstCpuMs, 0),
        answer(served?.laterCpuMs, 1),
        served === undefined ? '' : atItsShare(row.loadCpuMs + served.firstCpuMs),
        served === undefined || served.requests < 2 ? '' : atItsShare(served.laterCpuMs),
      ];
    }),
  );

const coldStartTable = (rows: readonly Row[], firstAnswers: ReadonlyMap<string, number>): readonly string[] =>
  tableOf(
    ['Container of', 'KB', 'modules, ms', 'first answer, ms', '× empty', '× clients'],
    [...firstAnswers].map(([name, ms]) => {
      const row = rows.find((found) => found.name === name);
      return [
        name === TOKEN ? 'the token function, a whole mint' : name,
        ((row?.bytes ?? 0) / 1_024).toFixed(0),
        (row?.loadMs ?? 0).toFixed(0),
        ms.toFixed(0),
        (ms / (firstAnswers.get(EMPTY) ?? ms)).toFixed(1),
        (ms / (firstAnswers.get(CLIENTS) ?? ms)).toFixed(1),
      ];
    }),
  );

try {
  const rows = await measure();
  const firstAnswers = await measureFirstAnswers();
  print(
    {
      tables: { functions: tableFor(rows), 'cold-start': coldStartTable(rows, firstAnswers) },
      figures: { rows, firstAnswerMs: Object.fromEntries(firstAnswers) },
      faults: [],
    },
    options.json,
  );
} finally {
  await stack.close();
  rmSync(built, { recursive: true });
}
