import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { newApiToken } from '../../lambdas/domain/tenancy/api-token-text.ts';
import { auditPath, ofType, settledTrail } from '../e2e-custody/trail.ts';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { tablesAt } from '../support/key-tables.ts';
import { addMember, joinAs } from '../support/people.ts';
import { callRoute, ROLE_ROUTES } from '../support/routes.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { fakeKey, makeTenant, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});

const DAY_MS = 24 * 60 * 60_000;
const pathOf = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}/api-tokens`;
const workspaceOf = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}`;
const siteOf = ({ siteId }: Tenant): string => `/v1/sites/${siteId}`;

const create = async (tenant: Tenant, body: object = {}, as = tenant.owner) =>
  expectSuccess(
    await stack.call('POST', pathOf(tenant), { as, body: { name: 'Export', role: 'viewer', ...body } }),
    201,
  );

const withToken = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

const call = (token: string, method: string, path: string, body?: unknown): Promise<TestAnswer> =>
  stack.call(method, path, { ...withToken(token), ...(body !== undefined && { body }) });

const expectInvalid = (answer: TestAnswer, reason: RegExp): void => {
  expectRefusal(answer, 401, 'api_token_invalid');
  expect(answer.error.details).toEqual([{ path: 'authorization', message: expect.stringMatching(reason) }]);
};

const SECOND_SITE = { name: 'Second', allowed_origins: ['https://second.example'] };
const addSite = async (tenant: Tenant): Promise<string> =>
  expectSuccess(
    await stack.call('POST', `${workspaceOf(tenant)}/sites`, { as: tenant.owner, body: SECOND_SITE }),
    201,
  ).site_id;

describe('an API token', () => {
  it('is shown once, is listed without its text, and is refused as soon as it is revoked', async () => {
    const tenant = await makeTenant(stack);
    const { token, ...created } = await create(tenant);
    expect(token).toMatch(new RegExp(`^spk_${tenant.workspaceId}[0-9a-z]{74}$`));
    const listed = await stack.call('GET', pathOf(tenant), { as: tenant.owner });
    expect(expectSuccess(listed).items).toEqual([created]);
    expect(expectSuccess(await call(token, 'GET', siteOf(tenant))).site_id).toBe(tenant.siteId);
    expectSuccess(await stack.call('DELETE', `${pathOf(tenant)}/${created.token_id}`, { as: tenant.owner }));
    expectInvalid(await call(token, 'GET', siteOf(tenant)), /revoked/);
    expect(expectSuccess(await stack.call('GET', pathOf(tenant), { as: tenant.owner })).items).toEqual([]);
    const again = await stack.call('DELETE', `${pathOf(tenant)}/${created.token_id}`, { as: tenant.owner });
    expectRefusal(again, 404, 'api_token_not_found');
  });

  it('is stored only as a hash: its text is in no table, queue, log line or later response', async () => {
    const tenant = await makeTenant(stack);
    const { token } = await create(tenant);
    await call(token, 'GET', workspaceOf(tenant));
    await call(`${token}0`, 'GET', workspaceOf(tenant));
    await stack.call('GET', `${workspaceOf(tenant)}?access_token=${token}`, withToken(token));
    await call(token, 'GET', `/v1/workspaces/${token}`);
    await call(token, 'PATCH', siteOf(tenant), { name: token, [token]: token });
    await settledTrail(stack, tenant);
    const listed = await stack.call('GET', pathOf(tenant), { as: tenant.owner });
    const audit = await stack.call('GET', auditPath(tenant), { as: tenant.owner });
    const everything = [
      listed.text,
      audit.text,
      ...(
        await Promise.all(
          (['tenancy', 'audit', 'limits', 'sessions'] as const).map((name) => tables.scan(name)),
        )
      ).map((items) => JSON.stringify(items)),
      JSON.stringify(stack.sqs.viewOf('notices')),
      stack.logs.join('\n'),
    ].join('\n');
    expect(everything).toContain(tenant.workspaceId);
    // Without what every ID of the workspace has.
    expect(everything).not.toContain(token.slice(32));
  });

  it('is refused after it expires, and a token that was never issued is refused as unknown', async () => {
    const tenant = await makeTenant(stack);
    const own = await startTestStack({ audited: false });
    try {
      const mine = await makeTenant(own);
      const answer = await own.call('POST', pathOf(mine), {
        as: mine.owner,
        body: { name: 'Short', role: 'viewer', expires_in_days: 1 },
      });
      const { token } = expectSuccess(answer, 201);
      expectSuccess(await own.call('GET', workspaceOf(mine), withToken(token)));
      own.advance(DAY_MS);
      expectInvalid(await own.call('GET', workspaceOf(mine), withToken(token)), /has expired/);
    } finally {
      await own.close();
    }
    const forged = newApiToken(tenant.workspaceId as WorkspaceId, randomBytes).text;
    expectInvalid(await call(forged, 'GET', workspaceOf(tenant)), /does not exist/);
    expectInvalid(
      await call(`${forged.slice(0, -1)}!`.replace('!', '-'), 'GET', workspaceOf(tenant)),
      /mistyped/,
    );
  });

  it('records its last use at most once an hour', async () => {
    const own = await startTestStack({ audited: false });
    try {
      const tenant = await makeTenant(own);
      const body = { name: 'Export', role: 'viewer' };
      const { token } = expectSuccess(
        await own.call('POST', pathOf(tenant), { as: tenant.owner, body }),
        201,
      );
      const lastUsed = async (): Promise<string | null> =>
        expectSuccess(await own.call('GET', pathOf(tenant), { as: tenant.owner })).items[0].last_used_at;
      const use = async () => expectSuccess(await own.call('GET', workspaceOf(tenant), withToken(token)));
      const start = own.now().getTime();
      expect(await lastUsed()).toBeNull();
      await use();
      const first = await lastUsed();
      expect(Date.parse(first ?? '')).toBeGreaterThanOrEqual(start);
      own.advance(DAY_MS / 48);
      await use();
      // Another function has not noted this use, and finds that it is noted.
      expectSuccess(await own.call('GET', `${workspaceOf(tenant)}/usage`, withToken(token)));
      expect(await lastUsed()).toBe(first);
      own.advance(DAY_MS / 12);
      await use();
      expect(Date.parse((await lastUsed()) ?? '') - Date.parse(first ?? '')).toBeGreaterThanOrEqual(
        DAY_MS / 24,
      );
    } finally {
      await own.close();
    }
  });

  it('reaches only its own workspace, even if its creator owns another one', async () => {
    const [tenant, other] = [await makeTenant(stack), await makeTenant(stack)];
    await joinAs(stack, other, tenant.owner, 'owner');
    const { token } = await create(tenant, { role: 'admin' });
    expectRefusal(await call(token, 'GET', workspaceOf(other)), 404, 'workspace_not_found');
    expectRefusal(await call(token, 'GET', siteOf(other)), 404, 'site_not_found');
    expectRefusal(await call(token, 'PATCH', siteOf(other), { name: 'Mine' }), 404, 'site_not_found');
  });

  it('stops working when its creator leaves the workspace, and stays stopped when they rejoin', async () => {
    const tenant = await makeTenant(stack);
    const second = await addMember(stack, tenant, 'owner');
    const { token, token_id } = await create(tenant, { role: 'admin' }, second);
    expectSuccess(await call(token, 'PATCH', siteOf(tenant), { name: 'Renamed' }));
    const put = (role: string) =>
      stack.call('PUT', `${workspaceOf(tenant)}/members/${second}`, { as: tenant.owner, body: { role } });
    expectSuccess(await put('viewer'));
    expectRefusal(
      await call(token, 'PATCH', siteOf(tenant), { name: 'Again' }),
      403,
      'api_token_not_allowed',
    );
    expectSuccess(await call(token, 'GET', siteOf(tenant)));
    expectSuccess(
      await stack.call('DELETE', `${workspaceOf(tenant)}/members/${second}`, { as: tenant.owner }),
    );
    expectInvalid(await call(token, 'GET', siteOf(tenant)), /no longer a member/);
    await joinAs(stack, tenant, second, 'owner');
    expectInvalid(await call(token, 'GET', siteOf(tenant)), /no longer a member/);
    const { items } = expectSuccess(await stack.call('GET', pathOf(tenant), { as: tenant.owner }));
    expect(items).toMatchObject([{ token_id, role: 'admin', effective_role: null }]);
  });

  it('with a site restriction reaches only the routes and errors of that site', async () => {
    const tenant = await makeTenant(stack);
    const second = await addSite(tenant);
    const { token } = await create(tenant, { site_ids: [tenant.siteId] });
    expectSuccess(await call(token, 'GET', `${siteOf(tenant)}/sessions`));
    expectSuccess(await call(token, 'GET', `${siteOf(tenant)}/usage`));
    const errors = `${workspaceOf(tenant)}/errors`;
    expectSuccess(await call(token, 'GET', `${errors}?site_id=${tenant.siteId}`));
    const missing = `${tenant.workspaceId}${'0'.repeat(12)}`;
    for (const path of [`/v1/sites/${second}`, `/v1/sites/${missing}`, errors, `${errors}?site_id=${second}`])
      expectRefusal(await call(token, 'GET', path), 403, 'api_token_not_allowed');
    for (const path of ['', '/sites', '/usage', '/live', '/audit', '/budgets'])
      expectRefusal(await call(token, 'GET', `${workspaceOf(tenant)}${path}`), 403, 'api_token_not_allowed');
  });

  it('cannot weaken the security settings of a site, but can change its other settings', async () => {
    const tenant = await makeTenant(stack);
    const { token } = await create(tenant, { role: 'admin' });
    const { allowed_origins } = expectSuccess(await call(token, 'GET', siteOf(tenant)));
    const added = { allowed_origins: [...allowed_origins, 'https://evil.example'] };
    expectRefusal(await call(token, 'PATCH', siteOf(tenant), added), 403, 'api_token_not_allowed');
    expect(expectSuccess(await call(token, 'GET', siteOf(tenant))).allowed_origins).toEqual(allowed_origins);
    const strict = { control: 'brokered', require_embed_token: true, max_duration_seconds: 120 };
    expectSuccess(await call(token, 'PATCH', siteOf(tenant), strict));
    const loosened = { control: 'open', require_embed_token: false, max_duration_seconds: 3_600 };
    const refused = await call(token, 'PATCH', siteOf(tenant), loosened);
    expectRefusal(refused, 403, 'api_token_not_allowed');
    expect(detailPaths(refused)).toEqual(Object.keys(loosened));
    expect(expectSuccess(await call(token, 'GET', siteOf(tenant)))).toMatchObject(strict);
    expect(expectSuccess(await call(token, 'PATCH', siteOf(tenant), { voice: 'cedar' })).voice).toBe('cedar');
  });

  it('appears with its ID and name in the audit trail when it is created, changed and revoked', async () => {
    const tenant = await makeTenant(stack);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    const { token, token_id, expires_at } = await create(tenant, { role: 'admin', name: 'Kill switch' });
    expectSuccess(await call(token, 'POST', `${workspaceOf(tenant)}/openai-key/suspend`));
    expectSuccess(await stack.call('DELETE', `${pathOf(tenant)}/${token_id}`, { as: tenant.owner }));
    const rows = await settledTrail(stack, tenant);
    const facts = { token: token_id, token_name: 'Kill switch', role: 'admin' };
    expect(ofType(rows, 'api_token.created', 'key.suspended', 'api_token.revoked')).toMatchObject([
      { actor: tenant.owner, facts: { ...facts, valid_until: expires_at, sites: 'all' } },
      { actor: `token:${token_id}`, facts: { token_name: 'Kill switch' } },
      { actor: tenant.owner, facts },
    ]);
    expect(ofType(rows, 'tampering.detected')).toEqual([]);
  });

  it('can be created, listed and revoked only by owners, not with another token', async () => {
    const tenant = await makeTenant(stack);
    const { token, token_id } = await create(tenant, { role: 'admin' });
    const body = { name: 'More', role: 'viewer' };
    const attempts = (['viewer', 'admin'] as const).map(async (role) => ({
      as: await addMember(stack, tenant, role),
    }));
    for (const as of [...(await Promise.all(attempts)), withToken(token)]) {
      const [status, code] = 'as' in as ? ([403, 'forbidden'] as const) : ([401, 'unauthorized'] as const);
      expectRefusal(await stack.call('POST', pathOf(tenant), { ...as, body }), status, code);
      expectRefusal(await stack.call('GET', pathOf(tenant), as), status, code);
      expectRefusal(await stack.call('DELETE', `${pathOf(tenant)}/${token_id}`, as), status, code);
    }
  });

  it('cannot be created for a site outside the workspace, or as the twenty-first of its workspace', async () => {
    const [tenant, other] = [await makeTenant(stack), await makeTenant(stack)];
    const post = (body: object) => stack.call('POST', pathOf(tenant), { as: tenant.owner, body });
    const foreign = await post({ name: 'X', role: 'viewer', site_ids: [tenant.siteId, other.siteId] });
    expectRefusal(foreign, 400, 'invalid_request');
    expect(detailPaths(foreign)).toEqual(['site_ids.1']);
    for (let count = 0; count < 20; count++) await create(tenant);
    expectRefusal(await post({ name: 'X', role: 'viewer' }), 409, 'api_token_limit_reached');
  });
});

describe('a route', () => {
  /** The roles of tokens that let a request of each role in. */
  const LETS_IN = { viewer: ['viewer', 'auditor', 'admin'], auditor: ['auditor'], admin: ['admin'] } as const;

  it.each(['viewer', 'auditor', 'admin'] as const)(
    'admits a token of role %s exactly where the route table allows that role',
    async (role) => {
      const tenant = await makeTenant(stack);
      expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
      const { token } = await create(tenant, { role });
      const wrong: unknown[] = [];
      for (const route of ROLE_ROUTES) {
        const answer = await callRoute(stack, route, tenant, withToken(token));
        const { apiTokens }: Route = ROUTES[route.id as RouteId];
        const letsIn = apiTokens !== undefined && (LETS_IN[apiTokens] as readonly string[]).includes(role);
        // Let in, it may find nothing there.
        const wasLetIn = ![401, 403].includes(answer.status);
        const expectedCode = apiTokens === undefined ? 'unauthorized' : 'api_token_not_allowed';
        if (wasLetIn !== letsIn) wrong.push([route.id, answer.status, answer.error]);
        // On AWS the gateway refuses it, with another body.
        else if (!letsIn && answer.error !== undefined && answer.error.code !== expectedCode)
          wrong.push([route.id, answer.error]);
      }
      expect(wrong).toEqual([]);
    },
  );

  it('outside a workspace accepts no API token', async () => {
    const tenant = await makeTenant(stack);
    const { token } = await create(tenant, { role: 'admin' });
    for (const [method, path] of [
      ['GET', '/v1/workspaces'],
      ['POST', '/v1/workspaces'],
    ] as const)
      expectRefusal(await call(token, method, path), 401, 'unauthorized');
  });
});
