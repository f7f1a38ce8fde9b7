import { afterAll, describe, expect, it } from '@jest/globals';
import { detailPaths, expectCommonHeaders, expectRefusal, expectSuccess } from '../support/answers.ts';
import { makeKeyedTenant, suspendWorkspaceKey } from '../support/keyed-tenant.ts';
import { mintRefused, openAiOf } from '../support/openai.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { makeTenant, mint, ORIGIN, type Tenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

const CORS_HEADERS = /^access-control-/;
const corsHeadersOf = ({ headers }: TestAnswer): Readonly<Record<string, string>> =>
  Object.fromEntries([...headers].filter(([name]) => CORS_HEADERS.test(name)));

const preflight = ({ siteId }: Pick<Tenant, 'siteId'>, origin?: string) =>
  stack.call('OPTIONS', `/v1/${siteId}/token`, {
    ...(origin !== undefined && { origin }),
    headers: {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  });

const expectUnreadable = (answer: TestAnswer): void => {
  expect(corsHeadersOf(answer)).toEqual({});
  expect(answer.headers.get('vary')).toMatch(/\bOrigin\b/i);
};

const expectReadable = (answer: TestAnswer, origin: string): void => {
  expect(corsHeadersOf(answer)).toEqual({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'Date, Retry-After, X-Request-Id',
  });
  expect(answer.headers.get('vary')).toMatch(/\bOrigin\b/i);
};

describe('a preflight', () => {
  it('a preflight from a registered origin is allowed with exactly what the widget needs', async () => {
    const answer = await preflight(await makeTenant(stack), ORIGIN);
    expect(answer.status).toBe(204);
    expect(answer.text).toBe('');
    expectCommonHeaders(answer);
    expect(answer.headers.get('vary')).toMatch(/\bOrigin\b/i);
    expect(corsHeadersOf(answer)).toEqual({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'Content-Type, X-Spelo-Signature',
      'access-control-max-age': '600',
      'access-control-expose-headers': 'Date, Retry-After, X-Request-Id',
    });
  });

  it.each([
    ['a foreign origin', 'https://elsewhere.example', 403, 'origin_not_allowed'],
    ['no origin', undefined, 403, 'origin_not_allowed'],
  ])('from %s is refused and unreadable', async (_, origin, status, code) => {
    const answer = await preflight(await makeTenant(stack), origin);
    expectRefusal(answer, status, code);
    expectUnreadable(answer);
  });

  it.each([
    ['an unknown site', '0'.repeat(24), 404, 'site_not_found'],
    ['a malformed site id', 'Not_A-Site', 400, 'invalid_site_id'],
  ])('for %s is refused and unreadable', async (_, siteId, status, code) => {
    const answer = await preflight({ siteId }, ORIGIN);
    expectRefusal(answer, status, code);
    expectUnreadable(answer);
  });

  it('a preflight for an archived site is refused and unreadable', async () => {
    const tenant = await makeTenant(stack);
    expectSuccess(await stack.call('DELETE', `/v1/sites/${tenant.siteId}`, { as: tenant.owner }));
    const answer = await preflight(tenant, ORIGIN);
    expectRefusal(answer, 404, 'site_not_found');
    expectUnreadable(answer);
  });

  it('a preflight of a management route does not exist', async () => {
    const { siteId } = await makeTenant(stack);
    const answer = await stack.call('OPTIONS', `/v1/sites/${siteId}`, { origin: ORIGIN });
    expectRefusal(answer, 404, 'route_not_found');
    expect(corsHeadersOf(answer)).toEqual({});
  });

  it('follows changes of the registered origins from the next request', async () => {
    const tenant = await makeTenant(stack);
    const body = { allowed_origins: ['https://new.example'] };
    expectSuccess(await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body }));
    expectRefusal(await preflight(tenant, ORIGIN), 403, 'origin_not_allowed');
    expect((await preflight(tenant, 'https://new.example')).status).toBe(204);
  });
});

describe('a response to the widget', () => {
  it('is readable by the registered origin: a token', async () => {
    const answer = await mint(stack, await makeKeyedTenant(stack));
    expectSuccess(answer);
    expectReadable(answer, ORIGIN);
  });

  it('is readable by the registered origin: 422 openai_key_missing', async () => {
    const answer = await mint(stack, await makeTenant(stack));
    expectRefusal(answer, 422, 'openai_key_missing');
    expectReadable(answer, ORIGIN);
  });

  it('is readable by the registered origin: 423 openai_key_suspended', async () => {
    const tenant = await makeKeyedTenant(stack);
    await suspendWorkspaceKey(stack, tenant);
    const answer = await mint(stack, tenant);
    expectRefusal(answer, 423, 'openai_key_suspended');
    expectReadable(answer, ORIGIN);
  });

  it('is readable by the registered origin, Retry-After too: 429 busy', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    await mint(stack, tenant);
    const answer = await mint(stack, tenant);
    expectRefusal(answer, 429, 'busy');
    expectReadable(answer, ORIGIN);
  });

  it('is readable by the registered origin: 429 rate_limited of the address', async () => {
    const strict = await startTestStack({ audited: false, variables: { IP_LIMIT_PER_MINUTE: '1' } });
    try {
      const tenant = await makeTenant(strict);
      const answers = [await mint(strict, tenant), await mint(strict, tenant), await mint(strict, tenant)];
      const refused = answers.find(({ status }) => status === 429);
      if (refused === undefined) throw new Error('Nothing was refused.');
      expectRefusal(refused, 429, 'rate_limited');
      expectReadable(refused, ORIGIN);
    } finally {
      await strict.close();
    }
  });

  it('is readable by the registered origin: 502 openai_error', async () => {
    const tenant = await makeKeyedTenant(stack);
    openAiOf(stack).inject({ ...mintRefused(500, { message: 'An error.' }), times: 1 });
    const answer = await mint(stack, tenant);
    expectRefusal(answer, 502, 'openai_error');
    expectReadable(answer, ORIGIN);
  });

  it('is readable by the registered origin: 503 unavailable', async () => {
    const tenant = await makeKeyedTenant(stack);
    stack.kms.inject({ operation: 'Decrypt', errorName: 'DisabledException', times: 1 });
    const answer = await mint(stack, tenant);
    expectRefusal(answer, 503, 'unavailable');
    expectReadable(answer, ORIGIN);
  });

  it('is unreadable for any other origin', async () => {
    const answer = await mint(stack, await makeKeyedTenant(stack), {}, 'https://elsewhere.example');
    expectRefusal(answer, 403, 'origin_not_allowed');
    expectUnreadable(answer);
  });

  it('a response of a management route is unreadable for every page, even at the registered origin', async () => {
    const tenant = await makeTenant(stack);
    const options = { as: tenant.owner, origin: ORIGIN };
    expect(corsHeadersOf(await stack.call('GET', `/v1/sites/${tenant.siteId}`, options))).toEqual({});
  });
});

describe('an error for an invalid request', () => {
  const HEARTBEAT = { id: 'one', type: 'heartbeat', at: '2026-11-30T08:00:00.000Z' };
  const somebody = `ses_${'0'.repeat(26)}`;
  const cases = [
    {
      name: 'a token with a malformed body',
      path: 'token',
      body: { visitor_id: 7 },
      code: 'invalid_request',
    },
    { name: 'a call without an offer', path: 'calls', body: {}, code: 'invalid_request' },
    { name: 'a call with an offer that is none', path: 'calls', body: { sdp: 'v=0' }, code: 'invalid_offer' },
    {
      name: 'a report with a malformed body',
      path: `sessions/${somebody}/events`,
      body: { events: 7 },
      code: 'invalid_request',
    },
    {
      name: 'a report without a signature',
      path: `sessions/${somebody}/events`,
      body: { events: [HEARTBEAT] },
      code: 'invalid_signature',
    },
    {
      name: 'a report on a malformed session id',
      path: 'sessions/none/events',
      body: { events: [HEARTBEAT] },
      code: 'session_not_found',
    },
  ];
  const STATUS = { invalid_request: 400, invalid_offer: 400, invalid_signature: 401, session_not_found: 404 };
  const send = (tenant: Tenant, { path, body }: (typeof cases)[number], origin: string) =>
    stack.call('POST', `/v1/${tenant.siteId}/${path}`, { origin, body });

  it.each(cases)('is readable by the registered origin: $name', async (one) => {
    const answer = await send(await makeTenant(stack), one, ORIGIN);
    expectRefusal(answer, STATUS[one.code as keyof typeof STATUS], one.code);
    expectReadable(answer, ORIGIN);
  });

  it.each(cases)('is unreadable for any other origin: $name', async (one) => {
    const answer = await send(await makeTenant(stack), one, 'https://elsewhere.example');
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expectUnreadable(answer);
  });

  it.each(cases)('is unreadable for a site that was archived: $name', async (one) => {
    const tenant = await makeTenant(stack);
    expectSuccess(await stack.call('DELETE', `/v1/sites/${tenant.siteId}`, { as: tenant.owner }));
    expectUnreadable(await send(tenant, one, ORIGIN));
  });
});

describe('an origin that only looks like the registered one', () => {
  const variants: readonly [string, string, string][] = [
    ['null', ORIGIN, 'null'],
    ['empty', ORIGIN, ''],
    ['a star', ORIGIN, '*'],
    ['http instead of https', ORIGIN, 'http://shop.example'],
    ['another scheme', ORIGIN, 'chrome-extension://shop.example'],
    ['another port', ORIGIN, 'https://shop.example:8443'],
    ['the default port, spelled out', ORIGIN, 'https://shop.example:443'],
    ['another case of the host', ORIGIN, 'https://Shop.example'],
    ['another case of the scheme', ORIGIN, 'HTTPS://shop.example'],
    ['a trailing dot', ORIGIN, 'https://shop.example.'],
    ['a trailing slash', ORIGIN, 'https://shop.example/'],
    ['a path', ORIGIN, 'https://shop.example/page'],
    ['a longer host', ORIGIN, 'https://shop.example.evil.example'],
    ['a longer suffix', ORIGIN, 'https://evilshop.example'],
    ['a subdomain', ORIGIN, 'https://www.shop.example'],
    ['the parent domain', 'https://www.shop.example', ORIGIN],
    ['user information', ORIGIN, 'https://shop.example@evil.example'],
    ['two origins in one header', ORIGIN, 'https://shop.example https://evil.example'],
    ['a list of origins', ORIGIN, 'https://shop.example, https://evil.example'],
    ['a Latin look-alike for the punycode name', 'https://bücher.example', 'https://bucher.example'],
    [
      'the raw international name, which no browser sends',
      'https://bücher.example',
      'https://b\u00fccher.example',
    ],
    ['the punycode name in capitals', 'https://bücher.example', 'https://XN--BCHER-KVA.example'],
    ['the apex of a wildcard', 'https://*.shop.example', ORIGIN],
    ['a wildcard itself', 'https://*.shop.example', 'https://*.shop.example'],
    ['an empty label under a wildcard', 'https://*.shop.example', 'https://.shop.example'],
    ['an empty label in the middle', 'https://*.shop.example', 'https://a..shop.example'],
    ['the wildcard without its dot', 'https://*.shop.example', 'https://evilshop.example'],
    ['http under a wildcard', 'https://*.shop.example', 'http://www.shop.example'],
    ['a port under a wildcard without one', 'https://*.shop.example', 'https://www.shop.example:8443'],
    ['user information under a wildcard', 'https://*.shop.example', 'https://evil.example@a.shop.example'],
    ['a path under a wildcard', 'https://*.shop.example', 'https://evil.example/a.shop.example'],
    ['a trailing dot under a wildcard', 'https://*.shop.example', 'https://www.shop.example.'],
    ['another port of localhost', 'http://localhost:3000', 'http://localhost:3001'],
    ['another loopback name', 'http://localhost:3000', 'http://127.0.0.1:3000'],
  ];

  it.each(variants)('is refused, for the preflight and the mint: %s', async (_, registered, origin) => {
    const tenant = await makeTenant(stack, {}, { allowed_origins: [registered] });
    const path = `/v1/${tenant.siteId}/token`;
    const asked = await rawRequest(stack, { method: 'OPTIONS', path, headers: { origin } });
    const headers = { origin, 'content-type': 'application/json' };
    const posted = await rawRequest(stack, { method: 'POST', path, headers, body: '{}' });
    for (const answer of [asked, posted]) {
      expectRefusal(answer, 403, 'origin_not_allowed');
      expectUnreadable(answer);
    }
  });
});

describe('a registered origin', () => {
  const accepted: readonly [string, string, string][] = [
    ['exact', ORIGIN, ORIGIN],
    ['registered with a trailing slash', 'https://shop.example/', ORIGIN],
    ['registered with its default port', 'https://shop.example:443', ORIGIN],
    ['registered in capitals', 'HTTPS://Shop.Example', ORIGIN],
    ['with a port', 'https://shop.example:8443', 'https://shop.example:8443'],
    [
      'with an international name, sent as punycode',
      'https://bücher.example',
      'https://xn--bcher-kva.example',
    ],
    ['a subdomain of a wildcard', 'https://*.shop.example', 'https://www.shop.example'],
    ['a deeper subdomain of a wildcard', 'https://*.shop.example', 'https://a.b.shop.example'],
    ['a subdomain of a wildcard with a port', 'https://*.shop.example:8443', 'https://www.shop.example:8443'],
    ['localhost for development', 'http://localhost:3000', 'http://localhost:3000'],
  ];

  it.each(accepted)(
    'is returned by its own name, never as the pattern: %s',
    async (_, registered, origin) => {
      const tenant = await makeTenant(stack, {}, { allowed_origins: [registered, 'https://other.example'] });
      const allowed = await preflight(tenant, origin);
      expect(allowed.status).toBe(204);
      expect(corsHeadersOf(allowed)['access-control-allow-origin']).toBe(origin);
      const refused = await mint(stack, tenant, {}, origin);
      expectRefusal(refused, 422, 'openai_key_missing');
      expectReadable(refused, origin);
    },
  );

  it.each([
    '*',
    'https://*',
    'https://*.example',
    'https://a.*.shop.example',
    'https://*.*.shop.example',
    'http://*.shop.example',
    'http://shop.example',
    'https://shop.example/page',
    'https://shop.example?a=b',
    'https://shop.example#a',
    'https://user@shop.example',
    'https://shop.example.',
    'shop.example',
    'null',
    '',
    'file:///tmp',
    'javascript:alert(1)',
    'https://shop.example, https://evil.example',
  ])('cannot be registered as %p', async (registered) => {
    const tenant = await makeTenant(stack);
    const answer = await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, {
      as: tenant.owner,
      body: { allowed_origins: [ORIGIN, registered] },
    });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['allowed_origins.1']);
  });
});

describe('a request that a page may send without a preflight', () => {
  it.each([
    ['text/plain', 'text/plain'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['a multipart form', 'multipart/form-data; boundary=x'],
    ['JSON under another name', 'text/plain; application/json'],
    ['a longer name', 'application/jsonp'],
    ['no content type', undefined],
  ])('is refused before any cost: %s', async (_, contentType) => {
    const strict = await startTestStack({
      audited: false,
      variables: { IP_LIMIT_PER_MINUTE: '1', SITE_LIMIT_PER_MINUTE: '1' },
    });
    try {
      const tenant = await makeKeyedTenant(strict, { openai_tier: 1 });
      for (let i = 0; i < 3; i++) {
        const answer = await rawRequest(strict, {
          method: 'POST',
          path: `/v1/${tenant.siteId}/token`,
          headers: { origin: ORIGIN, ...(contentType !== undefined && { 'content-type': contentType }) },
          body: '{}',
        });
        expectRefusal(answer, 400, 'invalid_request');
        expect(detailPaths(answer)).toEqual(['content-type']);
      }
      expect(openAiOf(strict).requests).toEqual([]);
      expectSuccess(await mint(strict, tenant));
    } finally {
      await strict.close();
    }
  });

  it('is accepted as JSON if its content type also names a charset', async () => {
    const { siteId } = await makeKeyedTenant(stack);
    const headers = { origin: ORIGIN, 'content-type': 'Application/JSON; charset=utf-8' };
    expectSuccess(
      await rawRequest(stack, { method: 'POST', path: `/v1/${siteId}/token`, headers, body: '{}' }),
    );
  });
});
