import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { makeTenant, mint, ORIGIN, type Tenant } from '../support/tenant.ts';

const MINUTE_MS = 60_000;
const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
afterAll(() => stack.close());

const preflight = ({ siteId }: Tenant, origin: string, requested = 'content-type'): Promise<TestAnswer> =>
  stack.call('OPTIONS', `/v1/${siteId}/token`, {
    origin,
    headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': requested },
  });

interface Row {
  readonly code: string;
  readonly origin: string | null;
  readonly count: number;
  readonly site_id: string;
}

const refusedRows = async (tenant: Tenant, query = ''): Promise<readonly Row[]> => {
  const path = `/v1/workspaces/${tenant.workspaceId}/errors${query}`;
  const { items } = await asOwner(stack, tenant, 'GET', path);
  return items.filter(({ code }: Row) => code === 'origin_not_allowed');
};
const countsOf = async (tenant: Tenant): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries((await refusedRows(tenant)).map(({ origin, count }) => [String(origin), count]));

const patch = (tenant: Tenant, body: unknown) =>
  stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body });

describe('calls from an origin that is not allowed', () => {
  it('are listed with origin and count, for the preflight of a browser and for the call of a script', async () => {
    const tenant = await makeTenant(stack);
    for (let call = 0; call < 3; call++)
      expectRefusal(await preflight(tenant, 'https://www.shop.example'), 403, 'origin_not_allowed');
    for (let call = 0; call < 4; call++)
      expectRefusal(await mint(stack, tenant, {}, 'https://evil.example'), 403, 'origin_not_allowed');
    expect(await countsOf(tenant)).toEqual({ 'https://www.shop.example': 3, 'https://evil.example': 4 });
    time.advance(MINUTE_MS);
    await mint(stack, tenant, {}, 'https://evil.example');
    const [newest, ...rest] = (await refusedRows(tenant)).map(({ origin, count }) => `${origin} ${count}`);
    expect(newest).toBe('https://evil.example 1');
    expect(rest.sort()).toEqual(['https://evil.example 4', 'https://www.shop.example 3']);
  });

  it.each([
    ['HTTPS://Evil.Example:443', 'https://evil.example'],
    ['http://evil.example', 'http://evil.example'],
    ['https://b\u00fccher.example', 'https://xn--bcher-kva.example'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['https://my_app.evil.example', 'https://my_app.evil.example'],
    ['null', null],
    ['https://evil.example/path', null],
    ['https://evil.example https://shop.example', null],
    ['javascript:alert(1)', null],
    ['https://user:word@evil.example', null],
    [`https://${'a'.repeat(300)}.example`, null],
  ])('from %j are listed as %j', async (sent, listed) => {
    const tenant = await makeTenant(stack);
    await mint(stack, tenant, {}, sent);
    const rows = await refusedRows(tenant);
    expect(rows.map(({ origin, count }) => [origin, count])).toEqual([[listed, 1]]);
  });

  it('are listed under at most five origins a minute, and the others are counted together', async () => {
    const tenant = await makeTenant(stack);
    for (let index = 0; index < 9; index++) {
      await mint(stack, tenant, {}, `https://evil-${index}.example`);
      await mint(stack, tenant, {}, 'https://evil-2.example');
    }
    const counts = await countsOf(tenant);
    expect(counts).toEqual({
      'https://evil-0.example': 1,
      'https://evil-1.example': 1,
      'https://evil-2.example': 10,
      'https://evil-3.example': 1,
      'https://evil-4.example': 1,
      null: 4,
    });
    // A page of the list that ends between rows of one minute continues with the next of them.
    const pages: Row[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = `?limit=1${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page = await asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/errors${query}`);
      pages.push(...page.items);
      cursor = page.next_cursor;
    }
    expect(pages.map(({ origin }) => String(origin)).sort()).toEqual(Object.keys(counts).sort());
  });

  it('cause at most sixty writes in a minute', async () => {
    const tenant = await makeTenant(stack);
    for (let call = 0; call < 80; call++) await preflight(tenant, `https://evil-${call % 7}.example`);
    const rows = await refusedRows(tenant);
    expect(rows.length).toBeLessThanOrEqual(6);
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(60);
  });

  it('count together for the anomaly detector, even from different origins', async () => {
    const tenant = await makeKeyedTenant(stack);
    for (let minute = 0; minute < 2; minute++) {
      for (let call = 0; call < 16; call++) await mint(stack, tenant, {}, `https://evil-${call % 4}.example`);
      time.advance(MINUTE_MS);
    }
    await stack.streams.drain();
    const { items } = await asOwner(
      stack,
      tenant,
      'GET',
      `/v1/workspaces/${tenant.workspaceId}/audit?type=anomaly.detected`,
    );
    expect(items).toMatchObject([{ facts: { kind: 'refused_origins' } }]);
  });
});

describe('a refused origin', () => {
  it('can be added as it is listed, and then mints', async () => {
    const tenant = await makeKeyedTenant(stack);
    await preflight(tenant, 'https://www.shop.example');
    const [row] = await refusedRows(tenant);
    expectSuccess(await patch(tenant, { allowed_origins: [ORIGIN, row?.origin] }));
    expectSuccess(await mint(stack, tenant, {}, 'https://www.shop.example'));
  });

  it('can be ignored: it stays refused, but the list and the detector no longer count it', async () => {
    const tenant = await makeKeyedTenant(stack);
    await mint(stack, tenant, {}, 'https://evil.example');
    expectSuccess(await patch(tenant, { ignored_origins: ['https://evil.example'] }));
    for (let call = 0; call < 40; call++)
      expectRefusal(await mint(stack, tenant, {}, 'https://evil.example'), 403, 'origin_not_allowed');
    expectRefusal(await preflight(tenant, 'https://evil.example'), 403, 'origin_not_allowed');
    await mint(stack, tenant, {}, 'https://other.example');
    expect(await countsOf(tenant)).toEqual({ 'https://evil.example': 1, 'https://other.example': 1 });
  });

  it.each([
    ['no origin', 'nonsense'],
    ['a wildcard', 'https://*.evil.example'],
    ['a path', 'https://evil.example/path'],
  ])('cannot be ignored as %s', async (_, ignored) => {
    const tenant = await makeTenant(stack);
    const answer = await patch(tenant, { ignored_origins: [ignored] });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['ignored_origins.0']);
  });

  it('is one of at most fifty that a site can ignore', async () => {
    const tenant = await makeTenant(stack);
    const origins = Array.from({ length: 51 }, (_, index) => `https://evil-${index}.example`);
    expectRefusal(await patch(tenant, { ignored_origins: origins }), 400, 'invalid_request');
    expectSuccess(await patch(tenant, { ignored_origins: origins.slice(1) }));
  });
});

describe('a wildcard origin', () => {
  it.each([
    'https://*.vercel.app',
    'https://*.github.io',
    'https://*.co.uk',
    'https://*.myshopify.com',
    'https://*.webflow.io',
    'https://*.s3.amazonaws.com',
    'https://*.amazonaws.com',
    'https://*.Vercel.APP:8443/',
    'https://*.公司.cn',
  ])('is refused at creation and change if many owners share its domain: %s', async (registered) => {
    const tenant = await makeTenant(stack);
    const created = await stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
      as: tenant.owner,
      body: { name: 'Other', allowed_origins: [registered] },
    });
    const changed = await patch(tenant, { allowed_origins: [ORIGIN, registered] });
    expectRefusal(created, 400, 'invalid_request');
    expect(detailPaths(created)).toEqual(['allowed_origins.0']);
    expectRefusal(changed, 400, 'invalid_request');
    expect(changed.error.details).toEqual([
      {
        path: 'allowed_origins.1',
        message: expect.stringMatching(/sites of other owners.*Register your own host/),
      },
    ]);
  });

  it.each(['https://my-shop.vercel.app', 'https://*.my-shop.vercel.app', 'https://*.shop.example.co.uk'])(
    'is accepted if its domain has one owner: %s',
    async (registered) => {
      const tenant = await makeTenant(stack);
      expectSuccess(await patch(tenant, { allowed_origins: [registered] }));
    },
  );
});

describe('the page of an app or extension', () => {
  it.each([
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'http://tauri.localhost',
    'chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh',
    'moz-extension://3b2a5f4e-0c1d-4e8f-9a7b-1c2d3e4f5a6b',
  ])('at %s passes the preflight and mints once its origin is registered', async (origin) => {
    const tenant = await makeKeyedTenant(stack, {}, { allowed_origins: [origin] });
    const asked = await preflight(tenant, origin);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
    expectSuccess(await mint(stack, tenant, {}, origin));
    expectRefusal(await mint(stack, tenant, {}, `${origin.slice(0, -1)}z`), 403, 'origin_not_allowed');
  });

  it('of Safari mints although Safari sends its ID in capitals', async () => {
    const origin = 'safari-web-extension://3B2A5F4E-0C1D-4E8F-9A7B-1C2D3E4F5A6B';
    const tenant = await makeKeyedTenant(stack, {}, { allowed_origins: [origin] });
    expect((await preflight(tenant, origin)).headers.get('access-control-allow-origin')).toBe(origin);
    expectSuccess(await mint(stack, tenant, {}, origin));
  });

  it('below a wildcard may have an underscore in its host', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { allowed_origins: ['https://*.apps.example'] });
    expectSuccess(await mint(stack, tenant, {}, 'https://my_app.apps.example'));
  });
});

describe('a preflight with the headers of tracing tools', () => {
  it('is allowed for a registered origin, with the requested header names', async () => {
    const tenant = await makeTenant(stack);
    const answer = await preflight(
      tenant,
      ORIGIN,
      'content-type,sentry-trace,baggage,traceparent,x-datadog-trace-id',
    );
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-headers')).toBe(
      'Content-Type, X-Spelo-Signature, sentry-trace, baggage, traceparent, x-datadog-trace-id',
    );
    expect(answer.headers.get('vary')).toBe('Origin, Access-Control-Request-Headers');
  });

  it('gets no CORS header for a foreign origin', async () => {
    const answer = await preflight(await makeTenant(stack), 'https://evil.example', 'content-type,baggage');
    expectRefusal(answer, 403, 'origin_not_allowed');
    expect(answer.headers.get('access-control-allow-headers')).toBeNull();
  });

  it('is allowed with any header name that a browser may send', async () => {
    const tenant = await makeTenant(stack);
    const name = fc.stringMatching(/^[a-z0-9_-]{1,64}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(name, { maxLength: 15 }), async (names) => {
        const answer = await preflight(tenant, ORIGIN, ['content-type', ...names].join(','));
        const allowed = (answer.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(', ');
        for (const each of names) expect(allowed).toContain(each);
      }),
      { numRuns: 40 },
    );
  });
});
