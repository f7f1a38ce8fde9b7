import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { tablesAt } from '../support/key-tables.ts';
import { addSite, asOwner, makeFullTenant, makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { addMember, joinAs, newPerson } from '../support/people.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { callRoute, ROLE_ROUTES } from '../support/routes.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
// Without it nobody can choose managed mode.
await needed(stack, putPlatformKey(stack, fakeKey()));
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});
afterEach(() => openAiOf(stack).clearFaults());

const workspacePath = ({ workspaceId }: Tenant, rest = ''): string => `/v1/workspaces/${workspaceId}${rest}`;
const memberPath = (tenant: Tenant, sub: string): string => workspacePath(tenant, `/members/${sub}`);

/** Runs `meanwhile` while OpenAI still looks at the key that `put` stores. */
const whileProbing = async (
  put: () => Promise<TestAnswer>,
  meanwhile: () => Promise<unknown>,
): Promise<TestAnswer> => {
  const openAi = openAiOf(stack);
  openAi.clearRequests();
  openAi.inject({ delayMs: 500, times: 1 });
  let settled = false;
  const stored = put().finally(() => {
    settled = true;
  });
  while (!settled && openAi.requests.length === 0) await new Promise(setImmediate);
  await meanwhile();
  return stored;
};

describe('another workspace', () => {
  it('is not in the list of workspaces', async () => {
    const mine = await makeTenant(stack);
    await makeTenant(stack);
    const { items } = await asOwner(stack, mine, 'GET', '/v1/workspaces');
    expect(items).toEqual([expect.objectContaining({ workspace_id: mine.workspaceId, role: 'owner' })]);
  });
});

describe('a member', () => {
  it('is refused at the next request after being removed', async () => {
    const tenant = await makeTenant(stack);
    const admin = await addMember(stack, tenant, 'admin');
    expectSuccess(await stack.call('GET', workspacePath(tenant), { as: admin }));
    await asOwner(stack, tenant, 'DELETE', memberPath(tenant, admin));
    expectRefusal(await stack.call('GET', workspacePath(tenant), { as: admin }), 404, 'workspace_not_found');
    const site = await stack.call('GET', `/v1/sites/${tenant.siteId}`, { as: admin });
    expectRefusal(site, 404, 'site_not_found');
    expect(expectSuccess(await stack.call('GET', '/v1/workspaces', { as: admin })).items).toEqual([]);
  });

  it('has fewer rights at the next request after the role is lowered', async () => {
    const tenant = await makeTenant(stack);
    const admin = await addMember(stack, tenant, 'admin');
    const rename = () =>
      stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: admin, body: { name: 'Mine' } });
    expectSuccess(await rename());
    await asOwner(stack, tenant, 'PUT', memberPath(tenant, admin), { role: 'viewer' });
    expectRefusal(await rename(), 403, 'forbidden');
  });

  it('cannot be read or removed if they do not exist', async () => {
    const tenant = await makeTenant(stack);
    for (const method of ['GET', 'DELETE']) {
      const answer = await stack.call(method, memberPath(tenant, 'nobody'), { as: tenant.owner });
      expectRefusal(answer, 404, 'member_not_found');
    }
  });

  it('is found only by the exact `sub`, even if it looks like a path or a table key', async () => {
    const tenant = await makeTenant(stack);
    for (const sub of ['auth0|4711', 'a/b', '../owner', 'SITE#x', 'WORKSPACE', 'ä @ö', '%41']) {
      const path = memberPath(tenant, encodeURIComponent(sub));
      await joinAs(stack, tenant, sub, 'viewer');
      expect(await asOwner(stack, tenant, 'GET', path)).toMatchObject({ sub });
    }
    const { items } = await asOwner(stack, tenant, 'GET', workspacePath(tenant, '/members'));
    expect(items).toHaveLength(8);
  });
});

describe('the last owner', () => {
  it('cannot be removed, even by themselves', async () => {
    const tenant = await makeTenant(stack);
    await addMember(stack, tenant, 'admin');
    const answer = await stack.call('DELETE', memberPath(tenant, tenant.owner), { as: tenant.owner });
    expectRefusal(answer, 409, 'last_owner');
    await asOwner(stack, tenant, 'GET', workspacePath(tenant));
  });

  it('cannot be given a lower role', async () => {
    const tenant = await makeTenant(stack);
    for (const role of ['admin', 'viewer']) {
      const path = memberPath(tenant, tenant.owner);
      const answer = await stack.call('PUT', path, { as: tenant.owner, body: { role } });
      expectRefusal(answer, 409, 'last_owner');
    }
  });

  it('may leave once there is another owner, who is then the last one', async () => {
    const tenant = await makeTenant(stack);
    const second = await addMember(stack, tenant, 'owner');
    await asOwner(stack, tenant, 'DELETE', memberPath(tenant, tenant.owner));
    const answer = await stack.call('DELETE', memberPath(tenant, second), { as: second });
    expectRefusal(answer, 409, 'last_owner');
  });

  it.each([
    ['removals', 'DELETE', undefined],
    ['demotions', 'PUT', { role: 'viewer' }],
  ])('remains after two %s of two owners at once', async (_, method, body) => {
    for (let round = 0; round < 3; round++) {
      const tenant = await makeTenant(stack);
      const second = await addMember(stack, tenant, 'owner');
      const answers = await Promise.all([
        stack.call(method, memberPath(tenant, second), { as: tenant.owner, body }),
        stack.call(method, memberPath(tenant, tenant.owner), { as: second, body }),
      ]);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      const owners = (await tables.scan('tenancy')).filter(
        ({ pk, role }) => pk === `WORKSPACE#${tenant.workspaceId}` && role === 'owner',
      );
      expect(owners).toHaveLength(1);
    }
  });
});

describe('deleting a workspace', () => {
  const remove = (tenant: Tenant, confirm: string) =>
    stack.call('DELETE', workspacePath(tenant), { as: tenant.owner, body: { confirm } });

  const keyItems = async ({ workspaceId }: Tenant) =>
    (await tables.scan('keys')).filter(({ pk }) => String(pk).includes(workspaceId));

  it.each(['', 'shop', 'Shop 2', 'Another'])('needs its name, not %p', async (confirm) => {
    const tenant = await makeKeyedTenant(stack);
    const answer = await remove(tenant, confirm);
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['confirm']);
    expectSuccess(await mint(stack, tenant));
  });

  it.each([
    ['Café  du Nord', 'Café du Nord'.normalize('NFD')],
    ['Café du Nord', ' Café\u00a0du Nord\u200b '],
  ])('accepts its name as displayed: %p, typed as %p', async (name, typed) => {
    const tenant = await makeFullTenant(stack);
    await asOwner(stack, tenant, 'PATCH', `/v1/workspaces/${tenant.workspaceId}`, { name });
    expect(expectSuccess(await remove(tenant, typed))).toEqual({ deleted: true, calls_ending: 0 });
  });

  it('ends its mints and sites, and hides it from all other members', async () => {
    const tenant = await makeFullTenant(stack);
    expectSuccess(await mint(stack, tenant));
    expect(expectSuccess(await remove(tenant, 'Shop'))).toEqual({ deleted: true, calls_ending: 0 });

    expectRefusal(await mint(stack, tenant), 404, 'site_not_found');
    for (const route of ROLE_ROUTES) {
      const answer = await callRoute(stack, route, tenant, { as: tenant.owner, about: tenant.member });
      expect([route.path, answer.status]).toEqual([route.path, 404]);
    }
    for (const as of [tenant.owner, tenant.member])
      expect(expectSuccess(await stack.call('GET', '/v1/workspaces', { as })).items).toEqual([]);
  });

  it('shreds every key: no ciphertext and no wrapped data key remain, but the versions do', async () => {
    const tenant = await makeFullTenant(stack);
    const second = await addSite(stack, tenant);
    expectSuccess(await putSiteKey(stack, second, fakeKey()));
    // A second version leaves a retained record of the first, which has to go as well.
    expectSuccess(await putSiteKey(stack, second, fakeKey()));
    expectSuccess(await remove(tenant, 'Shop'));

    const left = await keyItems(tenant);
    const heads = left.filter(({ sk }) => sk === 'KEY');
    expect(heads.map(({ state, lastVersion }) => [state, lastVersion]).sort()).toEqual([
      ['deleted', 1],
      ['deleted', 1],
      ['deleted', 2],
    ]);
    expect(left.filter(({ sk }) => String(sk).startsWith('RETAINED#'))).toEqual([]);
    for (const item of left) {
      expect(Object.values(item).filter((value) => value instanceof Uint8Array)).toEqual([]);
      expect(item).not.toHaveProperty('sealed');
    }
  });

  it('keeps the sessions for their retention time', async () => {
    const tenant = await makeKeyedTenant(stack);
    const { session_id } = expectSuccess(await mint(stack, tenant));
    expectSuccess(await remove(tenant, 'Shop'));
    expect(await tables.sessionsOf(tenant.siteId)).toEqual([
      expect.objectContaining({ sessionId: session_id, state: 'issued' }),
    ]);
  });

  it('a second time returns 404 workspace_not_found', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await remove(tenant, 'Shop'));
    expectRefusal(await remove(tenant, 'Shop'), 404, 'workspace_not_found');
    expectRefusal(await remove(tenant, 'wrong'), 404, 'workspace_not_found');
  });

  it('by two owners at once ends the workspace once', async () => {
    const tenant = await makeFullTenant(stack);
    const second = await addMember(stack, tenant, 'owner');
    const answers = await Promise.all([remove(tenant, 'Shop'), remove({ ...tenant, owner: second }, 'Shop')]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status } of answers) expect([200, 404, 409]).toContain(status);
    for (const item of await keyItems(tenant)) expect(item).not.toHaveProperty('sealed');
    expectRefusal(await mint(stack, tenant), 404, 'site_not_found');
  });

  it.each([
    ['of the workspace', putWorkspaceKey],
    ['of a site', putSiteKey],
  ])('while a key %s is being stored leaves nothing that can be decrypted', async (_, put) => {
    for (const earlier of [false, true]) {
      const tenant = await makeTenant(stack);
      if (earlier) expectSuccess(await put(stack, tenant, fakeKey()));
      await whileProbing(
        () => put(stack, tenant, fakeKey()),
        async () => expectSuccess(await remove(tenant, 'Shop')),
      );
      for (const item of await keyItems(tenant)) expect(item).not.toHaveProperty('sealed');
    }
  });
});

describe('an archived site', () => {
  it('is not found on any route, and its own key is shredded', async () => {
    const tenant = await makeFullTenant(stack);
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`);

    expectRefusal(await mint(stack, tenant), 404, 'site_not_found');
    for (const route of ROLE_ROUTES.filter(({ path }) => path.includes('{siteId}'))) {
      const answer = await callRoute(stack, route, tenant, { as: tenant.owner });
      expectRefusal(answer, 404, 'site_not_found');
    }
    const { items } = await asOwner(stack, tenant, 'GET', workspacePath(tenant, '/sites'));
    expect(items).toEqual([]);
    const [record] = (await tables.scan('keys')).filter(
      ({ pk, sk }) => pk === `SITE#${tenant.siteId}` && sk === 'KEY',
    );
    expect(record).toMatchObject({ state: 'deleted', lastVersion: 1 });
    expect(record).not.toHaveProperty('sealed');
  });

  it("does not affect the workspace's key and the other sites", async () => {
    const tenant = await makeKeyedTenant(stack);
    const other = await addSite(stack, tenant);
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`);
    expectSuccess(await mint(stack, other));
  });

  it('does not keep a key that was being stored during the archiving', async () => {
    const tenant = await makeTenant(stack);
    await whileProbing(
      () => putSiteKey(stack, tenant, fakeKey()),
      () => asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`),
    );
    const records = (await tables.scan('keys')).filter(({ pk }) => pk === `SITE#${tenant.siteId}`);
    for (const record of records) expect(record).not.toHaveProperty('sealed');
  });
});

describe('a list', () => {
  /** Follows the cursors to the end, one item at a time. */
  const walk = async (path: string, as: string): Promise<readonly Record<string, unknown>[]> => {
    const items: Record<string, unknown>[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '?limit=1' : `?limit=1&cursor=${encodeURIComponent(cursor)}`;
      const page = expectSuccess(await stack.call('GET', `${path}${query}`, { as }));
      expect(page.items.length).toBeLessThanOrEqual(1);
      expect(items.length).toBeLessThan(10);
      items.push(...page.items);
      cursor = page.next_cursor;
    }
    return items;
  };

  const firstCursor = async (path: string, as: string): Promise<string> => {
    const { next_cursor } = expectSuccess(await stack.call('GET', `${path}?limit=1`, { as }));
    expect(next_cursor).toMatch(/^[\w-]+$/);
    return encodeURIComponent(next_cursor);
  };

  /** Two of everything that is listed. */
  const makeListed = async () => {
    const tenant = await makeFullTenant(stack);
    await addSite(stack, tenant);
    await asOwner(stack, tenant, 'POST', '/v1/workspaces', { name: 'Second' });
    await asOwner(stack, tenant, 'DELETE', workspacePath(tenant, '/openai-key'));
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}/openai-key`);
    await mint(stack, tenant);
    stack.advance(60_000);
    await mint(stack, tenant);
    return tenant;
  };

  it.each([
    ['workspaces', () => '/v1/workspaces'],
    ['sites', (tenant: Tenant) => workspacePath(tenant, '/sites')],
    ['members', (tenant: Tenant) => workspacePath(tenant, '/members')],
    ['errors', (tenant: Tenant) => workspacePath(tenant, '/errors')],
  ])('of %s has the same items page by page as in one page', async (_, pathOf) => {
    const tenant = await makeListed();
    const path = pathOf(tenant);
    const { items, next_cursor } = await asOwner(stack, tenant, 'GET', path);
    expect(items).toHaveLength(2);
    expect(next_cursor).toBeNull();
    expect(await walk(path, tenant.owner)).toEqual(items);
  });

  it('of errors is sorted newest first', async () => {
    const tenant = await makeListed();
    const { items } = await asOwner(stack, tenant, 'GET', workspacePath(tenant, '/errors'));
    expect(items[0].last_at > items[1].last_at).toBe(true);
  });

  const refused = async (path: string, as: string): Promise<void> => {
    const answer = await stack.call('GET', path, { as });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['cursor']);
  };

  it('refuses the cursor of another caller', async () => {
    const tenant = await makeListed();
    const second = await addMember(stack, tenant, 'owner');
    const path = workspacePath(tenant, '/sites');
    await refused(`${path}?cursor=${await firstCursor(path, tenant.owner)}`, second);
  });

  it('refuses the cursor of another route', async () => {
    const tenant = await makeListed();
    const cursor = await firstCursor(workspacePath(tenant, '/sites'), tenant.owner);
    await refused(`${workspacePath(tenant, '/members')}?cursor=${cursor}`, tenant.owner);
    await refused(`/v1/workspaces?cursor=${cursor}`, tenant.owner);
  });

  it('refuses the cursor of another workspace', async () => {
    const tenant = await makeListed();
    const cursor = await firstCursor(workspacePath(tenant, '/sites'), tenant.owner);
    const other = await asOwner(stack, tenant, 'POST', '/v1/workspaces', { name: 'Third' });
    await refused(`/v1/workspaces/${other.workspace_id}/sites?cursor=${cursor}`, tenant.owner);
  });

  it.each(['nonsense', '', 'W10', 'e30', 'WyIiLCIiXQ', '%00', 'a'.repeat(40)])(
    'refuses a cursor that was never issued: %p',
    async (cursor) => {
      const tenant = await makeTenant(stack);
      await refused(`${workspacePath(tenant, '/sites')}?cursor=${cursor}`, tenant.owner);
    },
  );

  it.each(['', 'SITE', 'MEMBER#a', 'WORKSPACE', 'ZZZ', 'a'.repeat(40)])(
    'refuses a cursor whose place was changed to %p, or returns only items of the list',
    async (place) => {
      const tenant = await makeListed();
      const path = workspacePath(tenant, '/sites');
      const cursor = decodeURIComponent(await firstCursor(path, tenant.owner));
      const [binding] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [string];
      const changed = Buffer.from(JSON.stringify([binding, place])).toString('base64url');
      const answer = await stack.call('GET', `${path}?cursor=${changed}`, { as: tenant.owner });
      if (answer.status !== 200) return expectRefusal(answer, 400, 'invalid_request');
      for (const item of expectSuccess(answer).items) expect(item.workspace_id).toBe(tenant.workspaceId);
    },
  );

  it.each(['0', '101', '-1', '1.5', 'ten', '', '1e9', 'Infinity'])('refuses the limit %p', async (limit) => {
    const tenant = await makeTenant(stack);
    const answer = await stack.call('GET', `${workspacePath(tenant, '/sites')}?limit=${limit}`, {
      as: tenant.owner,
    });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['limit']);
  });
});

describe('a PATCH request', () => {
  const SITE_CHANGES: Readonly<Record<string, unknown>> = {
    name: 'Renamed',
    allowed_origins: ['https://other.example'],
    model: 'gpt-realtime-2',
    voice: 'sage',
    instructions: 'Be brief.',
    data_residency: 'eu',
    client_secret_ttl_seconds: 30,
    max_duration_seconds: 90,
  };
  const WORKSPACE_CHANGES: Readonly<Record<string, unknown>> = {
    name: 'Renamed',
    billing_mode: 'managed',
    openai_tier: 5,
    concurrency_limit: 7,
    anomaly_response: 'suspend',
    alert_email: 'ops@shop.example',
  };

  it.each([
    ['site', SITE_CHANGES, ({ siteId }: Tenant) => `/v1/sites/${siteId}`],
    ['workspace', WORKSPACE_CHANGES, (tenant: Tenant) => workspacePath(tenant)],
  ] as const)('for a %s changes only the given field', async (_, changes, pathOf) => {
    const tenant = await makeTenant(stack);
    const path = pathOf(tenant);
    let expected = await asOwner(stack, tenant, 'GET', path);
    for (const [name, value] of Object.entries(changes)) {
      // The free plan allows one site in managed mode.
      expected = { ...expected, [name]: value, ...(name === 'billing_mode' && { max_sites: 1 }) };
      expect(await asOwner(stack, tenant, 'PATCH', path, { [name]: value })).toEqual(expected);
      expect(await asOwner(stack, tenant, 'GET', path)).toEqual(expected);
    }
  });

  it.each([
    ['site', SITE_CHANGES, ({ siteId }: Tenant) => `/v1/sites/${siteId}`],
    ['workspace', WORKSPACE_CHANGES, (tenant: Tenant) => workspacePath(tenant)],
  ] as const)('for each field of a %s at the same time keeps all changes', async (_, changes, pathOf) => {
    const tenant = await makeTenant(stack);
    const path = pathOf(tenant);
    const answers = await Promise.all(
      Object.entries(changes).map(([name, value]) =>
        stack.call('PATCH', path, { as: tenant.owner, body: { [name]: value } }),
      ),
    );
    for (const answer of answers) expectSuccess(answer);
    expect(await asOwner(stack, tenant, 'GET', path)).toMatchObject(changes);
  });

  it('without fields changes nothing', async () => {
    const tenant = await makeTenant(stack);
    for (const path of [workspacePath(tenant), `/v1/sites/${tenant.siteId}`]) {
      const before = await asOwner(stack, tenant, 'GET', path);
      expect(await asOwner(stack, tenant, 'PATCH', path, {})).toEqual(before);
    }
  });

  it('clears a nullable field with null', async () => {
    const tenant = await makeTenant(stack, { concurrency_limit: 5, alert_email: 'ops@shop.example' });
    const cleared = { concurrency_limit: null, alert_email: null };
    expect(await asOwner(stack, tenant, 'PATCH', workspacePath(tenant), cleared)).toMatchObject(cleared);
  });
});

describe('a new workspace', () => {
  it('belongs to its creator, with the defaults of the contract', async () => {
    const owner = newPerson('founder');
    const answer = await stack.call('POST', '/v1/workspaces', { as: owner, body: { name: ' Shop ' } });
    const workspace = expectSuccess(answer, 201);
    expect(workspace).toEqual({
      workspace_id: expect.stringMatching(/^[a-z0-9]{12}$/),
      name: 'Shop',
      billing_mode: 'byok',
      openai_tier: 1,
      site_share_percent: null,
      data_residency: 'global',
      concurrency_limit: null,
      anomaly_response: 'notify',
      alert_email: null,
      time_zone: 'UTC',
      retention: { session_days: 400, error_days: 30 },
      plan: 'free',
      has_key: false,
      key_suspended: false,
      managed_available: true,
      site_count: 0,
      max_sites: null,
      created_at: expect.any(String),
    });
    const path = `/v1/workspaces/${workspace.workspace_id}/members`;
    const { items } = expectSuccess(await stack.call('GET', path, { as: owner }));
    const founder = { sub: owner, role: 'owner', name: null, email: null };
    expect(items).toEqual([{ ...founder, added_at: expect.any(String), added_by: owner }]);
  });
});
