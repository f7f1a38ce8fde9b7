import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2, Context, DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { tokenHandler } from '../../lambdas/composition/token.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import type { LogMessage } from '../../lambdas/contract/log-messages.ts';
import { MANAGE_ROUTES } from '../../lambdas/contract/routes/manage.ts';
import type { AuditEvent } from '../../lambdas/domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { newApiToken } from '../../lambdas/domain/tenancy/api-token-text.ts';
import type { EndpointsOf } from '../../lambdas/http/endpoints/endpoint.ts';
import { type HttpHandler, httpHandler } from '../../lambdas/http/http-handler.ts';
import { auditProjector } from '../../lambdas/streams/audit-projector.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { secretFinder } from '../support/find-secret.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, ORIGIN, putSiteKey, type Tenant } from '../support/tenant.ts';

/** The closed catalogue, held complete and free of strangers by the type checker. */
const CATALOGUE = {
  'request answered': true,
  'request refused': true,
  'dependency unavailable': true,
  'unexpected error': true,
  'audit record failed': true,
  'anomaly record failed': true,
  'anomaly detected': true,
  'key does not match its mark': true,
  'tampering detected': true,
  'rotation request answered': true,
  'silent sessions closed': true,
  'the discovery document names another issuer': true,
  'models of sites looked at': true,
  'records compared': true,
  'records differ': true,
  'hang-up handled': true,
  'hang-up failed': true,
  'watch ended': true,
  'budgets not settled': true,
  'notice handled': true,
  'notice failed': true,
} as const satisfies Record<LogMessage, true>;

const FORGERIES = [
  ['a line feed', '\n{"level":"INFO","message":"request answered","status":200}'],
  ['a carriage return', '\r{"level":"INFO","message":"forged"}'],
  ['both', '\r\n\r\n{"forged":true}'],
  ['a terminal sequence', '\u001b[2K\u001b[1A\u001b]0;owned\u0007'],
  ['an eight-bit terminal sequence', '\u009b2K\u009d0;owned\u009c'],
  ['the line separator', '\u2028{"forged":true}'],
  ['the paragraph separator', '\u2029{"forged":true}'],
  ['a next-line character', '\u0085{"forged":true}'],
  ['a backspace', '\b\b\b\b forged'],
  ['a zero', '\0forged'],
  ['a quote', '","message":"forged","x":"'],
] as const;

/** Characters that split a line in some reader, or move a terminal's cursor. */
const FORGING = /[\p{Cc}\p{Zl}\p{Zp}]/u;

const expectSound = (lines: readonly string[]): void => {
  for (const line of lines) {
    expect(line).not.toMatch(FORGING);
    const entry = JSON.parse(line) as Record<string, unknown>;
    expect(Object.keys(CATALOGUE)).toContain(entry['message']);
    expect(entry['forged']).toBeUndefined();
    expect(Object.values(entry).every((value) => typeof value !== 'object')).toBe(true);
  }
};

let stack: TestStack;
let tenant: Tenant;
let handler: HttpHandler;
const direct: string[] = [];

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  tenant = await makeTenant(stack, { openai_tier: 5 });
  await putSiteKey(stack, tenant, fakeKey());
  handler = tokenHandler(
    parseEnvironment(ENVIRONMENTS.token, stack.variables),
    localRuntime((line) => direct.push(line)),
  );
});

afterAll(async () => {
  await stack?.close();
});

beforeEach(() => {
  direct.length = 0;
});

const eventOf = (change: {
  readonly routeKey?: string;
  readonly path?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly requestId?: string;
}): APIGatewayProxyEventV2 => ({
  version: '2.0',
  routeKey: change.routeKey ?? 'POST /v1/{siteId}/token',
  rawPath: `/v1/${change.path?.['siteId'] ?? tenant.siteId}/token`,
  rawQueryString: '',
  headers: { 'content-type': 'application/json', origin: ORIGIN, ...change.headers },
  pathParameters: change.path ?? { siteId: tenant.siteId },
  body: change.body ?? '{}',
  isBase64Encoded: false,
  requestContext: {
    accountId: '0',
    apiId: 'test',
    domainName: 'test',
    domainPrefix: 'test',
    http: {
      method: 'POST',
      path: '/',
      protocol: 'HTTP/1.1',
      sourceIp: '127.0.0.1',
      userAgent: change.headers?.['user-agent'] ?? '',
    },
    requestId: change.requestId ?? 'request-1',
    routeKey: change.routeKey ?? 'POST /v1/{siteId}/token',
    stage: '$default',
    time: '',
    timeEpoch: 0,
  },
});

const invoke = (change: Parameters<typeof eventOf>[0]) => handler(eventOf(change), {} as Context);

describe('no input can forge a log line', () => {
  test.each(FORGERIES)('with %s, wherever a request can carry it', async (_, forgery) => {
    const answers = await Promise.all([
      invoke({ body: JSON.stringify({ visitor_id: `visitor${forgery}` }) }),
      invoke({ body: `{"visitor_id":${forgery}` }),
      invoke({ body: JSON.stringify({ [`field${forgery}`]: 1 }) }),
      invoke({ headers: { origin: `https://shop.example${forgery}` } }),
      invoke({ headers: { 'user-agent': forgery } }),
      invoke({ headers: { 'content-type': `application/json${forgery}` } }),
      invoke({ headers: { authorization: `Bearer ${forgery}` } }),
      invoke({ path: { siteId: `abcdefgh${forgery}` } }),
      invoke({ path: { siteId: tenant.siteId, workspaceId: `abcdefgh${forgery}` } }),
      invoke({ routeKey: 'POST /v1/sites/{siteId}/openai-key/test', path: { siteId: forgery } }),
    ]);
    expect(direct).toHaveLength(answers.length);
    expectSound(direct);
    // Headers and bodies that the caller's terminal would show are as clean.
    for (const { body, headers } of answers) {
      expect(JSON.stringify(headers)).not.toMatch(/forged|owned/);
      expect(body ?? '').not.toMatch(FORGING);
    }
  });

  test.each(FORGERIES)('with %s in the names and paths of the management routes', async (_, forgery) => {
    const before = stack.logs.length;
    const as = tenant.owner;
    const inPath = encodeURIComponent(forgery);
    await stack.call('POST', '/v1/workspaces', { as, body: { name: `name${forgery}` } });
    await stack.call('PATCH', `/v1/workspaces/${tenant.workspaceId}`, { as, body: { name: `x${forgery}` } });
    await stack.call('GET', `/v1/workspaces/${inPath}`, { as });
    await stack.call('GET', `/v1/sites/${inPath}`, { as });
    await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/members/${inPath}`, { as });
    await stack.call('GET', `/v1/workspaces?cursor=${inPath}`, { as });
    await stack.call('GET', `/v1/${inPath}`, { as });
    expect(stack.logs.length - before).toBe(7);
    expectSound(stack.logs.slice(before));
  });

  test('with arbitrary text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (text) => {
        const from = direct.length;
        await invoke({ body: JSON.stringify({ visitor_id: text }), requestId: text });
        await invoke({ path: { siteId: text }, headers: { origin: text, 'user-agent': text } });
        expect(direct.length - from).toBe(2);
        expectSound(direct.slice(from));
      }),
      { numRuns: 60 },
    );
  });

  test('during a day of a site: every line is in the message catalogue', async () => {
    expect((await mint(stack, tenant)).status).toBe(200);
    expect((await mint(stack, tenant, {}, 'https://evil.example')).status).toBe(403);
    stack.kms.inject({ operation: 'Decrypt', errorName: 'DisabledException', times: 1 });
    expect((await mint(stack, tenant)).status).toBe(503);
    const messages = stack.logs.map((line) => (JSON.parse(line) as { message: string }).message);
    expect(new Set(messages)).toEqual(
      new Set(['request answered', 'request refused', 'dependency unavailable']),
    );
    expectSound(stack.logs);
  });
});

describe('an unexpected error is logged with its place and without its message', () => {
  const logOf = async (thrown: unknown): Promise<string> => {
    const lines: string[] = [];
    const { monotonicMs, log, metrics } = localRuntime((line) => lines.push(line));
    const failing = httpHandler<'manage'>(
      MANAGE_ROUTES,
      { health: () => Promise.reject(thrown) } as unknown as EndpointsOf<'manage'>,
      { log, metrics, monotonicMs, accessTokens: undefined, edgeSecretDigests: [] },
    );
    const answer = await failing(eventOf({ routeKey: 'GET /v1/health', path: {}, body: '' }), {} as Context);
    expect(answer.statusCode).toBe(503);
    expectSound(lines);
    return `${lines.join('\n')}${JSON.stringify(answer)}`;
  };

  test('its message, cause, fields and collected errors are in neither log nor response', async () => {
    const key = fakeKey();
    const finder = secretFinder({ key });
    const nested = Object.assign(new Error(`boom ${key}`, { cause: new Error(key) }), {
      key,
      request: { key },
    });
    for (const thrown of [nested, new AggregateError([nested], key), key, { key }, [key]])
      expect(finder.find(await logOf(thrown))).toEqual([]);
    expect(await logOf(nested)).toContain('logs.test.ts');
  });

  test('a line of the message that looks like a stack frame is left out', async () => {
    const key = fakeKey();
    const finder = secretFinder({ key });
    const line = `    at ${key.slice(20, 60)} (file:///${key.slice(60, 90)}.ts:1:1)`;
    for (const thrown of [
      new Error(`upstream said:\n${line}`),
      new Error(line),
      new Error(`\n${line}\n\n${line}`),
      new TypeError(`E\n${line}`),
      new Error('outer', { cause: new Error(line) }),
      new AggregateError([new Error(line)], `all:\n${line}`),
    ])
      expect(finder.find(await logOf(thrown))).toEqual([]);
    expect(await logOf(new Error(line))).toContain('logs.test.ts');
  });

  // Known defect: framesOf looks for the message that the error has now, and `stack` holds the one that it was made with.
  // Drop `.failing` when frames are counted from the end.
  test.failing('a line of the original message is left out after the message was changed', async () => {
    const key = fakeKey();
    const error = new Error(`upstream said:\n    at ${key.slice(20, 60)}`);
    // Read once, as a debugger or a wrapper would: Node itself keeps the first message without that.
    expect(error.stack).toContain('upstream said');
    error.message = 'changed';
    expect(secretFinder({ key }).find(await logOf(error))).toEqual([]);
  });

  test('an error without a stack, or with another value in its place, is logged as well', async () => {
    for (const stack of [undefined, '', 'no frames here', 'Error: x\n    nowhere'])
      expect(await logOf(Object.assign(new Error('boom'), { stack }))).toContain('"error_name":"Error"');
  });
});

describe('a record that the audit pipeline cannot process', () => {
  const record = (sequenceNumber: string): DynamoDBRecord => ({
    eventID: `event-${sequenceNumber}`,
    eventName: 'INSERT',
    dynamodb: { SequenceNumber: sequenceNumber, Keys: {} },
  });

  test.each<[string, Partial<Parameters<typeof auditProjector>[0]>]>([
    ['read', { eventOf: () => failing() }],
    ['appended', { append: async () => failing() }],
  ])(
    'that could not be %s is logged with its place, without its message, and delivered again from there',
    async (_, ports) => {
      const lines: string[] = [];
      const appended: string[] = [];
      const { log } = localRuntime((line) => lines.push(line));
      const project = auditProjector({
        eventOf: ({ eventID }) => ({ eventId: eventID }) as AuditEvent,
        append: async ({ eventId }) => {
          appended.push(eventId);
          return 'appended';
        },
        log,
        ...ports,
      });
      const answer = await project({ Records: [record('1'), record('2')] });
      expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] });
      expect(appended).toEqual([]);
      expect(lines).toHaveLength(1);
      expectSound(lines);
      const [line = ''] = lines;
      expect(JSON.parse(line)).toMatchObject({
        message: 'audit record failed',
        stream_event_id: 'event-1',
        sequence_number: '1',
        error_name: 'Error',
      });
      expect(secretFinder({ key: words }).find(line)).toEqual([]);
      expect(line).toContain('logs.test.ts');
    },
  );

  const words = fakeKey();
  const failing = (): never => {
    throw new Error(`could not:\n    at ${words.slice(10, 50)}`, { cause: new Error(words) });
  };
});

describe('the logger of a deployed function', () => {
  const logOfChild = async (facts: readonly unknown[]): Promise<string[]> => {
    const child = join(import.meta.dirname, 'children', 'log-facts.ts');
    const run = promisify(execFile)(process.execPath, [child], {
      env: { PATH: process.env['PATH'], FACTS: JSON.stringify(facts) },
    });
    const { stdout, stderr } = await run;
    return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  };

  test('redacts text shaped like a key, a client secret or an API token, in any field and at every level', async () => {
    const key = fakeKey();
    const clientSecret = `ek_${Buffer.from(fakeKey()).toString('hex').slice(30, 62)}`;
    const apiToken = newApiToken('0123456789ab' as WorkspaceId, randomBytes).text;
    const finder = secretFinder({ key, clientSecret, apiToken });
    const facts = [
      key,
      `Bearer ${key}`,
      `"${key}"`,
      `key=${key}`,
      `/v1/${key}/x`,
      `${key}${key}`,
      clientSecret,
      `x:${clientSecret}.`,
      apiToken,
      `/v1/workspaces/${apiToken}?access_token=${apiToken}`,
    ];
    const lines = await logOfChild(facts.map((note) => ({ note })));
    const [logs, metrics] = [
      lines.filter((line) => line.includes('"level"')),
      lines.filter((line) => line.includes('"_aws"')),
    ];
    expect(logs).toHaveLength(facts.length * 3);
    // Answers, their latency, and the share of it that is our own.
    expect(metrics).toHaveLength(3);
    expect(lines.flatMap((line) => finder.find(line))).toEqual([]);
    for (const line of logs) expect(line).toContain('[redacted]');
  });

  test.each(['Bearer%20', 'OPENAI_', 'key_', 'x', '0', '-', 'ek_'])(
    'redacts a key that follows "%s"',
    async (before) => {
      const key = fakeKey();
      const lines = await logOfChild([{ note: `${before}${key}` }]);
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.flatMap((line) => secretFinder({ key }).find(line))).toEqual([]);
    },
  );

  test('writes one line of JSON for each entry, whatever its fields contain', async () => {
    const facts = FORGERIES.map(([, note]) => ({ note }));
    const lines = (await logOfChild(facts)).filter((line) => line.includes('"level"'));
    expect(lines).toHaveLength(facts.length * 3);
    for (const line of lines) {
      expect(line).not.toMatch(FORGING);
      expect(JSON.parse(line)).toMatchObject({ service: 'custody', stage: 'test' });
      expect(Object.keys(CATALOGUE)).toContain((JSON.parse(line) as { message: string }).message);
    }
  });
});
