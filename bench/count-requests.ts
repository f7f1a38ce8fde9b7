import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { functionsInProcess } from '../local/functions-in-process.ts';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import { makeFakeKey } from '../local/openai/server.ts';
import { startStreamPump } from '../local/stream-pump.ts';
import { putPlatformKey } from '../test/support/platform-key.ts';
import { mintAt, NO_BUDGETS, ORIGIN, type Place, reportAt, type Session, signIn } from './bench-stack.ts';
import { REPORTS, type RequestCounts } from './capacity-model.ts';
import { startCountingProxy, type Units } from './counting-proxy.ts';

type ByTable = Readonly<Record<string, Units>>;

/** The units charged since `before`; tables without use are left out. */
const since = (before: ByTable, after: ByTable): ByTable =>
  Object.fromEntries(
    Object.entries(after)
      .map(([table, { writeUnits, readUnits }]): [string, Units] => [
        table,
        {
          writeUnits: writeUnits - (before[table]?.writeUnits ?? 0),
          readUnits: readUnits - (before[table]?.readUnits ?? 0),
        },
      ])
      .filter(([, { writeUnits, readUnits }]) => writeUnits + readUnits > 0)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  );

/** Reports of a two-minute session. One of them increases its quota reservation. */
const HEARTBEATS = REPORTS.filter(({ kind }) => kind === 'heartbeat').length;

const meanOf = (all: readonly ByTable[]): ByTable => {
  const tables = [...new Set(all.flatMap((units) => Object.keys(units)))].toSorted();
  const mean = (table: string, side: keyof Units): number =>
    all.reduce((sum, units) => sum + (units[table]?.[side] ?? 0), 0) / all.length;
  return Object.fromEntries(
    tables.map((table) => [
      table,
      { writeUnits: mean(table, 'writeUnits'), readUnits: mean(table, 'readUnits') },
    ]),
  );
};

export interface AllCounts {
  readonly byok: RequestCounts;
  readonly managed: RequestCounts;
}

/**
 * Request units of each kind of request by table, counted on the wire from real requests of a session without
 * concurrency. The same on every machine.
 */
export const countRequests = async (): Promise<AllCounts> => {
  // The trail is written in parallel with the requests, so it has a separate proxy.
  const [proxy, trail] = [await startCountingProxy(), await startCountingProxy()];
  let offsetMs = 0;
  const now = (): Date => new Date(Date.now() + offsetMs);
  const world = { ...localRuntime(() => undefined), clock: now };
  const stack = await startLocalStack({
    port: 0,
    path: process.env['PATH'],
    runtime: world,
    variables: { ...NO_BUDGETS, AWS_ENDPOINT_URL_DYNAMODB: proxy.url },
  });
  await stack.streams.close();
  // Notices are sent in parallel as well, and read webhooks through the counted proxy.
  await stack.notices.close();
  for (const each of [proxy, trail]) each.forwardTo(stack.dynamoDb.endpoint);
  const engine = { region: 'us-east-1', endpoint: stack.dynamoDb.endpoint };
  const clients = { dynamoDb: new DynamoDBClient(engine), streams: new DynamoDBStreamsClient(engine) };
  const { watching, recording } = functionsInProcess(
    { ...stack.variables, AWS_ENDPOINT_URL_DYNAMODB: trail.url },
    world,
    () => undefined,
  );
  const gaveUp = (table: string): void => {
    throw new Error(`A record of ${table} could not be handled.`);
  };
  const pumps = [
    await startStreamPump(clients, watching, gaveUp),
    await startStreamPump(clients, recording, gaveUp),
  ];
  const drain = async (): Promise<void> => {
    for (const pump of pumps) await pump.drain();
  };

  const count = async (place: Place): Promise<RequestCounts> => {
    const counting = async <Result>(run: () => Promise<Result>): Promise<readonly [ByTable, Result]> => {
      const before = proxy.units();
      const result = await run();
      return [since(before, proxy.units()), result];
    };
    const report = async (session: Session, afterMs: number, kind: string, fields = {}): Promise<ByTable> => {
      offsetMs += afterMs;
      const [units, { code }] = await counting(() => reportAt(stack.url, session, now(), kind, fields));
      if (code !== 'ok') throw new Error(`A report was refused: ${code}.`);
      return units;
    };
    // The first session of a site creates items that later ones only change.
    await mintAt(stack.url, place);
    await drain();
    const trailBefore = trail.units();
    const [preflight] = await counting(() => preflightAt(stack.url, place));
    const [mint, { data, code }] = await counting(() => mintAt(stack.url, place));
    if (code !== 'ok') throw new Error(`The mint was refused: ${code}.`);
    const session: Session = { ...place, ...data };
    const connected = await report(session, 2_000, 'connected');
    const heartbeats: ByTable[] = [];
    for (let i = 0; i < HEARTBEATS; i++) heartbeats.push(await report(session, 20_000, 'heartbeat'));
    const heartbeat = meanOf(heartbeats);
    const ended = await report(session, 20_000, 'ended', { reason: 'hung_up' });
    await drain();
    // The detector writes its state once per batch, regardless of the number of records.
    const { audit } = since(trailBefore, trail.units());
    if (audit === undefined) throw new Error('The session is not in the audit trail.');
    return { preflight, mint, connected, heartbeat, ended, trail: { audit } };
  };

  try {
    const owner = await signIn(stack);
    await putPlatformKey(stack, makeFakeKey(randomBytes));
    const counts = {
      byok: await count(await owner.makePlace()),
      managed: await count(await owner.makePlace({ billing_mode: 'managed' }, { key: 'none' })),
    };
    const refused = [proxy, trail].flatMap(({ refusals }) => refusals());
    if (refused.length > 0) throw new Error(`DynamoDB would refuse what was counted. ${refused.join(' ')}`);
    return counts;
  } finally {
    for (const pump of pumps) await pump.close();
    clients.dynamoDb.destroy();
    clients.streams.destroy();
    await stack.close();
    for (const each of [proxy, trail]) await each.close();
  }
};

/** The preflight of a browser, once in ten minutes. */
const preflightAt = (url: string, { siteId }: Place): Promise<Response> =>
  fetch(`${url}/v1/${siteId}/token`, {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  });
