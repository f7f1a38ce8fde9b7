import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { addSite, asOwner } from '../support/keyed-tenant.ts';
import { mintRequests, openAiOf } from '../support/openai.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const openAi = openAiOf(stack);
afterAll(() => stack.close());
afterEach(() => openAi.clearFaults());

const workspacePath = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}`;
const keyPath = (tenant: Tenant): string => `${workspacePath(tenant)}/openai-key`;
const modelsMinted = (): readonly string[] =>
  mintRequests(stack).map(({ body }) => (body as { session: { model: string } }).session.model);

/** A project that may use one model only, as far as the stand-in goes: the others do not exist there any more. */
const GONE = 'gpt-realtime-9';

describe('a workspace key', () => {
  it('is probed once with each model of its sites, when it is stored and when it is tested', async () => {
    const tenant = await makeTenant(stack, {}, { model: 'gpt-realtime-2.1' });
    const second = await addSite(stack, tenant);
    const third = await addSite(stack, tenant);
    const own = await addSite(stack, tenant);
    await asOwner(stack, tenant, 'PATCH', `/v1/sites/${second.siteId}`, { model: 'gpt-realtime-2' });
    await asOwner(stack, tenant, 'PATCH', `/v1/sites/${third.siteId}`, { model: 'gpt-realtime-2' });
    expectSuccess(await putSiteKey(stack, own, fakeKey()));
    openAi.clearRequests();
    const stored = expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expect(stored).toMatchObject({ state: 'active', verdict: { ok: true, code: 'ok' } });
    expect(stored.verdict).not.toHaveProperty('sites');
    expect(modelsMinted()).toEqual(['gpt-realtime-2', 'gpt-realtime-2.1']);
    openAi.clearRequests();
    expect((await asOwner(stack, tenant, 'POST', `${keyPath(tenant)}/test`)).ok).toBe(true);
    expect(modelsMinted()).toEqual(['gpt-realtime-2', 'gpt-realtime-2.1']);
  });

  it('lists the sites that it cannot serve', async () => {
    const tenant = await makeTenant(stack);
    const broken = await addSite(stack, tenant);
    await asOwner(stack, tenant, 'PATCH', `/v1/sites/${broken.siteId}`, { model: GONE });
    const sites = [
      { site_id: broken.siteId, name: 'Another', ok: false, code: 'model_unavailable' },
      { site_id: tenant.siteId, ok: true, code: 'ok' },
    ];
    const stored = expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expect(stored).toMatchObject({ state: 'active', verdict: { ok: true, code: 'some_sites_fail', sites } });
    expect(await asOwner(stack, tenant, 'POST', `${keyPath(tenant)}/test`)).toMatchObject({
      ok: true,
      sites,
    });
    const { verdict } = await asOwner(stack, tenant, 'GET', keyPath(tenant));
    expect(verdict.message).toMatch(/1 of 2 sites.*"Another"/);
    expect(verdict).not.toHaveProperty('sites');
    expectSuccess(await mint(stack, tenant));
  });

  it('is refused if it serves none of its sites', async () => {
    const tenant = await makeTenant(stack, {}, { model: GONE });
    const answer = await putWorkspaceKey(stack, tenant, fakeKey());
    expectRefusal(answer, 422, 'openai_key_rejected');
    expect(detailPaths(answer)).toEqual(['model_unavailable']);
  });

  it('is stored if no site uses it yet, even if its project lacks the model of a new site', async () => {
    const { owner, workspaceId, siteId } = await makeTenant(stack);
    const tenant = { owner, workspaceId, siteId } as Tenant;
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${siteId}`);
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey('nomodel')))).toMatchObject({
      state: 'unverified',
      verdict: { ok: false, code: 'model_unavailable' },
    });
  });

  it('is probed with at most ten different settings', async () => {
    const tenant = await makeTenant(stack);
    for (const region of ['us', 'eu', 'ae', 'au', 'in', 'jp']) {
      const site = await addSite(stack, tenant);
      await asOwner(stack, tenant, 'PATCH', `/v1/sites/${site.siteId}`, { data_residency: region });
    }
    for (const model of ['gpt-realtime-2', 'gpt-realtime-2.1', 'gpt-realtime-1.5', 'gpt-realtime']) {
      const site = await addSite(stack, tenant);
      await asOwner(stack, tenant, 'PATCH', `/v1/sites/${site.siteId}`, { model });
    }
    openAi.clearRequests();
    const { verdict } = expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expect(mintRequests(stack)).toHaveLength(10);
    expect(
      verdict.sites.filter(({ code }: { readonly code: string }) => code === 'not_checked'),
    ).toHaveLength(1);
  });
});

describe('the data residency of a workspace', () => {
  it('is the default for new sites, and can be changed', async () => {
    const tenant = await makeTenant(stack, { data_residency: 'eu' });
    expect((await asOwner(stack, tenant, 'GET', workspacePath(tenant))).data_residency).toBe('eu');
    const site = await addSite(stack, tenant);
    expect((await asOwner(stack, tenant, 'GET', `/v1/sites/${site.siteId}`)).data_residency).toBe('eu');
    await asOwner(stack, tenant, 'PATCH', workspacePath(tenant), { data_residency: 'us' });
    expect((await asOwner(stack, tenant, 'GET', workspacePath(tenant))).data_residency).toBe('us');
    expect((await asOwner(stack, tenant, 'GET', `/v1/sites/${site.siteId}`)).data_residency).toBe('eu');
    const answer = await stack.call('PATCH', workspacePath(tenant), {
      as: tenant.owner,
      body: { data_residency: 'sg' },
    });
    expectRefusal(answer, 400, 'invalid_request');
  });
});

describe('an event about OpenAI that a widget reports', () => {
  const reported = async (...events: readonly unknown[]) => {
    const tenant = await makeTenant(stack);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    const session = expectSuccess(await mint(stack, tenant));
    const answer = await report(stack, tenant, session, events, { signedAt: stack.now() });
    const { items } = await asOwner(stack, tenant, 'GET', `${workspacePath(tenant)}/errors`);
    return { receipt: expectSuccess(answer), errors: items };
  };

  it('counts nothing for a response without usage, and the other events of the request still count', async () => {
    const later = (seconds: number) => new Date(stack.now().getTime() + seconds * 1_000);
    const { receipt } = await reported(
      event('connected', later(1)),
      event('usage', later(2), { response_id: 'resp_1', usage: null }),
      event('heartbeat', later(3)),
    );
    expect(receipt).toMatchObject({ accepted: 3, flagged: 0 });
  });

  it('is not listed as an error if it is a race within a session', async () => {
    const codes = [
      'response_cancel_not_active',
      'conversation_already_has_active_response',
      'session_expired',
    ];
    const { errors } = await reported(
      ...codes.map((code) => event('error', stack.now(), { source: 'response', code })),
    );
    expect(errors).toEqual([]);
  });

  it.each([
    ['billing_not_active', 'openai_quota_exhausted', 'billing_inactive'],
    ['billing_hard_limit_reached', 'openai_quota_exhausted', 'spend_limit_reached'],
    ['account_deactivated', 'openai_key_rejected', 'account_deactivated'],
  ])('has the same meaning as at the mint: %s', async (code, refusal, reason) => {
    const { errors } = await reported(event('error', stack.now(), { source: 'response', code }));
    expect(errors).toEqual([expect.objectContaining({ code: refusal, reason })]);
  });
});

describe('a name', () => {
  it.each([
    ['shows nothing', '\u200b'],
    ['shows nothing in Hangul', '\u3164\u115f'],
    ['turns its surroundings around', 'moc.pohs\u202e'],
    ['isolates its surroundings', '\u2066Shop'],
  ])('that %s is refused in every field for a name', async (_, name) => {
    const tenant = await makeTenant(stack);
    const send = (method: string, path: string, body: unknown) =>
      stack.call(method, path, { as: tenant.owner, body });
    const sites = `${workspacePath(tenant)}/sites`;
    const answers = [
      await send('POST', '/v1/workspaces', { name }),
      await send('PATCH', workspacePath(tenant), { name }),
      await send('POST', sites, { name, allowed_origins: ['https://shop.example'] }),
      await send('PATCH', `/v1/sites/${tenant.siteId}`, { name }),
      await send('PUT', `${workspacePath(tenant)}/members/${encodeURIComponent(name)}`, { role: 'viewer' }),
    ];
    for (const answer of answers) expectRefusal(answer, 400, 'invalid_request');
  });

  it('of a mailbox may be in any script, with white space around it', async () => {
    const tenant = await makeTenant(stack);
    const body = { alert_email: ' ops@bücher.example\n' };
    const { alert_email } = await asOwner(stack, tenant, 'PATCH', workspacePath(tenant), body);
    expect(alert_email).toBe('ops@xn--bcher-kva.example');
  });
});
