import { afterAll, describe, expect, it } from '@jest/globals';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { secretFinder } from '../support/find-secret.ts';
import { makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { rawRequest } from '../support/raw-request.ts';
import { callRoute, pathOf, SIGNED_IN_ROUTES } from '../support/routes.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { fakeKey, makeTenant, ORIGIN } from '../support/tenant.ts';

const MAX_BODY_BYTES = 65_536;

const stack = await startTestStack({ audited: false });
const tenant = await needed(stack, makeKeyedTenant(stack, { openai_tier: 5 }));
afterAll(() => stack.close());

const workspacePath = `/v1/workspaces/${tenant.workspaceId}`;
const sitePath = `/v1/sites/${tenant.siteId}`;
const keyPath = `${workspacePath}/openai-key`;
const tokenPath = `/v1/${tenant.siteId}/token`;

/** A route that takes a body, with a valid one. */
const BODY_ROUTES: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  ['POST', '/v1/workspaces', { name: 'New' }],
  ['PATCH', workspacePath, { name: 'Shop' }],
  ['DELETE', workspacePath, { confirm: 'not its name' }],
  ['PUT', `${workspacePath}/members/somebody`, { role: 'viewer' }],
  ['POST', `${workspacePath}/sites`, { name: 'New', allowed_origins: [ORIGIN] }],
  ['PATCH', sitePath, { name: 'Shop site' }],
  ['PUT', keyPath, { api_key: 'not a key' }],
  ['PUT', `${sitePath}/openai-key`, { api_key: 'not a key' }],
  ['POST', tokenPath, {}],
];

const send = (method: string, path: string, rawBody: string): Promise<TestAnswer> =>
  stack.call(method, path, { as: tenant.owner, origin: ORIGIN, rawBody });

/** A refusal that names exactly these paths. */
const expectInvalid = (answer: TestAnswer, ...paths: readonly string[]): void => {
  expectRefusal(answer, 400, 'invalid_request');
  expect(detailPaths(answer)).toEqual(paths);
};

describe.each(BODY_ROUTES)('the body of %s %s', (method, path, valid) => {
  it.each(['site_id', 'workspace_id', 'version', 'owner', 'api_keys', 'state', 'base_url', 'constructor'])(
    'may not have the unknown field %s',
    async (name) => {
      expectInvalid(await send(method, path, JSON.stringify({ ...valid, [name]: 'x' })), name);
    },
  );

  it('may not have the field __proto__', async () => {
    const inherited = JSON.stringify(valid);
    const fields = inherited.slice(1, -1);
    expectInvalid(
      await send(method, path, `{"__proto__": ${inherited}${fields && `, ${fields}`}}`),
      '__proto__',
    );
    const alone = await send(method, path, `{"__proto__": ${inherited}}`);
    expectRefusal(alone, 400, 'invalid_request');
  });

  it.each(['', ' ', '{', '{"a":}', "{'a': 1}", '{} {}', 'undefined', 'NaN', '\u0000', '{"a": 1,}', '// {}'])(
    'must be JSON, not %p',
    async (text) => {
      const answer = await rawRequest(stack, {
        method,
        path,
        headers: {
          'content-type': 'application/json',
          origin: ORIGIN,
          authorization: `Bearer ${await stack.tokenFor(tenant.owner)}`,
        },
        body: text,
      });
      expectInvalid(answer, 'body');
    },
  );

  it.each(['null', '[]', '[{}]', '"text"', '1', 'true'])('must be an object, not %s', async (text) => {
    expectInvalid(await send(method, path, text), 'body');
  });

  it('may be up to 64 KiB long, counted in bytes', async () => {
    const text = JSON.stringify(valid);
    const exact = text + ' '.repeat(MAX_BODY_BYTES - text.length);
    expect((await send(method, path, exact)).error?.details?.[0]?.path).not.toBe('body');
    expectInvalid(await send(method, path, `${exact} `), 'body');
    const wide = JSON.stringify({ ...valid, name: 'ü'.repeat(MAX_BODY_BYTES / 2) });
    expectInvalid(await send(method, path, wide), 'body');
  });

  it.each([
    ['arrays', '['.repeat(30_000), ''],
    ['closed arrays', '['.repeat(20_000), ']'.repeat(20_000)],
    ['objects', '{"a":'.repeat(10_000), ''],
    ['closed objects', `${'{"a":'.repeat(10_000)}1`, '}'.repeat(10_000)],
  ])('is refused however deep it is nested: %s', async (_, open, close) => {
    expectRefusal(await send(method, path, `${open}${close}`), 400, 'invalid_request');
    const nested = close === '' ? '{"a":[1]}' : `${open}${close}`;
    expectRefusal(await send(method, path, `{"visitor_id": ${nested}}`), 400, 'invalid_request');
  });
});

describe('a field', () => {
  const wrong: readonly [string, string, string, unknown, string][] = [
    ['POST', '/v1/workspaces', 'name', 1, 'name'],
    ['POST', '/v1/workspaces', 'name', '', 'name'],
    ['POST', '/v1/workspaces', 'name', '   ', 'name'],
    ['POST', '/v1/workspaces', 'name', 'a\nb', 'name'],
    ['POST', '/v1/workspaces', 'name', 'a\u001b[31m', 'name'],
    ['POST', '/v1/workspaces', 'name', 'a\u2028b', 'name'],
    ['POST', '/v1/workspaces', 'name', 'a'.repeat(101), 'name'],
    ['PATCH', workspacePath, 'name', null, 'name'],
    ['PATCH', workspacePath, 'billing_mode', 'free', 'billing_mode'],
    ['PATCH', workspacePath, 'openai_tier', '3', 'openai_tier'],
    ['PATCH', workspacePath, 'openai_tier', 0, 'openai_tier'],
    ['PATCH', workspacePath, 'openai_tier', 6, 'openai_tier'],
    ['PATCH', workspacePath, 'openai_tier', 1.5, 'openai_tier'],
    ['PATCH', workspacePath, 'concurrency_limit', 0, 'concurrency_limit'],
    ['PATCH', workspacePath, 'concurrency_limit', 1_001, 'concurrency_limit'],
    ['PATCH', workspacePath, 'anomaly_response', 'shrug', 'anomaly_response'],
    ['PATCH', workspacePath, 'alert_email', 'nobody', 'alert_email'],
    ['PATCH', sitePath, 'allowed_origins', [], 'allowed_origins'],
    ['PATCH', sitePath, 'allowed_origins', ORIGIN, 'allowed_origins'],
    ['PATCH', sitePath, 'allowed_origins', Array(51).fill(ORIGIN), 'allowed_origins'],
    ['PATCH', sitePath, 'allowed_origins', [ORIGIN, 1], 'allowed_origins.1'],
    ['PATCH', sitePath, 'model', 'gpt realtime', 'model'],
    ['PATCH', sitePath, 'model', '../models', 'model'],
    ['PATCH', sitePath, 'voice', 'hal', 'voice'],
    ['PATCH', sitePath, 'instructions', 'a'.repeat(16_001), 'instructions'],
    ['PATCH', sitePath, 'data_residency', 'https://evil.example', 'data_residency'],
    ['PATCH', sitePath, 'client_secret_ttl_seconds', 9, 'client_secret_ttl_seconds'],
    ['PATCH', sitePath, 'client_secret_ttl_seconds', 7_201, 'client_secret_ttl_seconds'],
    ['PATCH', sitePath, 'max_duration_seconds', 29, 'max_duration_seconds'],
    ['PATCH', sitePath, 'max_duration_seconds', 3_601, 'max_duration_seconds'],
    ['PUT', `${workspacePath}/members/somebody`, 'role', 'root', 'role'],
    ['PUT', `${workspacePath}/members/somebody`, 'role', ['owner'], 'role'],
    ['PUT', keyPath, 'api_key', 1, 'api_key'],
    ['PUT', keyPath, 'api_key', null, 'api_key'],
    ['PUT', keyPath, 'api_key', ['sk-'], 'api_key'],
    ['PUT', keyPath, 'api_key', 'a'.repeat(4_097), 'api_key'],
    ['DELETE', workspacePath, 'confirm', true, 'confirm'],
    ['POST', tokenPath, 'visitor_id', 1, 'visitor_id'],
    ['POST', tokenPath, 'visitor_id', null, 'visitor_id'],
    ['POST', tokenPath, 'visitor_id', '', 'visitor_id'],
    ['POST', tokenPath, 'visitor_id', 'a'.repeat(129), 'visitor_id'],
    ['POST', tokenPath, 'visitor_id', { $ne: null }, 'visitor_id'],
    ['POST', tokenPath, 'visitor_id', 'a\u0000b', 'visitor_id'],
  ];

  it.each(wrong)('%s %s refuses %s = %j and names the field', async (method, path, name, value, expected) => {
    expectInvalid(await send(method, path, JSON.stringify({ [name]: value })), expected);
  });

  it('is named if it is missing', async () => {
    const answer = await send('POST', `${workspacePath}/sites`, '{}');
    expectInvalid(answer, 'name', 'allowed_origins');
    expectInvalid(await send('PUT', keyPath, '{}'), 'api_key');
    expectInvalid(await send('DELETE', workspacePath, '{}'), 'confirm');
  });

  it.each([
    ['PATCH', workspacePath, '{"name": "a", "name": "b"}', 'name'],
    ['PATCH', workspacePath, '{"openai_tier": 1, "name": "a", "openai_tier": 5}', 'openai_tier'],
    ['PUT', keyPath, '{"api_key": "a", "api_key": "b"}', 'api_key'],
    ['PUT', `${workspacePath}/members/somebody`, '{"role": "viewer", "r\\u006fle": "owner"}', 'role'],
    ['POST', tokenPath, '{"visitor_id": "a", "visitor_id": "b"}', 'visitor_id'],
  ])('%s %s refuses a duplicate field: %s', async (method, path, text, name) => {
    expectInvalid(await send(method, path, text), name);
  });

  it.each(['1e999', '-1e999', '1e-999', '123456789012345678901234567890', '0x10', '01', '+1'])(
    'may not be the number %s',
    async (number) => {
      const answer = await send('PATCH', workspacePath, `{"concurrency_limit": ${number}}`);
      expectRefusal(answer, 400, 'invalid_request');
    },
  );
});

describe('a route without a body in the contract', () => {
  const bodyless = SIGNED_IN_ROUTES.filter(({ body, method }) => body === undefined && method !== 'GET');

  it.each(bodyless)('$method $path refuses a body', async (route) => {
    const mine = await makeKeyedTenant(stack);
    const options = { as: mine.owner, about: 'somebody', rawBody: '{"force": true}' };
    expectInvalid(await callRoute(stack, route, mine, options), 'body');
  });

  it('takes an empty object, as some clients always send', async () => {
    expectSuccess(await send('POST', `${keyPath}/resume`, '{}'));
  });
});

describe('a query', () => {
  it.each(SIGNED_IN_ROUTES)('$method $path refuses an unknown parameter', async (route) => {
    const mine = await makeTenant(stack);
    const path = `${pathOf(route, mine, 'somebody')}?workspace_id=x`;
    const named = route.query === undefined ? 'query' : 'workspace_id';
    const rawBody = route.body === undefined ? {} : { rawBody: '{}' };
    expectInvalid(await stack.call(route.method, path, { as: mine.owner, ...rawBody }), named);
  });

  it('of the token route refuses an unknown parameter', async () => {
    expectInvalid(await send('POST', `${tokenPath}?site_id=x`, '{}'), 'query');
  });

  it('refuses a duplicate parameter', async () => {
    expectInvalid(await stack.call('GET', '/v1/workspaces?limit=1&limit=2', { as: tenant.owner }), 'limit');
  });
});

describe('an ID in a path', () => {
  it.each(['A'.repeat(12), 'short', '0'.repeat(13), 'ü'.repeat(12), '%00', '..%2f..', "'%20OR%201=1", '$ne'])(
    'of a workspace is reported as unknown if it is malformed: %p',
    async (id) => {
      for (const path of ['', '/sites', '/openai-key', '/errors']) {
        const answer = await stack.call('GET', `/v1/workspaces/${id}${path}`, { as: tenant.owner });
        expectRefusal(answer, 404, 'workspace_not_found');
      }
    },
  );

  it.each(['A'.repeat(24), 'short', '0'.repeat(33), '0'.repeat(23), 'ü'.repeat(24), '%00', '..%2f..', '$ne'])(
    'of a site is reported as unknown if it is malformed: %p',
    async (id) => {
      for (const path of ['', '/openai-key']) {
        const answer = await stack.call('GET', `/v1/sites/${id}${path}`, { as: tenant.owner });
        expectRefusal(answer, 404, 'site_not_found');
      }
    },
  );

  it.each(['A'.repeat(24), 'short', '0'.repeat(33), 'ü'.repeat(24), '%00', '..%2f..', '%20', '0%0a1234567'])(
    'of a site is invalid_site_id on the public route if it is malformed: %p',
    async (id) => {
      expectRefusal(await send('POST', `/v1/${id}/token`, '{}'), 400, 'invalid_site_id');
      const preflight = await stack.call('OPTIONS', `/v1/${id}/token`, { origin: ORIGIN });
      expectRefusal(preflight, 400, 'invalid_site_id');
    },
  );

  it('of a site is refused as malformed before a malformed body', async () => {
    expectRefusal(await send('POST', '/v1/Not_A-Site/token', '{ no json'), 400, 'invalid_site_id');
  });

  it.each([
    ['blank', '%20'],
    ['blank at its end', 'somebody%20'],
    ['with a control character', 'a%00b'],
    ['with a line separator', 'a%E2%80%A8b'],
    ['too long', 'a'.repeat(257)],
    ['too long for the table', '%F0%9F%98%80'.repeat(256)],
  ])('of a member is refused as malformed and not stored: %s', async (_, sub) => {
    const mine = await makeTenant(stack);
    const members = `/v1/workspaces/${mine.workspaceId}/members`;
    const answer = await stack.call('PUT', `${members}/${sub}`, { as: mine.owner, body: { role: 'viewer' } });
    expectInvalid(answer, 'sub');
    expect(expectSuccess(await stack.call('GET', members, { as: mine.owner })).items).toHaveLength(1);
  });
});

describe('a request for an unknown route', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v2/workspaces'],
    ['GET', '/v1/nothing'],
    ['GET', `${workspacePath}/nothing`],
    ['GET', `${workspacePath}/`],
    ['GET', `${sitePath}/openai-key/plaintext`],
    ['GET', tokenPath],
    ['PUT', tokenPath],
    ['DELETE', tokenPath],
    ['PATCH', '/v1/workspaces'],
    ['POST', workspacePath],
    ['POST', keyPath],
    ['GET', `${keyPath}/test`],
    ['POST', '/v1/health'],
    ['DELETE', '/v1/health'],
    ['GET', '/v1/workspaces/../health/x'],
    ['GET', '/.git/config'],
  ])('returns 404 route_not_found: %s %s', async (method, path) => {
    expectRefusal(await stack.call(method, path, { as: tenant.owner }), 404, 'route_not_found');
    expectRefusal(await stack.call(method, path), 404, 'route_not_found');
  });

  it.each([
    ['two slashes', '//'],
    ['a bare percent sign', '/%'],
    ['a broken escape', '/%zz'],
    ['an empty segment', '/v1//token'],
    ['escaped dots', '/v1/%2e%2e/token'],
    ['broken UTF-8', '/v1/%E0%A4%A/token'],
    ['a very long path', `/${'a'.repeat(6_000)}`],
  ])('never returns a 5xx: %s', async (_, path) => {
    const { status } = await rawRequest(stack, { method: 'POST', path });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });
});

describe('the limits of API Gateway in the local gateway', () => {
  const health = (letters: number) =>
    rawRequest(stack, { method: 'GET', path: '/v1/health', headers: { 'x-long': 'a'.repeat(letters) } });

  it('allow a request line with headers of 10,000 bytes', async () => {
    expectSuccess(await health(10_000));
  });

  it('return 431 for more than 10,240 bytes', async () => {
    expect(await health(10_240)).toMatchObject({ status: 431 });
  });
});

describe('the health route', () => {
  it('returns only status and version, without a sign-in', async () => {
    const answer = await stack.call('GET', '/v1/health');
    expect(expectSuccess(answer)).toEqual({
      status: 'ok',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });
});

describe('a key in the wrong place of a request', () => {
  const key = fakeKey();
  const { find } = secretFinder({ key });

  const places: readonly [string, () => Promise<TestAnswer>][] = [
    ['as a field name', () => send('POST', '/v1/workspaces', JSON.stringify({ [key]: 1 }))],
    ['as a field name of the token route', () => send('POST', tokenPath, JSON.stringify({ [key]: 1 }))],
    ['as a field name that stands twice', () => send('PATCH', workspacePath, `{"${key}": 1, "${key}": 2}`)],
    [
      'as a nested field name',
      () => send('PATCH', sitePath, JSON.stringify({ allowed_origins: [{ [key]: 1 }] })),
    ],
    ['as an enum', () => send('PATCH', sitePath, JSON.stringify({ voice: key }))],
    ['as a model', () => send('PATCH', sitePath, JSON.stringify({ model: key }))],
    ['as an origin', () => send('PATCH', sitePath, JSON.stringify({ allowed_origins: [key] }))],
    ['as a role', () => send('PUT', `${workspacePath}/members/somebody`, JSON.stringify({ role: key }))],
    ['as an email address', () => send('PATCH', workspacePath, JSON.stringify({ alert_email: key }))],
    ['as a number', () => send('PATCH', workspacePath, JSON.stringify({ openai_tier: key }))],
    ['as a confirmation', () => send('DELETE', workspacePath, JSON.stringify({ confirm: key.slice(0, 90) }))],
    ['as the whole body', () => send('PUT', keyPath, key)],
    ['as a JSON string', () => send('PUT', keyPath, JSON.stringify(key))],
    ['with a field too many', () => send('PUT', keyPath, JSON.stringify({ api_key: key, version: 1 }))],
    ['beside another', () => send('PUT', keyPath, JSON.stringify({ api_key: `${key} ${fakeKey()}` }))],
    ['twice', () => send('PUT', keyPath, JSON.stringify({ api_key: [key, key] }))],
    ['in the query', () => stack.call('GET', `/v1/workspaces?${key}=${key}`, { as: tenant.owner })],
    ['as a cursor', () => stack.call('GET', `/v1/workspaces?cursor=${key}`, { as: tenant.owner })],
    ['as a limit', () => stack.call('GET', `/v1/workspaces?limit=${key}`, { as: tenant.owner })],
    ['as a workspace id', () => stack.call('GET', `/v1/workspaces/${key}`, { as: tenant.owner })],
    ['as a site id', () => send('POST', `/v1/${key}/token`, '{}')],
    ['as a path', () => stack.call('GET', `/${key}`, { as: tenant.owner })],
    [
      'as a content type',
      () => stack.call('POST', tokenPath, { body: {}, headers: { 'content-type': key } }),
    ],
    [
      'as an access token',
      () => stack.call('GET', sitePath, { headers: { authorization: `Bearer ${key}` } }),
    ],
    [
      'as an origin header',
      () => stack.call('POST', tokenPath, { body: {}, origin: `https://${key}.example` }),
    ],
    ['as a member', () => stack.call('GET', `${workspacePath}/members/${key}`, { as: tenant.owner })],
  ];

  it.each(places)('is refused, and appears in no response and no log: %s', async (_, request) => {
    const answer = await request();
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    // API Gateway's own refusal of an access token has no code.
    expectRefusal(answer, answer.status, answer.error?.code);
    expect(find(answer.text)).toEqual([]);
    expect(find(JSON.stringify([...answer.headers]))).toEqual([]);
    expect(find(stack.logs.join('\n'))).toEqual([]);
  });

  it('would be found by the search of this test', () => {
    expect(find(`error: ${key.slice(20, 40)}`)).not.toEqual([]);
    expect(stack.logs.length).toBeGreaterThan(0);
  });
});
