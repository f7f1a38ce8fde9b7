import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { dynamoDbClient } from '../lambdas/adapters/aws/clients.ts';
import { leaseItem } from '../lambdas/adapters/aws/sessions/lease-item.ts';
import { primaryKey } from '../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import { newSiteId, newWorkspaceId, type SiteId, type WorkspaceId } from '../lambdas/domain/identifiers.ts';
import { freeSlots, occupiedSlots } from '../lambdas/domain/sessions/slots.ts';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import { median, mintAt, NO_BUDGETS, type Place, send, signIn, withoutStreams } from './bench-stack.ts';
import { type Charge, type Counts, startCountingProxy } from './counting-proxy.ts';
import { print, tableOf } from './report.ts';

/**
 * Measures whether a mint gets slower, or reads and writes more, with more sites and with more sessions on its key. `npm
 * run bench:growth [-- --json] [-- --short] [-- --sites 1,10000,1000000]`.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    sites: { type: 'string' },
    sessions: { type: 'string' },
  },
});
const list = (text: string): readonly number[] => text.split(',').map(Number);
const SITES = list(options.sites ?? (options.short ? '1,500' : '1,10000,100000'));
const SESSIONS = list(options.sessions ?? (options.short ? '1,40' : '1,10,100,1000'));
const MINTS = options.short ? 5 : 40;
const FIRST_MINTS = options.short ? 2 : 20;
const SITES_OF_A_WORKSPACE = 100;
/** DynamoDB takes this many items in one batch. */
const BATCH = 25;
const BATCHES_IN_FLIGHT = 4;

/** Of the mint that is recorded; undefined: none is. */
let charges: Charge[] | undefined;
const proxy = await startCountingProxy((charge) => charges?.push(charge));
const stack = await startLocalStack({
  strict: false,
  port: 0,
  path: process.env['PATH'],
  runtime: localRuntime(() => undefined),
  variables: { ...NO_BUDGETS, AWS_ENDPOINT_URL_DYNAMODB: proxy.url },
});
proxy.forwardTo(stack.dynamoDb.endpoint);
await withoutStreams(stack);
const engine = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
const documents = DynamoDBDocumentClient.from(engine);

type Item = Readonly<Record<string, unknown>>;

const itemAt = async (
  TableName: string,
  Key: { readonly pk: string; readonly sk: string },
): Promise<Item> => {
  const { Item } = await documents.send(new GetCommand({ TableName, Key }));
  if (Item === undefined) throw new Error(`There is nothing at ${JSON.stringify(Key)}.`);
  return Item;
};

/** Adds this many sites, with a key for each workspace, in the form that the product writes. */
const addSites = async (like: Place, count: number): Promise<void> => {
  const at = { workspaceId: like.workspaceId as WorkspaceId, siteId: like.siteId as SiteId };
  const workspace = await itemAt(TABLES.tenancy.name, primaryKey.workspace(at.workspaceId));
  const site = await itemAt(TABLES.tenancy.name, primaryKey.site(at.workspaceId, at.siteId));
  const key = await itemAt(TABLES.keys.name, primaryKey.key('workspace', at.workspaceId));
  const puts: { readonly table: string; readonly item: Item }[] = [];
  for (let made = 0; made < count; made += SITES_OF_A_WORKSPACE) {
    const workspaceId = newWorkspaceId(randomBytes);
    puts.push(
      {
        table: TABLES.tenancy.name,
        item: { ...workspace, ...primaryKey.workspace(workspaceId), workspaceId },
      },
      { table: TABLES.keys.name, item: { ...key, ...primaryKey.key('workspace', workspaceId), workspaceId } },
    );
    for (let i = made; i < Math.min(count, made + SITES_OF_A_WORKSPACE); i++) {
      const siteId = newSiteId(workspaceId, randomBytes);
      const item = { ...site, ...primaryKey.site(workspaceId, siteId), workspaceId, siteId };
      puts.push({ table: TABLES.tenancy.name, item });
    }
  }
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let from = next; from < puts.length; from = next) {
      next += BATCH;
      const RequestItems: Record<string, { PutRequest: { Item: Item } }[]> = {};
      for (const { table, item } of puts.slice(from, from + BATCH)) {
        RequestItems[table] ??= [];
        RequestItems[table].push({ PutRequest: { Item: item } });
      }
      await documents.send(new BatchWriteCommand({ RequestItems }));
    }
  };
  await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, lane));
};

interface Measured {
  readonly mintMs: number;
  readonly per: Counts;
}

const faults: string[] = [];

/** The median of sequential mints. The sites take turns, so that sessions do not accumulate on one. */
const mints = async (chosen: readonly Place[], count: number): Promise<Measured> => {
  const before = proxy.counts();
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    const { code } = await mintAt(stack.url, chosen[i % chosen.length] as Place);
    took.push(performance.now() - from);
    if (code !== 'ok') faults.push(`A mint was refused: ${code}.`);
  }
  const after = proxy.counts();
  const per = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, (value - before[name as keyof Counts]) / count]),
  ) as unknown as Counts;
  return { mintMs: median(took), per };
};

interface Row extends Measured {
  readonly name: string;
}

const inSites = async (): Promise<readonly Row[]> => {
  const owner = await signIn(stack);
  const like = await owner.makePlace();
  const rows: Row[] = [];
  await mints([like], MINTS);
  let stored = 1;
  for (const sites of SITES) {
    await addSites(like, sites - stored);
    stored = sites;
    // A new site, so that it has as many sessions as in the previous row.
    const place = sites === 1 ? like : await owner.makePlace();
    await mints([place], sites === 1 ? 0 : MINTS);
    rows.push({
      name: sites === 1 ? '1 site' : `${sites.toLocaleString('en-US')} sites`,
      ...(await mints([place], MINTS)),
    });
  }
  return rows;
};

const inSessions = async (): Promise<{ readonly rows: readonly Row[]; readonly place: Place }> => {
  const owner = await signIn(stack);
  const place = await owner.makePlace({ concurrency_limit: 1_000 });
  const rows: Row[] = [];
  let running = 0;
  for (const sessions of SESSIONS) {
    if (sessions === 1) {
      // A single mint varies too much, so it uses the first mint of several keys, in a container that knows where the key is.
      const fresh = await Promise.all(Array.from({ length: FIRST_MINTS }, () => owner.makePlace()));
      await recorded(await owner.makePlace(), 'growth-items-first');
      for (const one of fresh) await arriveFromElsewhere(one);
      rows.push({ name: '1 session on the key', ...(await mints(fresh, FIRST_MINTS)) });
      continue;
    }
    const last = sessions === SESSIONS.at(-1);
    // The last session of all is the one that is recorded.
    const measuredOn = Math.min(MINTS, sessions - running - (last ? 1 : 0));
    await mints([place], sessions - running - measuredOn - (last ? 1 : 0));
    rows.push({
      name: `${sessions.toLocaleString('en-US')} sessions on the key`,
      ...(await mints([place], measuredOn)),
    });
    running = sessions;
    if (last) await recorded(place, 'growth-items');
  }
  return { rows, place };
};

/** Makes the container read the site, and nothing else: it is refused for its origin. */
const arriveFromElsewhere = async ({ siteId }: Place): Promise<void> => {
  const { code } = await send(
    stack.url,
    'POST',
    `/v1/${siteId}/token`,
    {},
    { origin: 'https://elsewhere.example' },
  );
  if (code !== 'origin_not_allowed') faults.push(`A foreign origin was answered with ${code}.`);
};

const items: Record<string, readonly string[]> = {};

/** Each unit that DynamoDB charges for one mint. */
const recorded = async (place: Place, block: string): Promise<void> => {
  proxy.counts();
  charges = [];
  await mints([place], 1);
  const names = (text: string): string =>
    text
      .replace(primaryKey.slot(place.workspaceId as WorkspaceId, '', 0).pk, '@<workspace>')
      .replaceAll(place.siteId, '<site>')
      .replaceAll(place.workspaceId, '<workspace>')
      .replace(/ses_\w{26}/, '<session>')
      .replace(/ip#.*/, 'ip#<address>')
      .replace(/\d{4}-\d\d(-\d\d)?(T\d\d:\d\d)?/, '<time>');
  items[block] = tableOf(
    ['Call', 'Table', 'Item', 'bytes', 'read units', 'write units', 'how'],
    charges.map(({ operation, table, pk, sk, bytes, how, units }) => {
      const isRead = how === 'strong' || how === 'eventual';
      const slot = operation.includes('Put') && pk.startsWith('@') ? '<slot>' : sk;
      const item = `\`${names(pk)}\`${slot === '' ? '' : ` \`${names(slot)}\``}`;
      return [operation, table, item, bytes, isRead ? units : '', isRead ? '' : units, how];
    }),
    3,
  );
  charges = undefined;
};

/** Milliseconds of the parts of reading all leases of the place, each part alone. */
const leaseTimes = async (place: Place): Promise<readonly string[]> => {
  const client = dynamoDbClient({
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint,
  });
  const ask = (id: string, only: { readonly Select?: 'COUNT' } = {}) =>
    client.send(
      new QueryCommand({
        TableName: TABLES.limits.name,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': primaryKey.slot(id as WorkspaceId, '', 0).pk },
        ...only,
      }),
    );
  const time = async (part: () => unknown): Promise<number> => {
    const took: number[] = [];
    for (let i = 0; i < MINTS; i++) {
      const from = performance.now();
      await part();
      took.push(performance.now() - from);
    }
    return median(took);
  };
  const { Items = [] } = await ask(place.workspaceId);
  const leases = Items.map((item) => leaseItem.parse(item));
  const pool = leases[0]?.pool ?? '';
  const nothing = await time(() => ask('nobody'));
  const found = await time(() => ask(place.workspaceId, { Select: 'COUNT' }));
  const answered = await time(() => ask(place.workspaceId));
  const rows = [
    ['a query of an empty partition', nothing],
    ['the engine finds the leases', found - nothing],
    ['they become an answer, and objects in the function', answered - found],
    ['each is checked and decoded', await time(() => Items.map((item) => leaseItem.parse(item)))],
    ['a free slot is chosen', await time(() => freeSlots(occupiedSlots(leases, pool, new Date()), 1_000))],
  ] as const;
  client.destroy();
  return tableOf(
    [`Reading ${leases.length.toLocaleString('en-US')} leases`, 'ms'],
    rows.map(([name, ms]) => [name, ms.toFixed(2)]),
  );
};

const printed = (rows: readonly Row[]): readonly string[] =>
  tableOf(
    ['Mint with', 'ms', '× the first row', 'DynamoDB calls', 'writes', 'write units', 'read units'],
    rows.map(({ name, mintMs, per }) => [
      name,
      mintMs.toFixed(1),
      (mintMs / (rows[0]?.mintMs ?? mintMs)).toFixed(2),
      per.calls.toFixed(1),
      per.writes.toFixed(1),
      per.writeUnits.toFixed(1),
      per.readUnits.toFixed(1),
    ]),
  );

try {
  const sites = await inSites();
  const { rows: sessions, place } = await inSessions();
  const [first] = sites;
  for (const { name, per } of sites)
    if (first !== undefined && Math.round(per.readUnits) !== Math.round(first.per.readUnits))
      faults.push(`With ${name} a mint reads ${per.readUnits} units instead of ${first.per.readUnits}.`);
  for (const { name, per } of [...sites, ...sessions])
    if (first !== undefined && Math.round(per.writes) !== Math.round(first.per.writes))
      faults.push(`With ${name} a mint writes ${per.writes} times instead of ${first.per.writes}.`);
  print(
    {
      tables: {
        'growth-sites': printed(sites),
        'growth-sessions': printed(sessions),
        'growth-leases': await leaseTimes(place),
        ...items,
      },
      figures: { sites, sessions },
      faults,
    },
    options.json,
  );
} finally {
  engine.destroy();
  await stack.close();
  await proxy.close();
}
