import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { mintRequests, openAiFingerprint, openAiOf } from '../support/openai.ts';
import { putOnPlan } from '../support/plan.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey } from '../support/tenant.ts';

const SITE = {
  model: 'gpt-realtime-2.1',
  voice: 'cedar',
  instructions: 'Sell nothing but umbrellas.',
  client_secret_ttl_seconds: 45,
  max_duration_seconds: 300,
};
const FOREIGN_HEADERS = [
  'openai-beta',
  'openai-organization',
  'openai-project',
  'origin',
  'cookie',
  'referer',
];

const stack = await startTestStack({ audited: false });
const openAi = openAiOf(stack);
afterAll(() => stack.close());
beforeEach(() => openAi.clearRequests());

const tenantWithKey = async () => {
  const tenant = await makeTenant(stack, {}, SITE);
  const key = fakeKey();
  expectSuccess(await putWorkspaceKey(stack, tenant, key));
  openAi.clearRequests();
  return { tenant, key };
};

const usedKeys = () => mintRequests(stack).map(({ keyFingerprint }) => keyFingerprint);

describe('a stored key', () => {
  it('is shown with exactly the fields of the contract, by its kind and last four characters', async () => {
    const tenant = await makeTenant(stack, {}, SITE);
    const key = fakeKey();
    const stored = expectSuccess(await putWorkspaceKey(stack, tenant, key));
    const answer = await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/openai-key`, {
      as: tenant.owner,
    });
    const shown = expectSuccess(answer);

    expect(shown).toEqual(stored);
    expect(shown).toEqual({
      scope: 'workspace',
      masked: `sk-proj-...${key.slice(-4)}`,
      version: 1,
      state: 'active',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      created_by: tenant.owner,
      last_used_at: null,
      last_verified_at: shown.verdict.checked_at,
      verdict: {
        ok: true,
        code: 'ok',
        message: expect.stringMatching(/\w/),
        latency_ms: expect.any(Number),
        checked_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    });
    expect(answer.text).not.toContain(key.slice(8, 20));
  });

  it('returns 404 openai_key_missing for a scope without a key', async () => {
    const { tenant } = await tenantWithKey();
    const answer = await stack.call('GET', `/v1/sites/${tenant.siteId}/openai-key`, { as: tenant.owner });
    expectRefusal(answer, 404, 'openai_key_missing');
  });
});

describe('a client secret response', () => {
  it('has exactly the fields of the contract', async () => {
    const { tenant, key } = await tenantWithKey();
    const beforeSeconds = Math.floor(Date.now() / 1_000);
    const answer = await mint(stack, tenant);
    const afterSeconds = Math.floor(Date.now() / 1_000);
    const token = expectSuccess(answer);

    expect(token).toEqual({
      client_secret: { value: expect.stringMatching(/^ek_\w{8,}$/), expires_at: expect.any(Number) },
      session_id: expect.stringMatching(/^ses_[0-9a-z]{20,}$/),
      signing_secret: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      model: SITE.model,
      voice: SITE.voice,
      realtime_url: `${openAi.baseUrl}/realtime/calls`,
      mode: 'byok',
      heartbeat_seconds: expect.any(Number),
      max_duration_seconds: SITE.max_duration_seconds,
      remaining_slots: 29,
      first_message: null,
    });
    const ttl = SITE.client_secret_ttl_seconds;
    expect(token.client_secret.expires_at).toBeGreaterThanOrEqual(beforeSeconds + ttl);
    expect(token.client_secret.expires_at).toBeLessThanOrEqual(afterSeconds + ttl);
    expect(token.heartbeat_seconds).toBeGreaterThan(0);
    expect(answer.text).not.toContain(key.slice(8, 20));
    expect(answer.text).not.toContain(SITE.instructions);
  });

  it('holds a secret that OpenAI accepts at realtime_url', async () => {
    const { tenant } = await tenantWithKey();
    const { client_secret, realtime_url } = expectSuccess(await mint(stack, tenant));
    const offer = async (secret: string) => {
      const response = await fetch(realtime_url, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/sdp' },
        body: 'not an offer',
      });
      const { error } = (await response.json()) as { readonly error: { readonly code: string } };
      return error.code;
    };
    // The stand-in looks at the secret before it looks at the offer.
    expect(await offer(client_secret.value)).toBe('invalid_offer');
    expect(await offer(`${client_secret.value}0`)).toBe('invalid_api_key');
  });

  it('has a session and a signing secret that no other response has', async () => {
    const { tenant } = await tenantWithKey();
    const first = expectSuccess(await mint(stack, tenant, { visitor_id: 'ann' }));
    const second = expectSuccess(await mint(stack, tenant, { visitor_id: 'ann' }));
    expect(second.session_id).not.toBe(first.session_id);
    expect(second.signing_secret).not.toBe(first.signing_secret);
    expect(second.client_secret.value).not.toBe(first.client_secret.value);
  });
});

describe('the request to OpenAI', () => {
  it("is one mint with the site's own session and lifetime, and nothing that the visitor chose", async () => {
    const { tenant, key } = await tenantWithKey();
    expectSuccess(await mint(stack, tenant, { visitor_id: 'visitor-4711' }));

    const [request, ...more] = openAi.requests;
    expect(more).toEqual([]);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/realtime/client_secrets',
      keyFingerprint: openAiFingerprint(key),
      body: {
        expires_after: { anchor: 'created_at', seconds: SITE.client_secret_ttl_seconds },
        session: {
          type: 'realtime',
          model: SITE.model,
          instructions: SITE.instructions,
          audio: { output: { voice: SITE.voice } },
        },
      },
    });
    const headers = Object.keys(request?.headers ?? {});
    expect(headers.filter((name) => FOREIGN_HEADERS.includes(name))).toEqual([]);
    expect(JSON.stringify(request)).not.toMatch(/visitor-4711|shop\.example/);
  });

  it('follows a change of the site at the next mint', async () => {
    const { tenant } = await tenantWithKey();
    const change = { voice: 'sage', client_secret_ttl_seconds: 10 };
    expectSuccess(
      await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body: change }),
    );
    expect(expectSuccess(await mint(stack, tenant)).voice).toBe('sage');
    expect(mintRequests(stack)[0]?.body).toMatchObject({
      expires_after: { seconds: 10 },
      session: { model: SITE.model, audio: { output: { voice: 'sage' } } },
    });
  });

  it('identifies a visitor by 64 hex digits that are stable and differ by visitor and by site', async () => {
    const { tenant } = await tenantWithKey();
    const { tenant: other } = await tenantWithKey();
    for (const [site, visitor_id] of [
      [tenant, 'ann'],
      [tenant, 'ann'],
      [tenant, 'bob'],
      [other, 'ann'],
    ] as const)
      expectSuccess(await mint(stack, site, { visitor_id }));

    const [ann, annAgain, bob, annElsewhere] = mintRequests(stack).map(
      ({ headers }) => headers['openai-safety-identifier'],
    );
    expect(ann).toMatch(/^[0-9a-f]{64}$/);
    expect(annAgain).toBe(ann);
    expect(new Set([ann, bob, annElsewhere]).size).toBe(3);
  });

  it('identifies a visitor without an ID in the same format', async () => {
    const { tenant } = await tenantWithKey();
    expectSuccess(await mint(stack, tenant));
    expect(mintRequests(stack)[0]?.headers['openai-safety-identifier']).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the key that serves a mint', () => {
  it('is unusable from the moment it is deleted', async () => {
    const { tenant } = await tenantWithKey();
    expectSuccess(await mint(stack, tenant));
    const path = `/v1/workspaces/${tenant.workspaceId}/openai-key`;
    expect(expectSuccess(await stack.call('DELETE', path, { as: tenant.owner }))).toEqual({
      deleted: true,
      calls_ending: 0,
    });
    openAi.clearRequests();

    expectRefusal(await mint(stack, tenant), 422, 'openai_key_missing');
    expectRefusal(await stack.call('GET', path, { as: tenant.owner }), 404, 'openai_key_missing');
    expectRefusal(await stack.call('DELETE', path, { as: tenant.owner }), 404, 'openai_key_missing');
    expect(openAi.requests).toEqual([]);
  });

  it("is the site's own key, or the workspace's key after the site's is deleted", async () => {
    const { tenant, key: workspaceKey } = await tenantWithKey();
    const siteKey = fakeKey();
    expectSuccess(await mint(stack, tenant));
    expectSuccess(await putSiteKey(stack, tenant, siteKey));
    openAi.clearRequests();
    expectSuccess(await mint(stack, tenant));
    expectSuccess(await mint(stack, tenant));
    expect(usedKeys()).toEqual([openAiFingerprint(siteKey), openAiFingerprint(siteKey)]);

    expectSuccess(await stack.call('DELETE', `/v1/sites/${tenant.siteId}/openai-key`, { as: tenant.owner }));
    openAi.clearRequests();
    expectSuccess(await mint(stack, tenant));
    expect(usedKeys()).toEqual([openAiFingerprint(workspaceKey)]);
  });

  it('is never the key of another site', async () => {
    const { tenant, key: workspaceKey } = await tenantWithKey();
    await putOnPlan(stack, tenant, 'enterprise');
    const made = await stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
      as: tenant.owner,
      body: { name: 'Second', allowed_origins: ['https://shop.example'] },
    });
    const second = { ...tenant, siteId: expectSuccess(made, 201).site_id };
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    openAi.clearRequests();
    expectSuccess(await mint(stack, second));
    expect(usedKeys()).toEqual([openAiFingerprint(workspaceKey)]);
  });

  it('is the new key at the first mint after a replacement', async () => {
    const { tenant } = await tenantWithKey();
    const next = fakeKey();
    expectSuccess(await putWorkspaceKey(stack, tenant, next));
    openAi.clearRequests();
    expectSuccess(await mint(stack, tenant));
    expect(usedKeys()).toEqual([openAiFingerprint(next)]);
  });
});
