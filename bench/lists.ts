import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import { dynamoDbAudit } from '../lambdas/adapters/aws/audit/dynamodb-audit.ts';
import { callKey } from '../lambdas/adapters/aws/calls/call-keys.ts';
import { primaryKey } from '../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import { chainRow } from '../lambdas/domain/audit/audit-record.ts';
import type { CallId } from '../lambdas/domain/calls/call.ts';
import {
  newSessionId,
  type SessionId,
  type SiteId,
  type WorkspaceId,
} from '../lambdas/domain/identifiers.ts';
import { clockMinuteOf } from '../lambdas/domain/time.ts';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import { median, mintAt, NO_BUDGETS, type Place, reportAt, signIn, withoutStreams } from './bench-stack.ts';
import { startCountingProxy } from './counting-proxy.ts';
import { print, tableOf } from './report.ts';

/**
 * Measures whether a list gets slower, or reads more, in a workspace with many sessions, errors and audit rows. `npm run
 * bench:lists [-- --json] [-- --short] [-- --rows 100,100000]`. Sessions are spread over two hours; the newest 2,500 of them
 * have a usage record.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    rows: { type: 'string' },
  },
});
const [FEW = 100, MANY = 100_000] = (options.rows ?? (options.short ? '100,3000' : '100,100000'))
  .split(',')
  .map(Number);
const TIMES = options.short ? 3 : 15;
const WITH_USAGE = 2_500;
const SPREAD_MS = 7_200_000;
/** DynamoDB takes this many items in one batch. */
const BATCH = 25;
const BATCHES_IN_FLIGHT = 4;
/** Kinds of errors of one minute; each is a row. */
const ERRORS_A_MINUTE = 4;
/** OpenAI's ID of the call of the middle session. */
const CALL_ID = 'rtc_u0_00000000000000000000' as CallId;
/** Rows that one call reads for a filter without an index (lambdas/use-cases/filtered-page.ts). */
const MOST_ROWS = 2_000;

const proxy = await startCountingProxy();
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
const owner = await signIn(stack);

type Item = Readonly<Record<string, unknown>>;

const putAll = async (puts: Iterator<{ readonly table: string; readonly item: Item }>): Promise<void> => {
  const lane = async (): Promise<void> => {
    for (;;) {
      const RequestItems: Record<string, { PutRequest: { Item: Item } }[]> = {};
      let taken = 0;
      for (; taken < BATCH; taken++) {
        const next = puts.next();
        if (next.done === true) break;
        RequestItems[next.value.table] ??= [];
        RequestItems[next.value.table]?.push({ PutRequest: { Item: next.value.item } });
      }
      if (taken === 0) return;
      await documents.send(new BatchWriteCommand({ RequestItems }));
    }
  };
  await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, lane));
};

const itemAt = async (TableName: string, Key: ReturnType<typeof primaryKey.event>): Promise<Item> => {
  const { Item } = await documents.send(new GetCommand({ TableName, Key }));
  if (Item === undefined) throw new Error(`There is nothing at ${JSON.stringify(Key)}.`);
  return Item;
};

interface Filled extends Place {
  readonly rows: number;
  /** A session in the middle. */
  readonly middle: SessionId;
}

interface Ids {
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId;
}

/** The error that the product wrote. */
const errorOf = async (workspaceId: WorkspaceId): Promise<Item> => {
  const { Items: [item] = [] } = await documents.send(
    new QueryCommand({
      TableName: TABLES.sessions.name,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': primaryKey.error(workspaceId, '', undefined, 'mint', '').pk },
      Limit: 1,
    }),
  );
  if (item === undefined) throw new Error('The workspace has no error.');
  return item;
};

/** This many rows like `error`, several in each minute before `now`. */
function* errorsLike(error: Item, { workspaceId, siteId }: Ids, rows: number, now: number) {
  for (let i = 0; i < rows; i++) {
    const at = new Date(now - Math.floor(i / ERRORS_A_MINUTE) * 60_000);
    const reason = `reason_${i % ERRORS_A_MINUTE}`;
    const times = { firstAt: at.toISOString(), lastAt: at.toISOString() };
    const key = primaryKey.error(workspaceId, clockMinuteOf(at), siteId, 'media', reason);
    yield { table: TABLES.sessions.name, item: { ...error, ...key, openAiFailure: reason, ...times } };
  }
}

/** A workspace with this many sessions, errors and audit rows, each like one that the product wrote. */
const fill = async (rows: number): Promise<Filled> => {
  const place = await owner.makePlace();
  const { data, code } = await mintAt(stack.url, place);
  if (code !== 'ok') throw new Error(`The mint was refused: ${code}.`);
  const [workspaceId, siteId] = [place.workspaceId as WorkspaceId, place.siteId as SiteId];
  const minted = { ...place, session_id: data.session_id, signing_secret: data.signing_secret };
  const reports = {
    connected: {},
    error: { source: 'media', code: 'NotAllowedError' },
    ended: { reason: 'hung_up' },
  };
  for (const [type, fields] of Object.entries(reports))
    await reportAt(stack.url, minted, new Date(), type, fields);
  const session = await itemAt(
    TABLES.sessions.name,
    primaryKey.session({ siteId, workspaceId }, data.session_id),
  );
  const usage = await itemAt(TABLES.usage.name, primaryKey.sessionUsage(siteId, data.session_id));
  const { openShard: _, dueAt: __, ...closed } = usage;
  const now = Date.now();
  const times = Array.from({ length: rows - 1 }, (___, i) => now - Math.round((i * SPREAD_MS) / rows) - 1);
  const ids = times.map((at) => newSessionId(new Date(at), randomBytes));
  let head = await dynamoDbAudit(documents, TABLES.audit.name).readHead(workspaceId);
  await putAll(
    (function* () {
      for (const [i, sessionId] of ids.entries()) {
        const createdAt = new Date(times[i] ?? now).toISOString();
        yield {
          table: TABLES.sessions.name,
          item: {
            ...session,
            ...primaryKey.session({ siteId, workspaceId }, sessionId),
            sessionId,
            createdAt,
          },
        };
        if (i < WITH_USAGE)
          yield {
            table: TABLES.usage.name,
            item: {
              ...closed,
              ...primaryKey.sessionUsage(siteId, sessionId),
              sessionId,
              issuedAt: createdAt,
            },
          };
        // The hashes are not checked here; only the rows count.
        const row = chainRow(
          {
            eventId: `evt_${i}`,
            workspaceId,
            type: 'session.issued',
            at: createdAt,
            actor: 'visitor',
            siteId,
            sessionId,
            ipHash: null,
            facts: { key_scope: 'workspace', key_version: 1 },
          },
          head,
          Buffer.alloc(32),
        );
        head = row;
        yield {
          table: TABLES.audit.name,
          item: { ...primaryKey.auditRow(workspaceId, row.sequence), ...row },
        };
      }
    })(),
  );
  await putAll(errorsLike(await errorOf(workspaceId), { workspaceId, siteId }, rows, now));
  const middle = ids[Math.floor(ids.length / 2)] ?? data.session_id;
  const call = { ...callKey.call(workspaceId, CALL_ID), siteId, sessionId: middle };
  await documents.send(new PutCommand({ TableName: TABLES.sessions.name, Item: call }));
  return { ...place, rows, middle };
};

/** The lists, each with the maximum number of rows that a call reads. */
const LISTS: readonly (readonly [string, (at: Filled) => string, number])[] = [
  ['sessions of all sites', ({ workspaceId }) => `/v1/workspaces/${workspaceId}/sessions?limit=25`, 25],
  [
    'the same, oldest first',
    ({ workspaceId }) => `/v1/workspaces/${workspaceId}/sessions?limit=25&order=oldest_first`,
    25,
  ],
  [
    'one session by its ID',
    ({ workspaceId, middle }) => `/v1/workspaces/${workspaceId}/sessions?session_id=${middle}`,
    1,
  ],
  [
    'one session by the ID of its call',
    ({ workspaceId }) => `/v1/workspaces/${workspaceId}/sessions?call_id=${CALL_ID}`,
    1,
  ],
  [
    'a filter that nothing matches',
    ({ workspaceId }) => `/v1/workspaces/${workspaceId}/sessions?problem=refused`,
    MOST_ROWS,
  ],
  ['sessions of one site', ({ siteId }) => `/v1/sites/${siteId}/sessions?limit=25`, 25],
  ['errors', ({ workspaceId }) => `/v1/workspaces/${workspaceId}/errors?limit=100`, 100],
  [
    'errors of a source that does not occur',
    ({ workspaceId }) => `/v1/workspaces/${workspaceId}/errors?source=connect`,
    MOST_ROWS,
  ],
  ['audit rows', ({ workspaceId }) => `/v1/workspaces/${workspaceId}/audit?limit=25`, 200],
  [
    'audit rows of a rare type',
    ({ workspaceId }) => `/v1/workspaces/${workspaceId}/audit?type=key.deleted`,
    25,
  ],
  [
    'audit rows of an actor that does not occur',
    ({ workspaceId }) => `/v1/workspaces/${workspaceId}/audit?actor=nobody`,
    MOST_ROWS,
  ],
];

interface Measured {
  readonly ms: number;
  readonly calls: number;
  readonly readUnits: number;
  readonly items: number;
}

const measure = async (path: string): Promise<Measured> => {
  await owner.ask('GET', path);
  const before = proxy.counts();
  const took: number[] = [];
  let items = 0;
  for (let i = 0; i < TIMES; i++) {
    const from = performance.now();
    items = (await owner.ask('GET', path)).items.length;
    took.push(performance.now() - from);
  }
  const after = proxy.counts();
  return {
    ms: median(took),
    calls: (after.calls - before.calls) / TIMES,
    readUnits: (after.readUnits - before.readUnits) / TIMES,
    items,
  };
};

try {
  const few = await fill(FEW);
  const many = await fill(MANY);
  const faults: string[] = [];
  const rows: { name: string; few: Measured; many: Measured }[] = [];
  for (const [name, pathOf, most] of LISTS) {
    const row = { name, few: await measure(pathOf(few)), many: await measure(pathOf(many)) };
    rows.push(row);
    // One unit each for a session and its usage, plus the membership and the query itself.
    const bound = 2 * most + most / 4 + 10;
    if (row.many.readUnits > bound)
      faults.push(`${name} reads ${row.many.readUnits} units of ${MANY} rows, more than ${bound}.`);
  }
  print(
    {
      tables: {
        lists: tableOf(
          [
            'List',
            `ms, ${FEW} rows`,
            `ms, ${MANY.toLocaleString('en-US')} rows`,
            '×',
            'DynamoDB calls',
            'read units',
            'rows shown',
          ],
          rows.map(({ name, few: a, many: b }) => [
            name,
            a.ms.toFixed(1),
            b.ms.toFixed(1),
            (b.ms / a.ms).toFixed(2),
            `${a.calls.toFixed(0)} → ${b.calls.toFixed(0)}`,
            `${a.readUnits.toFixed(1)} → ${b.readUnits.toFixed(1)}`,
            `${a.items} → ${b.items}`,
          ]),
        ),
      },
      figures: { rows },
      faults,
    },
    options.json,
  );
} finally {
  engine.destroy();
  await stack.close();
  await proxy.close();
}
