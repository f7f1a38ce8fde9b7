import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import { NO_BUDGETS, ORIGIN, percentile, signIn, withoutStreams } from './bench-stack.ts';
import { closeConnections, inLanes, post } from './load.ts';
import type { Spent } from './probe.ts';
import { startRelay } from './relay.ts';
import { print, tableOf } from './report.ts';
import { installRivals, portkeyHeaders, startExpress, startPortkey } from './rivals.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/**
 * Compares the token path with a bare Express token server and with Portkey's gateway: the time that each adds to
 * OpenAI's own, and its processor time. Each runs in a separate process, against the same stand-in with a fixed delay
 * and the same number of concurrent requests. They take turns. `npm run bench:token-path [-- --json] [-- --short]`;
 * `--profile DIR` writes a processor profile and the sampled allocations of the token function instead.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});
const OPENAI_MS = 100;
/**
 * The delay in each AWS call, if there is a delay. DynamoDB promises single-digit milliseconds
 * (https://aws.amazon.com/dynamodb/features/); for KMS, nothing is published, so the same value is assumed.
 */
const AWS_MS = 5;
const LANES = 4;
const ROUNDS = options.short ? 1 : 6;
const MINTS_A_ROUND = options.short ? 20 : 80;
const WARM_UP = options.short ? 20 : 300;
const SAMPLED = options.short ? 20 : 200;
/** Each has its own slots, so that none of them runs out of slots. */
const PLACES = options.short ? 4 : 40;

const stack = await startLocalStack({
  strict: false,
  port: 0,
  path: process.env['PATH'],
  runtime: localRuntime(() => undefined),
  variables: NO_BUDGETS,
});
await withoutStreams(stack);
const delayed = { arrived: () => sleep(AWS_MS) };
const relays = { dynamoDb: await startRelay(delayed), kms: await startRelay(delayed) };
relays.dynamoDb.forwardTo(stack.dynamoDb.endpoint);
relays.kms.forwardTo(stack.kms.endpoint);

const owner = await signIn(stack);
const chosen = await Promise.all(Array.from({ length: PLACES }, () => owner.makePlace()));
const openAi = await startServer('./openai-server.ts', { env: { DELAY_MS: String(OPENAI_MS) } });

const startToken = (variables: Readonly<Record<string, string>> = {}): Promise<ServerProcess> =>
  startServer('./token-server.ts', {
    env: {
      ...stack.variables,
      ...variables,
      OPENAI_BASE_URL: openAi.url,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      ...(options.profile !== undefined && { HEAP_PROFILE_DIR: options.profile }),
    },
    nodeArgs: options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`],
  });

interface Contestant {
  readonly name: string;
  readonly server: ServerProcess;
  readonly mint: () => Promise<string>;
}

const secretIn = ({ status, text }: { readonly status: number; readonly text: string }): string =>
  /"ek_[A-Za-z0-9]+"/.exec(text)?.[0] ?? `no secret: ${status} ${text.slice(0, 200)}`;

let turn = 0;
const ours = (name: string, server: ServerProcess): Contestant => ({
  name,
  server,
  mint: async () => {
    const { siteId } = chosen[turn++ % chosen.length] ?? { siteId: '' };
    return secretIn(await post(`${server.url}/v1/${siteId}/token`, '{}', { origin: ORIGIN }));
  },
});

const started: ServerProcess[] = [];
const keep = async (server: Promise<ServerProcess>): Promise<ServerProcess> => {
  started.push(await server);
  return server;
};

const contestants = async (): Promise<readonly Contestant[]> => {
  const token = ours('Spelo BYOK, AWS answers at once', await keep(startToken()));
  if (options.profile !== undefined) return [token];
  installRivals();
  const express = await keep(startExpress(openAi.url));
  const portkey = await keep(startPortkey());
  const headers = portkeyHeaders(openAi.url);
  const session = '{"session":{"type":"realtime","model":"gpt-realtime-2.1"}}';
  return [
    {
      name: 'Express, key in the environment',
      server: express,
      mint: async () => secretIn(await post(`${express.url}/session`, '')),
    },
    {
      name: "Portkey's gateway, key from the caller",
      server: portkey,
      mint: async () => secretIn(await post(`${portkey.url}/v1/realtime/client_secrets`, session, headers)),
    },
    token,
    ours(
      `Spelo BYOK, ${AWS_MS} ms in each AWS call`,
      await keep(
        startToken({
          AWS_ENDPOINT_URL_DYNAMODB: relays.dynamoDb.url,
          AWS_ENDPOINT_URL_KMS: relays.kms.url,
        }),
      ),
    ),
  ];
};

interface Row {
  readonly name: string;
  readonly mints: number;
  /** Time in addition to OpenAI's delay, milliseconds. */
  readonly addedMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly cpuMs: number;
  readonly collectionMs: number;
  readonly collectionsAThousand: number;
  readonly allocatedKiB: number;
  readonly writtenBytes: number;
}

const faults: string[] = [];
const secrets = new Set<string>();

const load = async ({ name, mint }: Contestant, mints: number): Promise<readonly number[]> =>
  inLanes(mints, LANES, async () => {
    const secret = await mint();
    if (!secret.startsWith('"ek_')) throw new Error(`${name}: ${secret}`);
    if (secrets.has(secret)) faults.push(`${name} handed out a secret twice.`);
    secrets.add(secret);
  });

const measure = async (): Promise<readonly Row[]> => {
  const all = await contestants();
  for (const contestant of all) await load(contestant, WARM_UP);
  const took = new Map(all.map(({ name }) => [name, [] as number[]]));
  const spent = new Map(all.map(({ name }) => [name, [] as [Spent, Spent][]]));
  const written = new Map(all.map(({ name, server }) => [name, -server.bytesWritten()]));
  for (let round = 0; round < ROUNDS; round++)
    // Each one goes first in turn, so that a busy moment of the machine affects all of them.
    for (const i of all.keys()) {
      const contestant = all[(i + round) % all.length];
      if (contestant === undefined) continue;
      const before = await contestant.server.spent();
      took.get(contestant.name)?.push(...(await load(contestant, MINTS_A_ROUND)));
      spent.get(contestant.name)?.push([before, await contestant.server.spent()]);
    }
  for (const { name, server } of all) written.set(name, (written.get(name) ?? 0) + server.bytesWritten());
  const rows: Row[] = [];
  for (const { name, server, mint } of all) {
    const sorted = (took.get(name) ?? []).map((ms) => ms - OPENAI_MS).toSorted((a, b) => a - b);
    const spentOn = (figure: keyof Spent): number =>
      (spent.get(name) ?? []).reduce((sum, [from, to]) => sum + to[figure] - from[figure], 0) / sorted.length;
    const allocated = await server.sampled(() => load({ name, server, mint }, SAMPLED));
    rows.push({
      name,
      mints: sorted.length,
      addedMs: {
        p50: percentile(sorted, 0.5),
        p95: percentile(sorted, 0.95),
        p99: percentile(sorted, 0.99),
      },
      cpuMs: spentOn('cpuMs'),
      collectionMs: spentOn('collectionMs'),
      collectionsAThousand: 1_000 * spentOn('collections'),
      allocatedKiB: allocated / SAMPLED / 1_024,
      writtenBytes: (written.get(name) ?? 0) / sorted.length,
    });
  }
  return rows;
};

const ratio = (value: number, base: number | undefined): string =>
  base === undefined || base === 0 ? '' : (value / base).toFixed(1);

try {
  const rows = await measure();
  const [bare] = rows;
  const table = tableOf(
    [
      'Token server',
      'adds, ms: p50',
      'p95',
      'p99',
      'CPU ms a mint',
      '× Express',
      'mints a second and core',
      'KiB allocated a mint',
      '× Express',
      'collections a thousand mints',
    ],
    rows.map(({ name, addedMs, cpuMs, allocatedKiB, collectionsAThousand }) => [
      name,
      addedMs.p50.toFixed(1),
      addedMs.p95.toFixed(1),
      addedMs.p99.toFixed(1),
      cpuMs.toFixed(2),
      ratio(cpuMs, bare?.cpuMs),
      (1_000 / cpuMs).toFixed(0),
      allocatedKiB.toFixed(0),
      ratio(allocatedKiB, bare?.allocatedKiB),
      collectionsAThousand.toFixed(0),
    ]),
  );
  print(
    {
      tables: { 'token-path': table },
      figures: { openAiMs: OPENAI_MS, awsMs: AWS_MS, lanes: LANES, rows },
      faults,
    },
    options.json,
  );
} finally {
  closeConnections();
  for (const server of [...started, openAi]) await server.close();
  await stack.close();
  await Promise.all(Object.values(relays).map((relay) => relay.close()));
}
