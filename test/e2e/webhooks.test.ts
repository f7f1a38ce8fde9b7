import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { tablesAt } from '../support/key-tables.ts';
import { asOwner, type KeyedTenant, makeKeyedTenant, suspendWorkspaceKey } from '../support/keyed-tenant.ts';
import { addMember } from '../support/people.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant, mint, type Tenant } from '../support/tenant.ts';
import { isSignedWith, makeCertificate, startReceiver } from '../support/webhook-receiver.ts';

const HOUR_MS = 3_600_000;
const certificate = makeCertificate('IP:127.0.0.1');
const receiver = await startReceiver(certificate);
const stack = await startTestStack({
  audited: false,
  webhooks: { ca: certificate.cert, isAllowed: (address) => address === '127.0.0.1', timeoutMs: 2_000 },
});
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
  await receiver.close();
});
afterEach(() => receiver.forget());

const webhooksOf = ({ workspaceId }: Tenant, rest = ''): string =>
  `/v1/workspaces/${workspaceId}/webhooks${rest}`;
const deliveriesOf = ({ workspaceId }: Tenant, rest = ''): string =>
  `/v1/workspaces/${workspaceId}/deliveries${rest}`;

const url = `https://127.0.0.1:${receiver.port}/hook`;
const addWebhook = (tenant: Tenant, more: Readonly<Record<string, unknown>> = {}) =>
  asOwner(stack, tenant, 'POST', webhooksOf(tenant), { url, ...more });

/** Waits until every notice that is due has been attempted. */
const settle = async (): Promise<void> => {
  await stack.streams.drain();
  await stack.notices.drain();
};

const deliveries = async (tenant: Tenant) =>
  (await asOwner(stack, tenant, 'GET', deliveriesOf(tenant))).items;

describe('a webhook', () => {
  it('receives one signed notice when a key is suspended', async () => {
    const tenant = await makeKeyedTenant(stack);
    const { secret, webhook_id } = await addWebhook(tenant);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    expect(receiver.received).toHaveLength(1);
    const [notice] = receiver.received;
    if (notice === undefined) throw new Error('Nothing was received.');
    expect(isSignedWith(secret, notice)).toBe(true);
    expect(notice.headers['content-type']).toBe('application/json');
    expect(JSON.parse(notice.body)).toMatchObject({
      type: 'key.suspended',
      data: { workspace_id: tenant.workspaceId, scope: 'workspace' },
    });
    expect(await deliveries(tenant)).toEqual([
      expect.objectContaining({
        webhook_id,
        notice_id: notice.headers['webhook-id'],
        type: 'key.suspended',
        state: 'delivered',
        attempts: 1,
        last_status: 204,
        next_attempt_at: null,
      }),
    ]);
  });

  it('shows its secret only once and stores it nowhere', async () => {
    const tenant = await makeTenant(stack);
    const { secret } = await addWebhook(tenant);
    const listed = await stack.call('GET', webhooksOf(tenant), { as: tenant.owner });
    expect(expectSuccess(listed).items).toHaveLength(1);
    const bytes = secret.replace('whsec_', '');
    const everything = [
      listed.text,
      JSON.stringify(await tables.scan('tenancy')),
      JSON.stringify(await tables.scan('limits')),
      stack.logs.join('\n'),
    ].join('\n');
    expect(everything).not.toContain(bytes);
    expect(everything).not.toContain(Buffer.from(bytes, 'base64').toString('hex'));
  });

  it('receives only the kinds of notice that it asks for', async () => {
    const tenant = await makeKeyedTenant(stack);
    await addWebhook(tenant, { events: ['session.ended'] });
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    expect(receiver.received).toEqual([]);
    expect(await deliveries(tenant)).toEqual([]);
  });

  it('receives the same body under the same ID until an attempt succeeds', async () => {
    const tenant = await makeKeyedTenant(stack);
    await addWebhook(tenant);
    receiver.respondWith((response) => response.writeHead(503).end());
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    expect(await deliveries(tenant)).toMatchObject([
      { state: 'pending', attempts: 1, last_status: 503, last_failure: 'http_status' },
    ]);
    // Nothing is sent before it is due.
    await stack.notices.drain();
    expect(receiver.received).toHaveLength(1);
    stack.advance(6_000);
    await stack.notices.drain();
    receiver.respondWith(undefined);
    stack.advance(31_000);
    await stack.notices.drain();
    expect(await deliveries(tenant)).toMatchObject([{ state: 'delivered', attempts: 3 }]);
    stack.advance(48 * HOUR_MS);
    await stack.notices.drain();
    expect(receiver.received).toHaveLength(3);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it('is given up on after a day of failures, and receives the notice again when an admin asks', async () => {
    const tenant = await makeKeyedTenant(stack);
    await addWebhook(tenant);
    receiver.respondWith((response) => response.writeHead(302, { location: url }).end());
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    const began = stack.now().getTime();
    for (let attempt = 1; attempt < 11; attempt++) {
      const [{ next_attempt_at }] = await deliveries(tenant);
      stack.advance(Date.parse(next_attempt_at) - stack.now().getTime() + 1_500);
      await stack.notices.drain();
    }
    const [failed] = await deliveries(tenant);
    expect(failed).toMatchObject({ state: 'failed', attempts: 11, last_failure: 'redirect' });
    expect(stack.now().getTime() - began).toBeGreaterThan(23 * HOUR_MS);
    stack.advance(48 * HOUR_MS);
    await stack.notices.drain();
    expect(receiver.received).toHaveLength(11);
    // It is the receiver that failed, not this service.
    expect(stack.sqs.viewOf('notices').deadLetters).toEqual([]);

    const [before] = receiver.received;
    receiver.forget();
    const again = await stack.call('POST', deliveriesOf(tenant, `/${failed.delivery_id}/send`), {
      as: tenant.owner,
    });
    expect(expectSuccess(again, 202)).toMatchObject({ state: 'pending', attempts: 0 });
    await stack.notices.drain();
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.headers['webhook-id']).toBe(before?.headers['webhook-id']);
    expect(receiver.received[0]?.body).toBe(before?.body);
    expect(await deliveries(tenant)).toMatchObject([{ state: 'delivered' }]);
  });

  it('that stalls does not delay the notices of another workspace', async () => {
    const [slow, quick] = [await makeKeyedTenant(stack), await makeKeyedTenant(stack)];
    await addWebhook(slow, { url: `${url}/slow` });
    await addWebhook(quick, { url: `${url}/quick` });
    receiver.respondWith((response, { path }) => {
      if (path.endsWith('/quick')) response.writeHead(200).end();
    });
    await suspendWorkspaceKey(stack, slow);
    await suspendWorkspaceKey(stack, quick);
    await settle();
    expect(await deliveries(slow)).toMatchObject([{ state: 'pending', last_failure: 'timeout' }]);
    expect(await deliveries(quick)).toMatchObject([{ state: 'delivered' }]);
  });

  it('receives a notice once although the queue delivers each message twice', async () => {
    const tenant = await makeKeyedTenant(stack);
    await addWebhook(tenant, { url: `${url}/twice` });
    stack.sqs.viewOf('notices').duplicateNext(4);
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    stack.advance(61_000);
    await stack.notices.drain();
    expect(receiver.received.filter(({ path }) => path.endsWith('/twice'))).toHaveLength(1);
    expect(await deliveries(tenant)).toHaveLength(1);
  });

  it('carries the signatures of both secrets for a day after a rotation, then only that of the new one', async () => {
    const tenant = await makeTenant(stack);
    const { secret: former, webhook_id: id } = await addWebhook(tenant);
    const { secret } = await asOwner(stack, tenant, 'POST', webhooksOf(tenant, `/${id}/rotate-secret`));
    expect(secret).not.toBe(former);
    const test = async () => {
      receiver.forget();
      const sent = await stack.call('POST', webhooksOf(tenant, `/${id}/test`), { as: tenant.owner });
      expectSuccess(sent, 202);
      await stack.notices.drain();
      const [notice] = receiver.received;
      if (notice === undefined) throw new Error('Nothing was received.');
      return { now: isSignedWith(secret, notice), before: isSignedWith(former, notice) };
    };
    expect(await test()).toEqual({ now: true, before: true });
    stack.advance(24 * HOUR_MS + 1);
    expect(await test()).toEqual({ now: true, before: false });
  });

  it('that is switched off or removed receives nothing, and its waiting notices are skipped', async () => {
    const tenant = await makeKeyedTenant(stack);
    const { webhook_id: id } = await addWebhook(tenant);
    receiver.respondWith((response) => response.writeHead(500).end());
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    await asOwner(stack, tenant, 'PATCH', webhooksOf(tenant, `/${id}`), { enabled: false });
    stack.advance(10_000);
    await stack.notices.drain();
    expect(receiver.received).toHaveLength(1);
    expect(await deliveries(tenant)).toMatchObject([{ state: 'skipped' }]);
    await asOwner(stack, tenant, 'DELETE', webhooksOf(tenant, `/${id}`));
    const gone = await stack.call('DELETE', webhooksOf(tenant, `/${id}`), { as: tenant.owner });
    expectRefusal(gone, 404, 'webhook_not_found');
  });
});

describe('the end of a session', () => {
  let tenant: KeyedTenant;
  beforeAll(async () => {
    tenant = await makeKeyedTenant(stack);
    await addWebhook(tenant, { events: ['session.ended'] });
  });

  it('sends a notice with the receipt of the session, even if the queue fails at first', async () => {
    const minted = expectSuccess(await mint(stack, tenant));
    const at = (seconds: number) => new Date(stack.now().getTime() + seconds * 1_000);
    expectSuccess(await report(stack, tenant, minted, [event('connected', at(0))], { signedAt: at(0) }));
    stack.advance(30_000);
    stack.sqs.failNext(2);
    const ended = [event('ended', at(0), { reason: 'hung_up' })];
    expectSuccess(await report(stack, tenant, minted, ended, { signedAt: at(0) }));
    await settle();
    expect(receiver.received).toHaveLength(1);
    const shown = await asOwner(
      stack,
      tenant,
      'GET',
      `/v1/sites/${tenant.siteId}/sessions/${minted.session_id}`,
    );
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({
      type: 'session.ended',
      data: { site_id: tenant.siteId, session_id: minted.session_id, session: shown },
    });
    expect(shown).toMatchObject({ state: 'ended', end_reason: 'hung_up', seconds: 30 });
  });

  it('sends a notice even if the tab crashed and the sweeper ended the session', async () => {
    const minted = expectSuccess(await mint(stack, tenant));
    const now = stack.now();
    expectSuccess(await report(stack, tenant, minted, [event('connected', now)], { signedAt: now }));
    await settle();
    expect(receiver.received).toEqual([]);
    stack.advance(2 * HOUR_MS);
    await stack.sweep();
    await settle();
    expect(JSON.parse(receiver.received[0]?.body ?? '{}')).toMatchObject({
      type: 'session.ended',
      data: { session_id: minted.session_id, session: { end_reason: 'silence' } },
    });
    await stack.sweep();
    await settle();
    expect(receiver.received).toHaveLength(1);
  });
});

describe('a notice and its stored delivery', () => {
  it('contain no OpenAI key', async () => {
    const tenant = await makeKeyedTenant(stack);
    await addWebhook(tenant);
    await suspendWorkspaceKey(stack, tenant);
    await settle();
    const log = (await tables.scan('limits')).filter(({ pk }) => String(pk).startsWith('DELIVERIES#'));
    expect(log.length).toBeGreaterThan(0);
    const sent = receiver.received.map(({ body, headers }) => body + JSON.stringify(headers)).join('\n');
    expect(sent).toContain('key.suspended');
    for (const text of [sent, JSON.stringify(log), stack.logs.join('\n')])
      expect(text).not.toContain(tenant.key);
  });
});

describe('the routes of webhooks', () => {
  it.each([
    'http://receiver.example/hook',
    'ftp://receiver.example',
    'receiver.example',
    'https://user:password@receiver.example/',
    'https://10.0.0.1/hook',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/hook',
    'https://[::ffff:7f00:2]/hook',
    `https://receiver.example/${'a'.repeat(600)}`,
  ])('refuse the URL %s', async (bad) => {
    const tenant = await makeTenant(stack);
    const answer = await stack.call('POST', webhooksOf(tenant), { as: tenant.owner, body: { url: bad } });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['url']);
  });

  it('refuse an eleventh webhook', async () => {
    const tenant = await makeTenant(stack);
    for (let made = 0; made < 10; made++) await addWebhook(tenant);
    const answer = await stack.call('POST', webhooksOf(tenant), { as: tenant.owner, body: { url } });
    expectRefusal(answer, 409, 'webhook_limit_reached');
  });

  it('do not find a webhook or a delivery of another workspace', async () => {
    const theirs = await makeKeyedTenant(stack);
    const { webhook_id: id } = await addWebhook(theirs);
    await suspendWorkspaceKey(stack, theirs);
    await settle();
    const [{ delivery_id }] = await deliveries(theirs);
    const mine = await makeTenant(stack);
    const as = mine.owner;
    for (const [method, rest, body] of [
      ['PATCH', '', { enabled: false }],
      ['DELETE', '', undefined],
      ['POST', '/rotate-secret', undefined],
      ['POST', '/test', undefined],
    ] as const) {
      const answer = await stack.call(method, webhooksOf(mine, `/${id}${rest}`), { as, body });
      expectRefusal(answer, 404, 'webhook_not_found');
      const direct = await stack.call(method, webhooksOf(theirs, `/${id}${rest}`), { as, body });
      expectRefusal(direct, 404, 'workspace_not_found');
    }
    const again = await stack.call('POST', deliveriesOf(mine, `/${delivery_id}/send`), { as });
    expectRefusal(again, 404, 'delivery_not_found');
    expect(await deliveries(mine)).toEqual([]);
    expect(receiver.received).toHaveLength(1);
  });

  it('refuse viewers', async () => {
    const tenant = await makeTenant(stack);
    const viewer = await addMember(stack, tenant, 'viewer');
    expectRefusal(await stack.call('GET', webhooksOf(tenant), { as: viewer }), 403, 'forbidden');
    expectRefusal(await stack.call('GET', deliveriesOf(tenant), { as: viewer }), 403, 'forbidden');
  });
});
