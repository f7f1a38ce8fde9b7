import { randomBytes, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { primaryKey } from '../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import { newSiteId, type WorkspaceId } from '../lambdas/domain/identifiers.ts';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import {
  mintAt,
  NO_BUDGETS,
  type Place,
  percentile,
  reportAt,
  type Session,
  signIn,
  withoutStreams,
} from './bench-stack.ts';
import { type Counts, startCountingProxy } from './counting-proxy.ts';
import { print, tableOf } from './report.ts';

/**
 * The cost of sessions on the local engine: as many as one key admits at once, and mints at a rate over many sites.
 * Prints writes, bytes and request units of each request, its duration compared with a bare PutItem on the same engine
 * in the same run, and whether a limit was exceeded or a slot lost. `npm run bench:sessions [-- --json]`.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sessions: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '5' },
    sites: { type: 'string', default: '1000' },
    longest: { type: 'string', default: '60' },
  },
});
const SESSIONS = Number(options.sessions);
const RATE = Number(options.rate);
const SECONDS = Number(options.seconds);
const SITES = Number(options.sites);
const WORKSPACES = 20;
/** Requests in flight: more would only queue at the engine. */
const IN_FLIGHT = 16;
/** A phase that this machine cannot finish in time stops here, and the run reports its progress. */
const LONGEST_PHASE_MS = Number(options.longest) * 1_000;
const LONGEST_RATE_MS = 20_000;

let nowMs = Date.now();
const proxy = await startCountingProxy();
const stack = await startLocalStack({
  strict: false,
  port: 0,
  path: process.env['PATH'],
  runtime: { ...localRuntime(() => undefined), clock: () => new Date(nowMs) },
  variables: {
    ...NO_BUDGETS,
    AWS_ENDPOINT_URL_DYNAMODB: proxy.url,
  },
});
proxy.forwardTo(stack.dynamoDb.endpoint);
await withoutStreams(stack);
const engine = new DynamoDBClient({ region: 'us-east-1', endpoint: proxy.url });
const documents = DynamoDBDocumentClient.from(engine);

const owner = await signIn(stack);
const makePlace = (): Promise<Place> =>
  owner.makePlace({ concurrency_limit: SESSIONS }, { site: { max_duration_seconds: 3_600 } });

/** More sites of a workspace than its plan would allow, put where the product puts them. */
const addSites = async ({ workspaceId, siteId }: Place, count: number): Promise<readonly Place[]> => {
  const workspace = workspaceId as WorkspaceId;
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: TABLES.tenancy.name,
      KeyConditionExpression: 'pk = :pk AND sk = :sk',
      ExpressionAttributeValues: { ':pk': `WORKSPACE#${workspaceId}`, ':sk': `SITE#${siteId}` },
    }),
  );
  return Promise.all(
    Array.from({ length: count }, async () => {
      const added = newSiteId(workspace, randomBytes);
      const Item = { ...Items[0], ...primaryKey.site(workspace, added), siteId: added };
      await documents.send(new PutCommand({ TableName: TABLES.tenancy.name, Item }));
      return { workspaceId, siteId: added };
    }),
  );
};

const liveLeases = async ({ workspaceId }: Place): Promise<number> => {
  let live = 0;
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  do {
    const page = await documents.send(
      new QueryCommand({
        TableName: TABLES.limits.name,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': primaryKey.slot(workspaceId as WorkspaceId, '', 0).pk },
        ConsistentRead: true,
        ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
      }),
    );
    live += (page.Items ?? []).filter((item) => Number(item['expires_at']) * 1_000 > nowMs).length;
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return live;
};

interface Phase {
  readonly name: string;
  readonly requests: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly perSecond: number;
  /** For each request. */
  readonly per: Counts;
  readonly ms: { readonly p50: number; readonly p95: number; readonly p99: number };
}

/** Runs the jobs with this concurrency, starts the i-th at `startsAtMs(i)` or later, and measures each. */
const measure = async <Job>(
  name: string,
  jobs: readonly Job[],
  run: (job: Job) => Promise<string>,
  {
    inFlight = IN_FLIGHT,
    startsAtMs = () => 0,
    longestMs = Number.POSITIVE_INFINITY,
  }: { inFlight?: number; startsAtMs?: (index: number) => number; longestMs?: number } = {},
): Promise<Phase> => {
  const took: number[] = [];
  const codes: Record<string, number> = {};
  const before = proxy.counts();
  const started = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < jobs.length; i = next++) {
      const ahead = startsAtMs(i) - (performance.now() - started);
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
      if (performance.now() - started > longestMs) return;
      const from = performance.now();
      const code = await run(jobs[i] as Job);
      took.push(performance.now() - from);
      codes[code] = (codes[code] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - started) / 1_000;
  const after = proxy.counts();
  const sorted = took.toSorted((a, b) => a - b);
  const per = Object.fromEntries(
    Object.entries(after).map(([field, count]) => [
      field,
      (count - before[field as keyof Counts]) / Math.max(1, took.length),
    ]),
  ) as unknown as Counts;
  return {
    name,
    requests: took.length,
    codes,
    perSecond: took.length / seconds,
    per,
    ms: { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) },
  };
};

const mintInto =
  (sessions: Session[]) =>
  async (place: Place): Promise<string> => {
    const { data, code } = await mintAt(stack.url, place);
    if (code === 'ok') sessions.push({ ...place, ...data });
    return code;
  };

const reporting =
  (type: string, fields: object = {}) =>
  async (session: Session): Promise<string> => {
    const { code, data } = await reportAt(stack.url, session, new Date(nowMs), type, fields);
    return code === 'ok' ? String(data.reason ?? 'ok') : code;
  };

const barePut = async (): Promise<string> => {
  await engine.send(
    new PutItemCommand({
      TableName: TABLES.limits.name,
      Item: { pk: { S: `BENCH#${randomUUID()}` }, sk: { S: 'ITEM' }, filling: { S: 'x'.repeat(600) } },
    }),
  );
  return 'ok';
};

const phases: Phase[] = [];
const faults: string[] = [];
const expectThat = (holds: boolean, fault: string): void => {
  if (!holds) faults.push(fault);
};
const phase = async (...given: Parameters<typeof measure<never>>): Promise<Phase> => {
  const measured = await measure(...given);
  phases.push(measured);
  return measured;
};

try {
  await measure('warm up', Array(200).fill(0), barePut);
  const bare = await phase('bare PutItem', Array(500).fill(0) as never[], barePut);

  // One key, as many sessions as it admits and some more.
  const one = await makePlace();
  const sessions: Session[] = [];
  const minted = await phase('mint, one key', Array(SESSIONS).fill(one) as never[], mintInto(sessions), {
    longestMs: LONGEST_PHASE_MS,
  });
  const isFull = minted.requests === SESSIONS;
  expectThat(sessions.length === minted.requests, `${sessions.length} of ${minted.requests} were admitted.`);
  expectThat((await liveLeases(one)) === sessions.length, 'There are not as many slots taken as sessions.');
  if (isFull) await phase('mint, key is full', Array(50).fill(one) as never[], mintInto(sessions));
  expectThat((await liveLeases(one)) <= SESSIONS, 'More slots are taken than there are.');
  // Enough sessions to measure. The leases of the others are still valid.
  const talking = sessions.slice(0, 300);
  nowMs += 5_000;
  await phase('connected', talking as never[], reporting('connected'));
  nowMs += 20_000;
  await phase('heartbeat', talking as never[], reporting('heartbeat'));
  expectThat((await liveLeases(one)) === sessions.length, 'A slot was lost while its session reported.');
  nowMs += 20_000;
  await phase('ended', talking as never[], reporting('ended', { reason: 'hung_up' }));
  expectThat((await liveLeases(one)) === sessions.length - talking.length, 'A slot was not given back.');

  // Many sites.
  const workspaces = await Promise.all(Array.from({ length: WORKSPACES }, makePlace));
  const added = await Promise.all(workspaces.map((place) => addSites(place, SITES / WORKSPACES - 1)));
  const chosen = [...workspaces, ...added.flat()];
  const spread: Session[] = [];
  const jobs = Array.from({ length: RATE * SECONDS }, (_, i) => chosen[(i * 7) % chosen.length]);
  await phase(`mint, ${RATE}/s over ${SITES} sites`, jobs as never[], mintInto(spread), {
    inFlight: 2 * IN_FLIGHT,
    startsAtMs: (i) => (i * 1_000) / RATE,
    longestMs: LONGEST_RATE_MS,
  });
  const leases = await Promise.all(workspaces.map(liveLeases));
  const taken = leases.reduce((sum, count) => sum + count, 0);
  expectThat(taken === spread.length, `${spread.length} sessions hold ${taken} slots.`);
  await phase('mint, alone', chosen.slice(0, 40) as never[], mintInto(spread), { inFlight: 1 });
  await phase('bare PutItem, alone', Array(200).fill(0) as never[], barePut, { inFlight: 1 });

  const alone = phases.at(-1) ?? bare;
  const ratioTo = ({ ms }: Phase) => (ms.p50 === 0 ? 1 : ms.p50);
  const rows = phases.map(({ ms, ...rest }) => {
    const base = rest.name.endsWith('alone') ? ratioTo(alone) : ratioTo(bare);
    return { ...rest, ms, timesBarePut: { p50: ms.p50 / base, p95: ms.p95 / base, p99: ms.p99 / base } };
  });
  const table = tableOf(
    [
      'Request',
      'answers',
      'a second',
      'writes',
      'bytes',
      'write units',
      'read units',
      '× bare put: p50',
      'p95',
      'p99',
    ],
    rows.map(({ name, codes, perSecond, per, timesBarePut }) => [
      name,
      Object.entries(codes)
        .map(([code, count]) => `${count} ${code}`)
        .join(', '),
      perSecond.toFixed(0),
      per.writes.toFixed(1),
      per.bytesWritten.toFixed(0),
      per.writeUnits.toFixed(1),
      per.readUnits.toFixed(1),
      timesBarePut.p50.toFixed(1),
      timesBarePut.p95.toFixed(1),
      timesBarePut.p99.toFixed(1),
    ]),
    2,
  );
  print({ tables: { sessions: table }, figures: { rows }, faults }, options.json);
} finally {
  engine.destroy();
  await stack.close();
  await proxy.close();
}
