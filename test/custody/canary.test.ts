import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { MANAGE_ROUTES } from '../../lambdas/contract/routes/manage.ts';
import { TABLES, type TableDefinition } from '../../lambdas/contract/tables.ts';
import { AUDIT_EVENT_TYPES } from '../../lambdas/domain/audit/audit-record.ts';
import type { SiteId, WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { Secret } from '../../lambdas/domain/secret.ts';
import { signEvents } from '../../lambdas/domain/sessions/event-signature.ts';
import { DEFAULT_CONVERSATION } from '../../lambdas/domain/tenancy/conversation.ts';
import type { EndpointsOf } from '../../lambdas/http/endpoints/endpoint.ts';
import { httpHandler } from '../../lambdas/http/http-handler.ts';
import { reencryptOpenAiKey } from '../../lambdas/use-cases/keys/reencrypt-openai-key.ts';
import { storeOpenAiKey } from '../../lambdas/use-cases/keys/store-openai-key.ts';
import { storePlatformKey } from '../../lambdas/use-cases/keys/store-platform-key.ts';
import { testOpenAiKey } from '../../lambdas/use-cases/keys/test-openai-key.ts';
import type { OpenAi } from '../../lambdas/use-cases/ports/openai.ts';
import type { SessionLog } from '../../lambdas/use-cases/ports/sessions.ts';
import { mintToken } from '../../lambdas/use-cases/sessions/mint-token.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { startLocalStack } from '../../local/local-stack.ts';
import { playableFailures } from '../../local/openai/server.ts';
import {
  type Sink,
  sinksOfCalls,
  sinksOfFiles,
  sinksOfItems,
  watchOutput,
} from '../support/custody-watch.ts';
import { type Finding, secretFinder } from '../support/find-secret.ts';
import { type TableName, type Tables, tablesAt } from '../support/key-tables.ts';
import { isLong } from '../support/long-forms.ts';
import { event, eventsPath, type MintedSession, usageEvent } from '../support/reports.ts';
import { runConcurrently } from '../support/run-concurrently.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, ORIGIN, type Tenant } from '../support/tenant.ts';
import {
  callerOf,
  MINT_SETTINGS,
  mintRequest,
  RATE_LIMITS,
  useCasePorts,
} from '../support/use-case-ports.ts';

/** These keep OpenAI's connection until our deadline, so their flows run alongside all the others from the start. */
const SLOW = ['hang', 'slowbody'];
const LANES = 6;

let dataDir: string;
let stack: TestStack;
/** Another one, whose KMS and OpenAI are made to fail as a whole while the slow lives continue at the first. */
let faulty: TestStack;
let tables: Tables;
let faultyTables: Tables;
let output: ReturnType<typeof watchOutput>;

/** Every key that was ever used here, by what it was used for. */
const canaries: Record<string, string> = {};
/** Client and signing secrets of the token answers. */
const issued: Record<string, string> = {};
/** Every answer of the broker; those of a successful mint without what they exist to hand out. */
const answers: Sink[] = [];
const thrown: Sink[] = [];

const canary = (purpose: string, suffix?: string): string => {
  const key = fakeKey(suffix);
  canaries[`${purpose} #${Object.keys(canaries).length}`] = key;
  return key;
};

interface Sent {
  readonly as?: string;
  readonly body?: unknown;
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As the stack's own call, but everything that comes back is kept. */
const send = async (method: string, path: string, { as, body, rawBody, headers }: Sent = {}, to = stack) => {
  const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`${to.url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(as !== undefined && { authorization: `Bearer ${await to.tokenFor(as)}` }),
      ...(content !== undefined && { 'content-type': 'application/json' }),
      origin: ORIGIN,
      ...headers,
    },
    ...(content !== undefined && { body: content }),
  });
  let text = await response.text();
  const route = `${method} ${path.replace(/[^/?=]{40,}/g, '…')} ${response.status}`;
  const { client_secret, signing_secret, session_id } = JSON.parse(text || '{}').data ?? {};
  if (client_secret !== undefined) {
    const n = Object.keys(issued).length;
    issued[`client secret #${n}`] = client_secret.value;
    issued[`signing secret #${n}`] = signing_secret;
    text = text.replace(client_secret.value, '').replace(signing_secret, '');
  }
  answers.push({ where: `answer of ${route}`, content: `${[...response.headers].join('\n')}\n${text}` });
  const session: MintedSession | undefined = client_secret && { session_id, signing_secret };
  return { status: response.status, text, issued: client_secret?.value as string | undefined, session };
};

/** Signed as the widget does, and kept as every other answer. */
const sendReports = (
  tenant: Pick<Tenant, 'siteId'>,
  session: MintedSession,
  events: readonly unknown[],
  { to = stack, headers = {} }: { to?: TestStack; headers?: Readonly<Record<string, string>> } = {},
) => {
  const rawBody = JSON.stringify({ events });
  const t = Math.floor(to.now().getTime() / 1_000);
  const signature = `t=${t},v1=${signEvents(session.signing_secret, t, rawBody)}`;
  return send(
    'POST',
    eventsPath(tenant, session),
    { rawBody, headers: { 'x-spelo-signature': signature, ...headers } },
    to,
  );
};

const sendFaulty = (method: string, path: string, sent?: Sent) => send(method, path, sent, faulty);

const keyPaths = ({ siteId, workspaceId }: Tenant) => ({
  site: `/v1/sites/${siteId}/openai-key`,
  workspace: `/v1/workspaces/${workspaceId}/openai-key`,
});

/** The whole life of a key: every route that touches it, at one scope. Returns the status of each step. */
const live = async (scope: 'site' | 'workspace', suffix: string | undefined): Promise<number[]> => {
  const tenant = await makeTenant(stack, { openai_tier: 5 });
  const as = tenant.owner;
  const path = keyPaths(tenant)[scope];
  const key = canary(`${scope} key ${suffix ?? 'that works'}`, suffix);
  const statuses: number[] = [];
  const step = async (method: string, to: string, sent: Sent = {}) => {
    statuses.push((await send(method, to, { as, ...sent })).status);
  };
  const token = async (): Promise<void> => {
    const sent = { as, body: { visitor_id: 'visitor' } };
    const { status, session } = await send('POST', `/v1/${tenant.siteId}/token`, sent);
    statuses.push(status);
    // The reports of a session do not depend on how its key fails elsewhere.
    if (session === undefined || suffix !== undefined) return;
    const at = new Date();
    const events = [
      event('connected', at),
      event('error', at, { source: 'response', code: 'insufficient_quota' }),
      usageEvent(at, { audioOut: 20 }),
    ];
    expect((await sendReports(tenant, session, events)).status).toBe(200);
    expect((await sendReports(tenant, session, [event('ended', at, { reason: 'failed' })])).status).toBe(200);
  };
  await step('PUT', path, { body: { api_key: key } });
  const stored = statuses[0] === 200;
  if (!stored) {
    // A key that OpenAI refuses is stored by nobody; the mint meets it when it goes bad later. Stored by its own
    // words, as the use case would have, it lets every later step run on it.
    await putUnprobed(stack, tenant, scope, key);
  }
  const workspaceUrl = `/v1/workspaces/${tenant.workspaceId}`;
  const history = async () => {
    await stack.streams.drain();
    await step('GET', `${path}/versions`);
    await step('GET', `${workspaceUrl}/audit`);
    await step('GET', `${workspaceUrl}/audit/verify`);
  };
  await step('GET', path);
  await token();
  if (!SLOW.includes(suffix ?? '') || scope === 'site') await step('POST', `${path}/test`);
  await step('POST', `${path}/suspend`);
  await token();
  await step('POST', `${path}/resume`);
  await step('POST', `${path}/rotate`);
  await token();
  await step('GET', `${workspaceUrl}/errors`);
  await step('PUT', path, { body: { api_key: canary(`${scope} key, the second`) } });
  await step('POST', `${path}/rollback`);
  await token();
  await history();
  await step('DELETE', path);
  await step('GET', path);
  await token();
  await step('POST', `${path}/rotate`);
  await step('PUT', path, { body: { api_key: canary(`${scope} key, the third`) } });
  await step('POST', `${path}/rollback`);
  await step('DELETE', workspaceUrl, { body: { confirm: 'Shop' } });
  await token();
  return statuses;
};

/** Stores a key as PUT would have while it still worked: everything real but OpenAI's opinion. */
const putUnprobed = async (
  at: TestStack,
  tenant: Tenant,
  scope: 'site' | 'workspace',
  key: string,
): Promise<void> => {
  const ports = useCasePorts(at);
  const openAi = {
    ...ports.openAi,
    listModels: async () => [],
    mintClientSecret: async () => ({
      value: 'ek_none',
      expiresAt: 1,
      openAiRequestId: undefined,
      openAiSessionId: undefined,
    }),
  };
  const target =
    scope === 'site'
      ? { scope, siteId: tenant.siteId as SiteId }
      : { scope, workspaceId: tenant.workspaceId as WorkspaceId };
  await storeOpenAiKey({ ...ports, openAi }, RATE_LIMITS)(callerOf(tenant.owner), target, key);
};

/** Runs something that may throw and keeps what it threw, seen as deeply as anything can be. */
const catching = async (what: string, run: () => Promise<unknown>): Promise<unknown> => {
  try {
    await run();
    return undefined;
  } catch (error) {
    thrown.push({
      where: `error of ${what}`,
      content: inspect(error, {
        depth: Infinity,
        showHidden: true,
        maxStringLength: null,
        maxArrayLength: null,
      }),
    });
    return error;
  }
};

const streamed = async (of: TestStack): Promise<Sink[]> => {
  const settings = {
    region: 'us-east-1',
    endpoint: of.dynamoDb.endpoint,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const dynamoDb = new DynamoDBClient(settings);
  const streams = new DynamoDBStreamsClient(settings);
  const sinks: Sink[] = [];
  for (const { name, stream } of Object.values<TableDefinition>(TABLES)) {
    if (stream === undefined) continue;
    const { Table } = await dynamoDb.send(new DescribeTableCommand({ TableName: name }));
    const StreamArn = Table?.LatestStreamArn;
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
    for (const { ShardId } of StreamDescription?.Shards ?? []) {
      const { ShardIterator } = await streams.send(
        new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
      );
      let iterator = ShardIterator;
      while (iterator !== undefined) {
        const page = await streams.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 1000 }));
        const records = page.Records ?? [];
        sinks.push(...sinksOfItems(`${name} stream`, records as never));
        iterator = records.length === 0 ? undefined : page.NextShardIterator;
      }
    }
  }
  dynamoDb.destroy();
  streams.destroy();
  return sinks;
};

/** Every row of a workspace's trail, as its owner reads it, oldest first. */
const trailOf = async (
  { owner: as, workspaceId }: Tenant,
  of = stack,
): Promise<readonly { readonly type: string; readonly facts: object; readonly sequence: number }[]> => {
  const rows = [];
  for (let cursor = ''; ; ) {
    const page = await send('GET', `/v1/workspaces/${workspaceId}/audit?limit=20${cursor}`, { as }, of);
    const { items, next_cursor } = JSON.parse(page.text).data;
    rows.push(...items);
    if (next_cursor === null) return rows.reverse();
    cursor = `&cursor=${next_cursor}`;
  }
};

const sinksOf = async (of: TestStack, behind: Tables): Promise<Sink[]> => {
  const names = Object.keys(TABLES) as TableName[];
  const items = await Promise.all(names.map(async (name) => sinksOfItems(name, await behind.scan(name))));
  return [
    ...of.logs.map((content, i): Sink => ({ where: `log line ${i}`, content })),
    ...items.flat(),
    ...(await streamed(of)),
    ...sinksOfCalls(of.kms.calls, of.openAi?.requests ?? []),
  ];
};

const allSinks = async (): Promise<Sink[]> => [
  ...output.sinks(),
  ...answers,
  ...thrown,
  ...(await sinksOf(stack, tables)),
  ...(await sinksOf(faulty, faultyTables)),
  ...sinksOfFiles(dataDir),
];

const leaksIn = (
  sinks: readonly Sink[],
  secrets: Readonly<Record<string, string>>,
): (Finding & { where: string })[] => {
  const finder = secretFinder(secrets);
  return sinks.flatMap(({ where, content }) =>
    finder.find(content).map((finding) => ({ ...finding, where })),
  );
};

beforeAll(async () => {
  output = watchOutput();
  dataDir = mkdtempSync(join(tmpdir(), 'custody-'));
  const variables = { OPENAI_TIMEOUT_MS: '500' };
  [stack, faulty] = await Promise.all([
    startTestStack({ audited: false, dataDir: join(dataDir, 'stack'), variables }),
    startTestStack({ audited: false, dataDir: join(dataDir, 'faulty'), variables }),
  ]);
  [tables, faultyTables] = [tablesAt(stack.dynamoDb.endpoint), tablesAt(faulty.dynamoDb.endpoint)];
});

afterAll(async () => {
  tables?.close();
  faultyTables?.close();
  await Promise.all([stack?.close(), faulty?.close()]);
  output?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('every path through the product is run with a canary key', () => {
  // The two scopes differ in the place of a key and in the settings of its probe: a failure of each kind is enough there.
  const atWorkspace = new Set([undefined, 'revoked', 'noquota', 'err500', ...SLOW]);
  const suffixes = isLong('custody') ? [undefined, ...Object.keys(playableFailures)] : [...atWorkspace];
  const shortAtWorkspace = new Set([undefined, 'revoked', 'slowbody']);
  const lives = suffixes.flatMap((suffix) => [
    { scope: 'site', suffix } as const,
    ...((isLong('custody') ? atWorkspace : shortAtWorkspace).has(suffix)
      ? [{ scope: 'workspace', suffix } as const]
      : []),
  ]);
  const slow = lives.filter(({ suffix }) => SLOW.includes(suffix ?? ''));
  const statuses = new Map<string, number[]>();
  const run = async ({ scope, suffix }: (typeof lives)[number]): Promise<void> => {
    statuses.set(`${scope} ${suffix ?? 'ok'}`, await live(scope, suffix));
  };
  let slowLives: Promise<unknown>;

  // The long form has every failure, the short one a failure of each kind.
  test("every failure that OpenAI's stand-in can produce, through every route", async () => {
    slowLives = Promise.allSettled(slow.map(run));
    const quick = lives.filter((job) => !slow.includes(job));
    await runConcurrently(LANES, quick, run);
    // PUT, GET, token, test, suspend, token, resume, rotate, token, errors, PUT, rollback, token, versions, audit, verify,
    // DELETE, GET, token, rotate, PUT, rollback, DELETE workspace, token
    const after = [200, 404, 422, 404, 200, 409, 200, 404];
    expect(statuses.get('site ok')).toEqual([
      ...[200, 200, 200, 200, 200, 423, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200],
      ...after,
    ]);
    expect(statuses.get('workspace revoked')).toEqual([
      ...[422, 200, 422, 200, 200, 423, 200, 200, 422, 200, 200, 200, 422, 200, 200, 200],
      ...after,
    ]);
    expect(statuses.size).toBeGreaterThanOrEqual(quick.length);
  }, 300_000);

  test('the key in every place of a request where it does not belong', async () => {
    const tenant = await makeTenant(faulty);
    const as = tenant.owner;
    const { site, workspace } = keyPaths(tenant);
    const token = `/v1/${tenant.siteId}/token`;
    const workspaceUrl = `/v1/workspaces/${tenant.workspaceId}`;
    await sendFaulty('PUT', site, { as, body: { api_key: canary('in its right place') } });
    const wild = (purpose: string) => canary(`misplaced: ${purpose}`);
    const forgedCursor = (key: string) =>
      Buffer.from(JSON.stringify([key.slice(0, 22), key])).toString('base64url');
    const sent: [string, string, (key: string) => Sent & { at?: string }][] = [
      ['PUT', site, (key) => ({ rawBody: `{"api_key":"${key}"` })],
      ['PUT', site, (key) => ({ rawBody: key })],
      ['PUT', site, (key) => ({ rawBody: `{"api_key":"${key}","api_key":"${key}x"}` })],
      ['PUT', site, (key) => ({ body: { [key]: 'x' } })],
      ['PUT', site, (key) => ({ body: { api_key: { [key]: key } } })],
      ['PUT', site, (key) => ({ body: { api_key: [key] } })],
      ['PUT', site, (key) => ({ body: { api_key: `${key} and more` } })],
      ['PUT', site, (key) => ({ body: { api_key: `${key}\n${key}` } })],
      ['PUT', site, (key) => ({ body: { api_key: `sk-admin-${key.slice(8)}` } })],
      ['PUT', site, (key) => ({ body: { api_key: `ek_${key}` } })],
      ['PUT', site, (key) => ({ body: { api_key: key.repeat(9) } })],
      ['PUT', site, (key) => ({ body: { api_key: key, site_id: key } })],
      ['PUT', site, (key) => ({ body: { api_key: key }, headers: { 'content-type': 'text/plain' } })],
      ['PUT', site, (key) => ({ body: { api_key: key }, headers: { 'content-type': key } })],
      ['PUT', site, (key) => ({ at: `?api_key=${key}`, body: { api_key: key } })],
      ['PUT', site, (key) => ({ at: `?${key}=1`, body: { api_key: key } })],
      ['PUT', site, (key) => ({ body: { api_key: key }, headers: { authorization: `Bearer ${key}` } })],
      ['PUT', site, (key) => ({ rawBody: JSON.stringify({ api_key: key, padding: 'x'.repeat(70_000) }) })],
      ['PUT', `${site}/${'{key}'}`, (key) => ({ body: { api_key: key } })],
      ['PUT', '/v1/sites/{key}/openai-key', (key) => ({ body: { api_key: key } })],
      ['PUT', '/v1/workspaces/{key}/openai-key', (key) => ({ body: { api_key: key } })],
      ['GET', site, (key) => ({ at: `?key=${key}` })],
      ['GET', `${workspaceUrl}/errors`, (key) => ({ at: `?cursor=${key}` })],
      ['GET', `${workspaceUrl}/errors`, (key) => ({ at: `?limit=${key}` })],
      ['POST', `${site}/rotate`, (key) => ({ body: { api_key: key } })],
      ['POST', `${site}/rotate`, (key) => ({ at: `?${key}` })],
      ['POST', `${site}/rotate/{key}`, () => ({})],
      ['POST', `${site}/rollback`, (key) => ({ body: { version: key } })],
      ['POST', `${site}/rollback`, (key) => ({ at: `?version=${key}` })],
      ['POST', '/v1/sites/{key}/openai-key/rollback', () => ({})],
      ['GET', `${site}/versions`, (key) => ({ at: `?cursor=${key}` })],
      ['GET', `${site}/versions`, (key) => ({ at: `?cursor=${forgedCursor(key)}` })],
      ['GET', `${site}/versions/{key}`, () => ({})],
      ['GET', `${workspaceUrl}/audit`, (key) => ({ at: `?cursor=${key}` })],
      ['GET', `${workspaceUrl}/audit`, (key) => ({ at: `?cursor=${forgedCursor(key)}` })],
      ['GET', `${workspaceUrl}/audit`, (key) => ({ at: `?type=${key}` })],
      ['GET', `${workspaceUrl}/audit`, (key) => ({ at: `?site_id=${key}` })],
      ['GET', `${workspaceUrl}/audit`, (key) => ({ at: `?from=${key}` })],
      ['GET', `${workspaceUrl}/audit`, (key) => ({ at: `?actor=${key}&limit=1` })],
      ['GET', `${workspaceUrl}/audit/verify`, (key) => ({ at: `?from=${key}` })],
      ['GET', `${workspaceUrl}/audit/{key}`, () => ({})],
      ['GET', `${workspaceUrl}/members/{key}`, () => ({})],
      ['DELETE', `${workspaceUrl}/members/{key}`, () => ({})],
      ['PUT', `${workspaceUrl}/members/somebody`, (key) => ({ body: { role: key } })],
      ['PATCH', workspaceUrl, (key) => ({ body: { billing_mode: key } })],
      ['PATCH', workspaceUrl, (key) => ({ body: { alert_email: key } })],
      ['PATCH', workspaceUrl, (key) => ({ body: { openai_tier: key } })],
      ['PATCH', `/v1/sites/${tenant.siteId}`, (key) => ({ body: { model: key } })],
      ['PATCH', `/v1/sites/${tenant.siteId}`, (key) => ({ body: { voice: key } })],
      ['PATCH', `/v1/sites/${tenant.siteId}`, (key) => ({ body: { allowed_origins: [`https://a/${key}`] } })],
      [
        'PATCH',
        `/v1/sites/${tenant.siteId}`,
        (key) => ({ body: { allowed_origins: [`https://${key}@a.example`] } }),
      ],
      ['DELETE', workspaceUrl, (key) => ({ body: { confirm: key } })],
      ['POST', `${workspace}/test`, (key) => ({ body: { api_key: key } })],
      ['POST', token, (key) => ({ body: { visitor_id: key } })],
      ['POST', token, (key) => ({ body: { visitor_id: key.slice(0, 120) } })],
      ['POST', token, (key) => ({ body: { api_key: key } })],
      ['POST', token, (key) => ({ body: {}, headers: { authorization: `Bearer ${key}` } })],
      ['POST', token, (key) => ({ body: {}, headers: { origin: `https://${key}.example` } })],
      [
        'POST',
        token,
        (key) => ({
          body: {},
          headers: { 'user-agent': key, cookie: key, 'x-spelo-signature': key, 'x-api-key': key },
        }),
      ],
      [
        'POST',
        token,
        (key) => ({ body: {}, headers: { 'x-request-id': key, 'x-amzn-trace-id': key, traceparent: key } }),
      ],
      ['POST', '/v1/{key}/token', () => ({ body: {} })],
      [
        'OPTIONS',
        token,
        (key) => ({ headers: { origin: `https://${key}`, 'access-control-request-headers': key } }),
      ],
      ['GET', '/{key}', () => ({})],
      ['GET', '/v1/{key}', () => ({})],
    ];
    const accepted: string[] = [];
    const statuses: number[] = [];
    for (const [i, [method, path, of]] of sent.entries()) {
      const key = wild(`${i} ${method} ${path}`);
      const { at = '', ...request } = of(key);
      const headers = request.headers;
      const signed = headers?.['authorization'] === undefined && !path.includes('/token') ? { as } : {};
      const { status } = await sendFaulty(method, `${path.replace('{key}', key)}${at}`, {
        ...signed,
        ...request,
      });
      statuses.push(status);
      if (status < 300) accepted.push(`${method} ${path}`);
    }
    expect(statuses).toHaveLength(sent.length);
    // Accepted are only a whole key with words around it, which is stored without them, mints that carry the key in a
    // header which nothing reads, or as a visitor, who is hashed, and a search of the trail for a person of that name.
    expect(accepted).toEqual([`PUT ${site}`, `GET ${workspaceUrl}/audit`, ...Array(4).fill(`POST ${token}`)]);
    expect(statuses).toContain(400);
    expect(statuses).not.toContain(500);
  });

  test('the key in every place of a report', async () => {
    const tenant = await makeTenant(faulty);
    const { site } = keyPaths(tenant);
    await sendFaulty('PUT', site, {
      as: tenant.owner,
      body: { api_key: canary('of a session that reports') },
    });
    const { session } = await sendFaulty('POST', `/v1/${tenant.siteId}/token`, { body: {} });
    if (session === undefined) throw new Error('No session was minted.');
    const at = faulty.now();
    const key = canary('misplaced: in reports');
    const word = key.replace(/[^A-Za-z0-9_-]/g, '').slice(0, 64);
    const taken = [
      event('error', at, { source: 'response', code: key.slice(0, 100) }),
      event('error', at, { source: 'media', code: key.slice(-100) }),
      { ...event('error', at, { source: 'connect', code: null }), id: word },
      event('usage', at, { response_id: key.slice(0, 128), usage: { [key]: key, output_tokens: 1 } }),
    ];
    for (const events of [taken, taken.toReversed()])
      expect((await sendReports(tenant, session, events, { to: faulty })).status).toBe(200);
    const refused = [
      await sendReports(tenant, session, [event('error', at, { source: key, code: key })], { to: faulty }),
      await sendReports(tenant, session, [event('heartbeat', at, { [key]: key })], { to: faulty }),
      await sendReports(tenant, session, [{ ...event('heartbeat', at), at: key }], { to: faulty }),
      await sendReports(tenant, session, taken, { to: faulty, headers: { 'x-spelo-signature': key } }),
      await sendReports(tenant, session, taken, {
        to: faulty,
        headers: { origin: `https://${word}.example` },
      }),
      await sendReports(tenant, { ...session, session_id: key }, taken, { to: faulty }),
      await sendReports({ siteId: key }, session, taken, { to: faulty }),
      await sendFaulty('POST', `${eventsPath(tenant, session)}?signature=${key}`, {
        rawBody: key,
        headers: { 'content-type': 'text/plain' },
      }),
      await sendFaulty('POST', `${eventsPath(tenant, session)}?${key}=1`, { rawBody: key }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 401, 403, 404, 400, 400, 400]);
    expect((await sendReports(tenant, session, [event('heartbeat', at)], { to: faulty })).status).toBe(200);
    await sendFaulty('GET', `/v1/workspaces/${tenant.workspaceId}/errors`, { as: tenant.owner });
    faulty.advance(100_000);
    await faulty.sweep();
  });

  test('every fault of KMS', async () => {
    const kms = kmsClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_KMS: faulty.kms.endpoint });
    const KeyId = faulty.variables['MASTER_KEY_ARN'];
    const tenant = await makeTenant(faulty, { openai_tier: 5 });
    const as = tenant.owner;
    const { site } = keyPaths(tenant);
    await sendFaulty('PUT', site, { as, body: { api_key: canary('KMS faults') } });
    const seen: number[] = [];
    const exercise = async (): Promise<void> => {
      const answered = await Promise.all([
        sendFaulty('PUT', site, { as, body: { api_key: canary('KMS faults, replaced') } }),
        sendFaulty('POST', `/v1/${tenant.siteId}/token`, { body: {} }),
        sendFaulty('POST', `${site}/test`, { as }),
        sendFaulty('POST', `${site}/rotate`, { as }),
      ]);
      seen.push(...answered.map(({ status }) => status));
      // Ten probes a minute are a workspace's budget.
      faulty.advance(61_000);
    };
    const faults = [
      { errorName: 'ThrottlingException' },
      { errorName: 'KMSInternalException' },
      { errorName: 'AccessDeniedException' },
      { errorName: 'KMSInvalidStateException' },
      { errorName: 'NotFoundException' },
      { errorName: 'SomethingNewException' },
      { reset: true },
    ];
    for (const fault of faults) {
      faulty.kms.inject(fault);
      await exercise();
      faulty.kms.clearFaults();
    }
    expect(new Set(seen)).toEqual(new Set([503]));

    faulty.kms.inject({ operation: 'Decrypt', errorName: 'InvalidCiphertextException' });
    expect((await sendFaulty('POST', `/v1/${tenant.siteId}/token`, { body: {} })).status).toBe(422);
    faulty.kms.clearFaults();
    await kms.send(new DisableKeyCommand({ KeyId }));
    await exercise();
    await kms.send(new EnableKeyCommand({ KeyId }));
    kms.destroy();
    expect((await sendFaulty('POST', `/v1/${tenant.siteId}/token`, { body: {} })).status).toBe(200);
  });

  test('OpenAI errors that quote the key in every free-text field', async () => {
    const tenant = await makeTenant(faulty, { openai_tier: 5 });
    const as = tenant.owner;
    const { site } = keyPaths(tenant);
    const key = canary('quoted by OpenAI');
    await sendFaulty('PUT', site, { as, body: { api_key: key } });
    const quoted = [key, `${key.slice(0, 12)}****${key.slice(-4)}`];
    const error = (text: string) => ({ error: { message: text, type: text, code: text, param: text } });
    const failuresWith = (text: string) =>
      [
        [400, error(text)],
        [401, error(text)],
        [403, error(`Missing scopes: ${text}`)],
        [404, error(text)],
        [429, error(`Please try again in ${text}`)],
        [500, error(text)],
        [401, text],
        [200, text],
        [200, { value: text, expires_at: 1 }],
        [200, { value: 'ek_short', expires_at: text }],
      ] as const;
    // In the short form every second failure quotes the whole key, and the others quote it as OpenAI masks it.
    for (const [half, text] of quoted.entries())
      for (const [status, body] of failuresWith(text).filter(
        (_, at) => isLong('custody') || at % 2 === half,
      )) {
        faulty.openAi?.inject({ status, body });
        await sendFaulty('POST', `/v1/${tenant.siteId}/token`, { body: {} });
        await sendFaulty('POST', `${site}/test`, { as });
        await sendFaulty('PUT', site, { as, body: { api_key: key } });
        faulty.openAi?.clearFaults();
        faulty.advance(61_000);
      }
    await sendFaulty('GET', `/v1/workspaces/${tenant.workspaceId}/errors`, { as });
    await sendFaulty('GET', site, { as });
  });

  test('DynamoDB errors that quote the request, and DynamoDB outages', async () => {
    const broken = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.headers['x-amz-target']?.toString().endsWith('Query')) {
          response.destroy();
          return;
        }
        response.writeHead(500, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(
          JSON.stringify({ __type: 'InternalServerError', message: Buffer.concat(chunks).toString() }),
        );
      });
    });
    broken.listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const { port } = broken.address() as AddressInfo;
    const failing = await startTestStack({
      audited: false,
      variables: { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}` },
    });
    try {
      const tenant: Tenant = {
        owner: 'owner',
        workspaceId: 'aaaaaaaaaaaa',
        siteId: 'aaaaaaaaaaaaaaaaaaaaaaaa',
      };
      const { site, workspace } = keyPaths(tenant);
      const as = tenant.owner;
      const key = canary('without DynamoDB');
      const statuses = await Promise.all([
        send('PUT', site, { as, body: { api_key: key } }, failing),
        send('PUT', workspace, { as, body: { api_key: key } }, failing),
        send('POST', `/v1/${tenant.siteId}/token`, { body: { visitor_id: key.slice(0, 100) } }, failing),
        send('POST', `${site}/test`, { as }, failing),
        send('DELETE', site, { as }, failing),
      ]);
      expect(statuses.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
      answers.push(...failing.logs.map((content): Sink => ({ where: 'log without DynamoDB', content })));
    } finally {
      await failing.close();
      broken.closeAllConnections();
      broken.close();
    }
  });

  test('the errors thrown inside use cases, with all their attached data', async () => {
    const failing = [
      'revoked',
      'expired',
      'noscope',
      'noquota',
      'err500',
      'html502',
      'reset',
      'badjson',
      'truncated',
      'redirect',
      'huge',
      'empty',
    ];
    await runConcurrently(LANES, failing, async (suffix) => {
      const tenant = await makeTenant(faulty);
      const ports = useCasePorts(faulty);
      const key = canary(`thrown ${suffix}`, suffix);
      const target = { scope: 'site', siteId: tenant.siteId as SiteId } as const;
      const caller = callerOf(tenant.owner);
      await catching(`storeOpenAiKey ${suffix}`, () =>
        storeOpenAiKey(ports, RATE_LIMITS)(caller, target, key),
      );
      await putUnprobed(faulty, tenant, 'site', key);
      const minted = await catching(`mintToken ${suffix}`, () =>
        mintToken(ports, MINT_SETTINGS)(mintRequest(tenant)),
      );
      expect(minted).toBeInstanceOf(Error);
      await catching(`testOpenAiKey ${suffix}`, () => testOpenAiKey(ports, RATE_LIMITS)(caller, target));
      const rotating = { ...ports, sealer: { seal: () => Promise.reject(new Error('no seal')) } };
      await catching(`reencryptOpenAiKey ${suffix}`, () => reencryptOpenAiKey(rotating)(caller, target));
      const secret = Secret.fromText(key);
      thrown.push({
        where: 'a Secret, inspected',
        content: inspect(secret, { depth: Infinity, showHidden: true }),
      });
      const settings = {
        model: 'gpt-realtime',
        voice: 'marin',
        instructions: '',
        tools: [],
        conversation: DEFAULT_CONVERSATION,
        dataResidency: 'global',
      } as const;
      const adapter = await catching(`the OpenAI adapter ${suffix}`, () =>
        ports.openAi.mintClientSecret(secret, {
          settings,
          ttlSeconds: 10,
          safetyIdentifier: undefined,
          timeoutMs: 500,
        }),
      );
      expect(adapter).toBeInstanceOf(Error);
      expect((adapter as Error).cause).toBeUndefined();
      secret.destroy();
    });
    const ports = useCasePorts(faulty);
    for (const suffix of ['revoked', undefined])
      await catching('storePlatformKey', () =>
        storePlatformKey(ports)(canary('platform', suffix), callerOf('operator')),
      );
    expect(thrown.length).toBeGreaterThan(failing.length * 3);
  });

  test('errors that hold the key, thrown through the HTTP mapping', async () => {
    const key = canary('thrown through HTTP');
    const cause = Object.assign(new Error(key), { config: { headers: { authorization: `Bearer ${key}` } } });
    const errors = [
      cause,
      new Error('outer', { cause }),
      new AggregateError([cause], key),
      key,
      { message: key },
    ];
    for (const error of errors) {
      const lines: string[] = [];
      const { log, metrics, monotonicMs } = localRuntime((line) => lines.push(line));
      const handler = httpHandler<'manage'>(
        MANAGE_ROUTES,
        { health: () => Promise.reject(error) } as unknown as EndpointsOf<'manage'>,
        { log, metrics, monotonicMs, accessTokens: undefined, edgeSecretDigests: [] },
      );
      const answer = await handler(
        {
          routeKey: 'GET /v1/health',
          headers: {},
          requestContext: { requestId: 'request', http: { method: 'GET', sourceIp: '127.0.0.1' } },
        } as never,
        {} as never,
      );
      expect(answer.statusCode).toBe(503);
      answers.push({ where: 'answer to a thrown error', content: JSON.stringify(answer) });
      answers.push(...lines.map((content): Sink => ({ where: 'log of a thrown error', content })));
    }
  });

  test('the failures with long waits are played to their end', async () => {
    await slowLives;
    expect(statuses.size).toBe(lives.length);
    expect(statuses.get('site hang')?.slice(0, 4)).toEqual([200, 200, 504, 200]);
    expect(statuses.get('workspace slowbody')?.slice(0, 3)).toEqual([200, 200, 504]);
    for (const steps of statuses.values()) expect(steps).not.toContain(500);
  });
});

describe('the audit trail of these paths', () => {
  test('has each step of a key in order, is intact, and shows only the mask of a key', async () => {
    const tenant = await makeTenant(stack, { openai_tier: 5 });
    const as = tenant.owner;
    const { site } = keyPaths(tenant);
    const [first, second] = [canary('audited, the first'), canary('audited, the second')];
    await send('PUT', site, { as, body: { api_key: first } });
    await send('POST', `/v1/${tenant.siteId}/token`, { body: { visitor_id: 'visitor' } });
    await send('POST', `${site}/test`, { as });
    await send('POST', `${site}/suspend`, { as });
    await send('POST', `${site}/resume`, { as });
    await send('POST', `${site}/rotate`, { as });
    await send('PUT', site, { as, body: { api_key: second } });
    await send('POST', `${site}/rollback`, { as });
    stack.openAi?.inject({
      path: '/v1/realtime/client_secrets',
      status: 401,
      body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '' } },
      times: 1,
    });
    await send('POST', `/v1/${tenant.siteId}/token`, { body: {} });
    await send('DELETE', site, { as });
    await stack.streams.drain();

    const rows = await trailOf(tenant);
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i + 1));
    const types = new Map<string, number>();
    for (const { type } of rows) types.set(type, (types.get(type) ?? 0) + 1);
    expect(Object.fromEntries(types)).toMatchObject({
      'workspace.created': 1,
      'site.created': 1,
      'key.stored': 2,
      'key.suspended': 1,
      'key.resumed': 1,
      'key.reencrypted': 1,
      'key.rolled_back': 1,
      'key.deleted': 1,
      'key.item_written': 7,
      'key.retained_removed': 2,
      'session.reserved': 4,
      'session.issued': 2,
      'session.used': 1,
      'session.refused': 1,
    });
    const stored = rows.filter(({ type }) => type === 'key.stored').map(({ facts }) => facts);
    expect(stored).toMatchObject(
      [first, second].map((key) => ({ masked: `sk-proj-...${key.slice(-4)}`, scope: 'site' })),
    );
    const verified = await send('GET', `/v1/workspaces/${tenant.workspaceId}/audit/verify`, { as });
    expect(JSON.parse(verified.text).data).toMatchObject({ intact: true, rows: rows.length, broken: null });
  });

  test('was written completely, and every chain is intact', async () => {
    for (const [of, behind] of [
      [stack, tables],
      [faulty, faultyTables],
    ] as const) {
      await of.streams.drain();
      expect(of.logs.filter((line) => line.includes('record failed'))).toEqual([]);
      const audit = await behind.scan('audit');
      const rows = audit.filter(({ pk }) => String(pk).startsWith('AUDIT#'));
      const types = new Set(rows.map(({ type }) => type));
      expect([...types].filter((type) => !(AUDIT_EVENT_TYPES as readonly unknown[]).includes(type))).toEqual(
        [],
      );
      expect(rows.length).toBeGreaterThan(100);
      // Each session that ever was has its intent in the trail, and each that ended has its outcome.
      const told = new Set(rows.map(({ eventId }) => eventId));
      const sessions = (await behind.scan('sessions')).filter(({ sk }) => String(sk).startsWith('SESSION#'));
      const missing = sessions.flatMap(({ sessionId, state }) =>
        ['reserved', state].map((at) => `${sessionId}:${at}`).filter((eventId) => !told.has(eventId)),
      );
      expect(missing).toEqual([]);
    }
  });
});

describe('after these paths', () => {
  let sinks: readonly Sink[];
  let leaks: ReturnType<typeof leaksIn>;

  beforeAll(async () => {
    await Promise.all([stack.streams.drain(), faulty.streams.drain()]);
    sinks = await allSinks();
    leaks = leaksIn(sinks, { ...canaries, ...issued });
  });

  test('the stream of the keys table carries no image, and the stream of the audit table carries every row', async () => {
    const records = await streamed(stack);
    const recordsOf = (name: string) =>
      records
        .filter(({ where }) => where.startsWith(`table ${name} stream`))
        .map(({ content }) => JSON.parse(String(content)).dynamodb);
    const keys = recordsOf('keys');
    expect(keys.length).toBeGreaterThan(100);
    expect(keys.filter(({ NewImage, OldImage }) => (NewImage ?? OldImage) !== undefined)).toEqual([]);
    const inTable = (await tables.scan('audit')).length;
    expect(recordsOf('audit').filter(({ NewImage }) => NewImage !== undefined)).toHaveLength(inTable);
  });

  test('no twelve characters of any key are in a log, output, response, error, table, stream, file or call', () => {
    for (const kind of [
      'log line',
      'answer of',
      'error of',
      'table keys',
      'table sessions',
      'table usage',
      '/events 200',
      'table audit',
      'keys stream',
      'sessions stream',
      'tenancy stream',
      'audit stream',
      '/audit 200',
      '/audit/verify 200',
      '/openai-key/versions 200',
      '/openai-key/rotate 200',
      '/openai-key/rollback 200',
      'file ',
      '/s3/',
      'KMS',
      'OpenAI',
    ])
      expect(sinks.some(({ where }) => where.startsWith(kind) || where.includes(kind))).toBe(true);
    expect(Object.keys(canaries).length).toBeGreaterThan(isLong('custody') ? 150 : 100);
    expect(leaks.filter(({ secret }) => secret in canaries)).toEqual([]);
  });

  test('no client secret and no signing secret appear anywhere but in the one response that issues them', () => {
    expect(Object.keys(issued).length).toBeGreaterThan(20);
    expect(leaks.filter(({ secret }) => secret in issued)).toEqual([]);
    // Those that a probe minted and threw away are known to nobody here but by their shape.
    const shaped = sinks.filter(({ content }) =>
      /ek_[0-9a-f]{32}/.test(Buffer.from(content).toString('latin1')),
    );
    expect(shaped.map(({ where }) => where)).toEqual([]);
  });

  test('the searched files are those that hold the tables and the key material', () => {
    const files = sinksOfFiles(dataDir).map(({ where }) => where);
    expect(files.some((file) => file.endsWith('dynamodb.sqlite'))).toBe(true);
    expect(files.some((file) => file.endsWith('kms.json'))).toBe(true);
    expect(files.some((file) => file.includes('/s3/') && file.includes('audit'))).toBe(true);
  });
});

describe('the search finds a planted leak', () => {
  test('in the log of a stack that prints its requests', async () => {
    const lines: string[] = [];
    const runtime = localRuntime((line) => lines.push(line));
    const leaky = await startTestStack({
      audited: false,
      runtime: {
        ...runtime,
        log: {
          ...runtime.log,
          info: (message, facts) => lines.push(`${message} ${JSON.stringify(facts)} ${planted.pasted}`),
        },
      },
    });
    const planted = { pasted: fakeKey() };
    try {
      const tenant = await makeTenant(leaky);
      await leaky.call('PUT', keyPaths(tenant).site, { as: tenant.owner, body: { api_key: planted.pasted } });
    } finally {
      await leaky.close();
    }
    expect(
      leaksIn(
        lines.map((content) => ({ where: 'log', content })),
        planted,
      ).length,
    ).toBeGreaterThan(0);
  });

  describe('after a leaky port stored the plaintext in a session', () => {
    let folder: string;
    let leaky: TestStack;
    let behind: Tables;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'custody-leak-'));
      leaky = await startTestStack({ audited: false, dataDir: folder });
      behind = tablesAt(leaky.dynamoDb.endpoint);
    });

    afterAll(async () => {
      behind?.close();
      await leaky?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** One mint whose session says what `encode` makes of the plaintext, in place of OpenAI's request id. */
    const leak = async (encode: (plaintext: Buffer) => string | Uint8Array) => {
      const tenant = await makeTenant(leaky);
      const key = fakeKey();
      await leaky.call('PUT', keyPaths(tenant).site, { as: tenant.owner, body: { api_key: key } });
      const ports = useCasePorts(leaky);
      let copy: string | Uint8Array = '';
      const sessions: SessionLog = {
        ...ports.sessions,
        settle: (session, outcome) =>
          ports.sessions.settle(session, { ...outcome, openAiRequestId: copy as string }),
      };
      const openAi: OpenAi = {
        ...ports.openAi,
        mintClientSecret: async (secret, request) => {
          copy = encode(secret.bytes());
          return ports.openAi.mintClientSecret(secret, request);
        },
      };
      const patient = { ...MINT_SETTINGS, openAiTimeoutMs: 30_000 };
      await mintToken({ ...ports, sessions, openAi }, patient)(mintRequest(tenant));
      return { tenant, key };
    };

    test.each<[string, (plaintext: Buffer) => string | Uint8Array]>([
      ['as text', (bytes) => bytes.toString('utf8')],
      ['as bytes', (bytes) => Uint8Array.from(bytes)],
      ['as base64', (bytes) => bytes.toString('base64')],
      ['as hex', (bytes) => bytes.toString('hex')],
      ['in part', (bytes) => bytes.subarray(30, 50).toString('utf8')],
    ])('%s: in the table and in the file', async (_, encode) => {
      const { key } = await leak(encode);
      const inTable = sinksOfItems('sessions', await behind.scan('sessions'));
      expect(leaksIn(inTable, { key }).length).toBeGreaterThan(0);
      expect(leaksIn(sinksOfFiles(folder), { key }).length).toBeGreaterThan(0);
      expect(leaksIn(sinksOfItems('keys', await behind.scan('keys')), { key })).toEqual([]);
    });

    test('in the audit trail as well: its table, its stream, its archive and its responses', async () => {
      const { key, tenant } = await leak((bytes) => bytes.toString('base64'));
      await leaky.streams.drain();
      const inStreams = await streamed(leaky);
      const answer = await leaky.call('GET', `/v1/workspaces/${tenant.workspaceId}/audit`, {
        as: tenant.owner,
      });
      const sinks: Record<string, readonly Sink[]> = {
        table: sinksOfItems('audit', await behind.scan('audit')),
        'stream of sessions': inStreams.filter(({ where }) => where.includes('sessions stream')),
        'stream of audit': inStreams.filter(({ where }) => where.includes('audit stream')),
        archive: sinksOfFiles(folder).filter(({ where }) => where.includes('/s3/')),
        answer: [{ where: 'answer', content: answer.text }],
      };
      const found = Object.entries(sinks).map(([where, of]) => [where, leaksIn(of, { key }).length > 0]);
      expect(found).toEqual(Object.keys(sinks).map((where) => [where, true]));
    });
  });

  test('in the output of this process', () => {
    const key = fakeKey();
    const watch = watchOutput({ silent: true });
    process.stderr.write(`${key.slice(20, 40)}\n`);
    watch.stop();
    expect(leaksIn(watch.sinks(), { key })).not.toEqual([]);
  });
});

describe('places where a key once leaked', () => {
  test('a request ID or session ID of OpenAI that quotes the key puts no part of the key in a table', async () => {
    const tenant = await makeTenant(stack, { openai_tier: 5 });
    const key = fakeKey();
    await stack.call('PUT', keyPaths(tenant).site, { as: tenant.owner, body: { api_key: key } });
    stack.openAi?.inject({
      status: 401,
      headers: { 'x-request-id': key.slice(0, 60) },
      body: { error: {} },
      times: 1,
    });
    await stack.call('POST', `/v1/${tenant.siteId}/token`, { origin: ORIGIN, body: {} });
    stack.openAi?.inject({
      status: 200,
      body: { value: 'ek_0123456789', expires_at: 9_999_999_999, session: { id: key.slice(60, 100) } },
      times: 1,
    });
    await stack.call('POST', `/v1/${tenant.siteId}/token`, { origin: ORIGIN, body: {} });
    const sessions = await tables.sessionsOf(tenant.siteId);
    expect(sessions.map(({ state, openAiSessionId }) => [state, openAiSessionId])).toEqual([
      ['refused', undefined],
      ['issued', undefined],
    ]);
    expect(sessions[0]?.['openAiRequestId']).toBeUndefined();
    expect(leaksIn(sinksOfItems('sessions', sessions), { key })).toEqual([]);
  });

  test('a key in a path is not printed by the local server', async () => {
    const printed: string[] = [];
    const local = await startLocalStack({
      port: 0,
      path: process.env['PATH'],
      runtime: localRuntime(() => undefined),
      onAnswer: (line) => printed.push(line),
    });
    const key = fakeKey();
    const paths = [`/v1/sites/${key}/openai-key`, `/v1/${key}`, `/${key}?${key}`, `/v1/health?key=${key}`];
    for (const path of paths) await (await fetch(`${local.url}${path}`)).text();
    // The function warms up with three calls to KMS, which would be repeated against a port that is closed.
    while (local.kms.calls.length < 3) await setImmediate();
    await local.close();
    expect(printed.map((line) => line.replace(/\d+ ms$/, '').trim())).toEqual([
      'GET /v1/sites/{siteId}/openai-key 401',
      'GET (no route) 404',
      'GET (no route) 404',
      'GET /v1/health 400',
    ]);
    expect(
      leaksIn(
        printed.map((content) => ({ where: 'printed', content })),
        { key },
      ),
    ).toEqual([]);
  });
});
