import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { startLocalOpenAi } from '../../local/openai/server.ts';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { secretFinder } from '../support/find-secret.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { asOwner, decrypts, expectNothingReached, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { MINT_PATH, mintRefused, mintRequests, openAiFingerprint, openAiOf } from '../support/openai.ts';
import { addMember } from '../support/people.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const PROBES_PER_MINUTE = 10;

const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const openAi = openAiOf(stack);
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});
afterEach(() => {
  openAi.clearFaults();
  stack.kms.clearFaults();
});

const keyPath = ({ workspaceId }: Tenant, rest = ''): string =>
  `/v1/workspaces/${workspaceId}/openai-key${rest}`;
const siteKeyPath = ({ siteId }: Tenant, rest = ''): string => `/v1/sites/${siteId}/openai-key${rest}`;
const view = (tenant: Tenant) => asOwner(stack, tenant, 'GET', keyPath(tenant));
const testVoice = (tenant: Tenant) => asOwner(stack, tenant, 'POST', keyPath(tenant, '/test'));

/** The one sentence that a refusal gives about the pasted text. */
const sentenceOf = (answer: TestAnswer): string => answer.error.details?.[0]?.message ?? '';

describe('a pasted text that is not an OpenAI API key', () => {
  const body = 'A1b2C3d4'.repeat(5);
  it.each([
    ['empty', '', /starts with "sk-"/],
    ['blank', ' \n\t ', /starts with "sk-"/],
    ['an admin key', `sk-admin-${body}`, /admin key/],
    ['a client secret', `ek_${body}`, /client secret/],
    ['garbage', 'hello', /does not look like/],
    ['of xAI', `xai-${body}`, /a key of xAI/],
    ['of Anthropic', `sk-ant-api03-${body}`, /a key of Anthropic/],
    ['of OpenRouter, in an assignment', `OPENAI_API_KEY="sk-or-v1-${body}"`, /a key of OpenRouter/],
    ['masked', 'sk-proj-...AbCd', /masked/],
    ['cut short', 'sk-proj-AbCd', /only the beginning/],
    ['two keys', `sk-${body} sk-${body}x`, /more than one key/],
    ['far too long', `sk-${'a'.repeat(400)}`, /does not look like/],
    ['with a header behind it', `sk-${body}\r\nx: y`, /a character that no OpenAI API key has/],
    ['with a letter that only looks Latin', `sk-${body}\u0430`, /a character that no OpenAI API key has/],
    ['with a control character inside', `sk-${body}\u0007${body}`, /invisible/],
  ])('is refused with a helpful sentence that does not repeat the text: %s', async (_, pasted, sentence) => {
    const tenant = await makeTenant(stack);
    stack.kms.clearCalls();
    openAi.clearRequests();
    const answer = await putWorkspaceKey(stack, tenant, pasted);
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['api_key']);
    expect(sentenceOf(answer)).toMatch(sentence);
    expect(answer.text).not.toContain(body);
    expectNothingReached(stack);
    expectRefusal(await stack.call('GET', keyPath(tenant), { as: tenant.owner }), 404, 'openai_key_missing');
  });

  it('does not use up the limit of probes', async () => {
    const tenant = await makeTenant(stack);
    for (let i = 0; i <= PROBES_PER_MINUTE; i++)
      expectRefusal(await putWorkspaceKey(stack, tenant, 'hello'), 400, 'invalid_request');
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
  });
});

describe('a pasted key', () => {
  it.each<[string, (key: string) => string]>([
    ['white space', (key) => ` \t${key}\r\n`],
    ['a zero-width space', (key) => `${key}\u200b`],
    ['a line wrap inside', (key) => `${key.slice(0, 70)}\n${key.slice(70)}`],
    ['quotes and an assignment', (key) => `export OPENAI_API_KEY="${key}"`],
    ['a header', (key) => `Authorization: Bearer ${key}`],
  ])('is stored without the text around it: %s', async (_, around) => {
    const tenant = await makeTenant(stack);
    const key = fakeKey();
    const shown = expectSuccess(await putWorkspaceKey(stack, tenant, around(key)));
    expect(shown.masked).toBe(`sk-proj-...${key.slice(-4)}`);
    openAi.clearRequests();
    expectSuccess(await mint(stack, tenant));
    expect(mintRequests(stack)[0]?.keyFingerprint).toBe(openAiFingerprint(key));
  });

  it.each([
    ['a service-account key', 'sk-svcacct-', 'sk-svcacct-...'],
    ['an old user key', 'sk-', 'sk-...'],
  ])('may be %s', async (_, prefix, masked) => {
    const tenant = await makeTenant(stack);
    const key = `${prefix}${fakeKey().slice('sk-proj-'.length)}`;
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, key)).masked).toBe(`${masked}${key.slice(-4)}`);
  });

  it("is probed with a ten-second mint of the site's own session, whose secret is discarded", async () => {
    const site = { model: 'gpt-realtime-2', voice: 'sage', instructions: 'Sell umbrellas.' };
    const tenant = await makeTenant(stack, {}, site);
    openAi.clearRequests();
    const answer = await putSiteKey(stack, tenant, fakeKey());
    expectSuccess(answer);
    expect(openAi.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/models',
      `POST ${MINT_PATH}`,
    ]);
    expect(mintRequests(stack)[0]?.body).toMatchObject({
      expires_after: { anchor: 'created_at', seconds: 10 },
      session: { type: 'realtime', model: site.model, audio: { output: { voice: site.voice } } },
    });
    expect(answer.text).not.toContain('ek_');
  });

  it('is stored without a decrypt, and nowhere in plaintext', async () => {
    const tenant = await makeTenant(stack);
    stack.kms.clearCalls();
    const key = fakeKey();
    expectSuccess(await putWorkspaceKey(stack, tenant, key));
    expect(stack.kms.calls.map(({ operation }) => operation).sort()).toEqual([
      'GenerateDataKey',
      'GenerateMac',
    ]);
    const record = await tables.keyItem('workspace', tenant.workspaceId);
    const { find } = secretFinder({ key });
    expect(find(JSON.stringify(record))).toEqual([]);
    const binary = Object.values(record.sealed).filter((value) => value instanceof Uint8Array);
    expect(binary.length).toBeGreaterThan(0);
    for (const bytes of binary) expect(find(bytes)).toEqual([]);
  });

  it('is not stored if KMS does not answer', async () => {
    const tenant = await makeTenant(stack);
    stack.kms.inject({ operation: 'GenerateDataKey', errorName: 'DisabledException' });
    expectRefusal(await putWorkspaceKey(stack, tenant, fakeKey()), 503, 'unavailable');
    expectRefusal(await stack.call('GET', keyPath(tenant), { as: tenant.owner }), 404, 'openai_key_missing');
  });
});

describe('the probe of a pasted key', () => {
  it.each([
    ['revoked', 422, 'openai_key_rejected', 'key_invalid', /new key/],
    ['expired', 422, 'openai_key_rejected', 'key_expired', /expired/],
    ['noscope', 422, 'openai_key_rejected', 'missing_permission', /Missing: api\.model\.request\./],
    ['readonly', 422, 'openai_key_rejected', 'missing_permission', /Missing: api\.model\.request\./],
    ['nomodel', 422, 'openai_key_rejected', 'model_unavailable', /model/],
    ['wrongregion', 422, 'openai_key_rejected', 'wrong_region', /Set data_residency to us\./],
    ['notregional', 422, 'openai_key_rejected', 'wrong_region', /Set data_residency to global\./],
    ['deactivated', 422, 'openai_key_rejected', 'account_deactivated', /deactivated/],
    ['archived', 422, 'openai_key_rejected', 'project_archived', /archived/],
    ['otherproject', 422, 'openai_key_rejected', 'project_mismatch', /project/],
    ['unverified', 422, 'openai_key_rejected', 'organization_unverified', /Verify/],
    ['nobilling', 402, 'openai_quota_exhausted', 'billing_inactive', /Billing/],
    ['hardlimit', 402, 'openai_quota_exhausted', 'spend_limit_reached', /limit/],
    ['badip', 422, 'openai_key_rejected', 'ip_not_authorized', /address/],
    ['nocountry', 422, 'openai_key_rejected', 'country_not_supported', /region/],
    ['noorg', 422, 'openai_key_rejected', 'not_a_member', /member/],
    ['noquota', 402, 'openai_quota_exhausted', 'quota_exhausted', /credit/],
    ['nocredit', 402, 'openai_quota_exhausted', 'quota_exhausted', /credit/],
    ['spendlimit', 402, 'openai_quota_exhausted', 'spend_limit_reached', /limit/],
    ['orgspendlimit', 402, 'openai_quota_exhausted', 'spend_limit_reached', /limit/],
    ['usagelimit', 402, 'openai_quota_exhausted', 'spend_limit_reached', /limit/],
  ])('%s: %i %s (%s), and the previous good key stays', async (suffix, status, code, reason, sentence) => {
    const tenant = await makeKeyedTenant(stack);
    const before = await view(tenant);
    const answer = await putWorkspaceKey(stack, tenant, fakeKey(suffix));
    expectRefusal(answer, status, code);
    expect(detailPaths(answer)).toEqual([reason]);
    expect(sentenceOf(answer)).toMatch(sentence);

    expect(await view(tenant)).toEqual(before);
    openAi.clearRequests();
    expectSuccess(await mint(stack, tenant));
    expect(mintRequests(stack)[0]?.keyFingerprint).toBe(openAiFingerprint(tenant.key));
  });

  it.each(['revoked', 'nocredit'])('%s: nothing is stored if there was no key', async (suffix) => {
    const tenant = await makeTenant(stack);
    await putWorkspaceKey(stack, tenant, fakeKey(suffix));
    expectRefusal(await stack.call('GET', keyPath(tenant), { as: tenant.owner }), 404, 'openai_key_missing');
  });

  it('accepts a restricted key that may mint but not list models', async () => {
    const tenant = await makeTenant(stack);
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey('restricted')))).toMatchObject({
      state: 'active',
      verdict: { ok: true, code: 'ok' },
    });
    expectSuccess(await mint(stack, tenant));
  });

  it.each([
    ['ratelimited', 'rate_limited'],
    ['slowdown', 'rate_limited'],
    ['err500', 'upstream_error'],
    ['err503', 'upstream_error'],
    ['html502', 'upstream_error'],
    ['blocked', 'unreadable_answer'],
    ['badjson', 'unreadable_answer'],
    ['reset', 'unreachable'],
  ])(
    '%s: OpenAI is at fault, so the key is stored as unverified (%s), and the response says so',
    async (suffix, code) => {
      const tenant = await makeTenant(stack);
      const stored = expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey(suffix)));
      expect(stored).toMatchObject({
        version: 1,
        state: 'unverified',
        last_verified_at: null,
        verdict: { ok: false, code, message: expect.stringMatching(/not verified/) },
      });
      expect(await view(tenant)).toEqual(stored);
    },
  );

  it.each(['blocked', 'html502', 'badjson', 'reset', 'ratelimited'])(
    '%s: the previous good key stays unless the owner confirms the replacement',
    async (suffix) => {
      const tenant = await makeKeyedTenant(stack);
      const before = await view(tenant);
      const unchecked = fakeKey(suffix);
      const answer = await putWorkspaceKey(stack, tenant, unchecked);
      expectRefusal(answer, 409, 'openai_key_unverified');
      expect(await view(tenant)).toEqual(before);
      const confirmed = await stack.call('PUT', keyPath(tenant), {
        as: tenant.owner,
        body: { api_key: unchecked, confirm_unverified: true },
      });
      expect(expectSuccess(confirmed)).toMatchObject({ state: 'unverified', version: 2 });
    },
  );

  it.each([
    ['500', { status: 500 }],
    [
      '429',
      { status: 429, body: { error: { code: 'rate_limit_exceeded', type: 'requests', message: 'x' } } },
    ],
    ['404', { status: 404, body: { error: { code: null, type: 'invalid_request_error', message: 'x' } } }],
    ['a list without the model', { status: 200, body: { object: 'list', data: [{ id: 'gpt-4o' }] } }],
    ['odd JSON', { status: 200, body: [1] }],
    ['a page', { status: 200, body: '<html>' }],
  ])('does not let the list of models overrule the mint: %s', async (_, fault) => {
    const tenant = await makeTenant(stack);
    openAi.inject({ path: '/v1/models', ...fault });
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()))).toMatchObject({
      state: 'active',
      verdict: { ok: true, code: 'ok' },
    });
  });

  it('lets an unverified key mint as soon as OpenAI is back', async () => {
    const tenant = await makeTenant(stack);
    openAi.inject(mintRefused(500, { message: 'An error.' }));
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey())).state).toBe('unverified');
    openAi.clearFaults();
    expectSuccess(await mint(stack, tenant));
    expectSuccess(await stack.call('POST', keyPath(tenant, '/test'), { as: tenant.owner }));
    expect((await view(tenant)).state).toBe('active');
  });
});

describe('a model that OpenAI will shut down', () => {
  // gpt-realtime ends on 2027-01-20.
  it.each([
    ['2026-10-21T00:00:00Z', 'ok'],
    ['2026-10-23T00:00:00Z', 'model_retiring'],
    ['2027-01-19T23:59:00Z', 'model_retiring'],
  ])('at %s gives the verdict %s for a good key', async (now, code) => {
    const dated = await startLocalOpenAi({ now: () => Date.parse(now) });
    const then = await startTestStack({
      audited: false,
      openAiBaseUrl: dated.baseUrl,
      runtime: { clock: () => new Date(now) },
    });
    try {
      const tenant = await makeTenant(then, {}, { model: 'gpt-realtime' });
      const { state, verdict } = expectSuccess(await putSiteKey(then, tenant, fakeKey()));
      expect({ state, ok: verdict.ok, code: verdict.code }).toEqual({ state: 'active', ok: true, code });
      if (code === 'model_retiring') expect(verdict.message).toMatch(/gpt-realtime .*2027-01-20/);
      expectSuccess(await mint(then, tenant));
    } finally {
      await then.close();
      await dated.close();
    }
  });

  it('is unavailable from its shutdown day on', async () => {
    let now = '2027-01-10T00:00:00Z';
    const dated = await startLocalOpenAi({ now: () => Date.parse(now) });
    const then = await startTestStack({
      audited: false,
      openAiBaseUrl: dated.baseUrl,
      runtime: { clock: () => new Date(now) },
    });
    try {
      const tenant = await makeTenant(then, {}, { model: 'gpt-realtime' });
      now = '2027-01-20T00:00:00Z';
      const answer = await putSiteKey(then, tenant, fakeKey());
      expectRefusal(answer, 422, 'openai_key_rejected');
      expect(detailPaths(answer)).toEqual(['model_unavailable']);
    } finally {
      await then.close();
      await dated.close();
    }
  });
});

describe('the version of a key', () => {
  it('grows with each key that is stored, and continues after a deletion', async () => {
    const tenant = await makeTenant(stack);
    const put = async (): Promise<number> =>
      expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey())).version;
    expect([await put(), await put()]).toEqual([1, 2]);
    await asOwner(stack, tenant, 'DELETE', keyPath(tenant));
    expect(await put()).toBe(3);
  });

  it('grows when the same key is stored again', async () => {
    const tenant = await makeKeyedTenant(stack);
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, tenant.key)).version).toBe(2);
  });

  it('does not grow with a key that is refused, or with a suspension', async () => {
    const tenant = await makeKeyedTenant(stack);
    await putWorkspaceKey(stack, tenant, fakeKey('revoked'));
    await asOwner(stack, tenant, 'POST', keyPath(tenant, '/suspend'));
    expect((await view(tenant)).version).toBe(1);
  });

  it.each([
    ['a first key', 0],
    ['a replacement', 1],
  ])(
    'is given to one of two people who store %s at once; the other gets a conflict or the next version',
    async (_, stored) => {
      for (let round = 0; round < 4; round++) {
        const tenant = await makeTenant(stack);
        for (let i = 0; i < stored; i++) expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
        const keys = [fakeKey(), fakeKey()];
        const answers = await Promise.all(keys.map((key) => putWorkspaceKey(stack, tenant, key)));
        const accepted = answers.filter(({ status }) => status === 200);
        for (const answer of answers.filter(({ status }) => status !== 200))
          expectRefusal(answer, 409, 'version_conflict');
        const versions = accepted.map(({ data }) => data.version).sort();
        expect(versions).toEqual(accepted.map((_accepted, i) => stored + i + 1));
        const last = answers.findIndex(({ data }) => data?.version === versions.at(-1));
        expect((await view(tenant)).masked).toBe(answers[last]?.data.masked);
        openAi.clearRequests();
        expectSuccess(await mint(stack, tenant));
        expect(mintRequests(stack)[0]?.keyFingerprint).toBe(openAiFingerprint(keys[last] ?? ''));
      }
    },
  );

  it('is given once if a deletion and a replacement happen at once', async () => {
    const tenant = await makeKeyedTenant(stack);
    const [put, removed] = await Promise.all([
      putWorkspaceKey(stack, tenant, fakeKey()),
      stack.call('DELETE', keyPath(tenant), { as: tenant.owner }),
    ]);
    for (const { status } of [put, removed]) expect([200, 409]).toContain(status);
    if (put.status === 200) expect(put.data.version).toBe(2);
    expect(expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey())).version).toBe(
      put.status === 200 ? 3 : 2,
    );
  });
});

describe('suspending a key', () => {
  it('stops mints at the next request, and resuming allows them again', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await mint(stack, tenant));
    expect(await asOwner(stack, tenant, 'POST', keyPath(tenant, '/suspend'))).toMatchObject({
      state: 'suspended',
      version: 1,
    });
    expect((await view(tenant)).state).toBe('suspended');
    openAi.clearRequests();
    stack.kms.clearCalls();
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
    expectNothingReached(stack);
    expect((await asOwner(stack, tenant, 'POST', keyPath(tenant, '/resume'))).state).toBe('active');
    expectSuccess(await mint(stack, tenant));
  });

  it('of one site stops that site only', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    await asOwner(stack, tenant, 'POST', siteKeyPath(tenant, '/suspend'));
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
    expect((await view(tenant)).state).toBe('active');
  });

  it.each(['suspend', 'resume'])('can be repeated without effect: %s', async (action) => {
    const tenant = await makeKeyedTenant(stack);
    const first = await asOwner(stack, tenant, 'POST', keyPath(tenant, `/${action}`));
    expect(await asOwner(stack, tenant, 'POST', keyPath(tenant, `/${action}`))).toEqual(first);
  });

  it.each(['suspend', 'resume', 'test'])('returns 404 if there is no key: %s', async (action) => {
    const tenant = await makeTenant(stack);
    const answer = await stack.call('POST', keyPath(tenant, `/${action}`), { as: tenant.owner });
    expectRefusal(answer, 404, 'openai_key_missing');
    const deleted = await makeKeyedTenant(stack);
    await asOwner(stack, deleted, 'DELETE', keyPath(deleted));
    const gone = await stack.call('POST', keyPath(deleted, `/${action}`), { as: deleted.owner });
    expectRefusal(gone, 404, 'openai_key_missing');
  });
});

describe('Test voice', () => {
  it('returns the verdict of a real mint, and no secret', async () => {
    const tenant = await makeKeyedTenant(stack);
    const answer = await stack.call('POST', keyPath(tenant, '/test'), { as: tenant.owner });
    expect(expectSuccess(answer)).toEqual({
      ok: true,
      code: 'ok',
      message: expect.stringMatching(/\w/),
      latency_ms: expect.any(Number),
      checked_at: time.clock().toISOString(),
    });
    expect(mintRequests(stack)).toHaveLength(1);
    expect(mintRequests(stack)[0]?.keyFingerprint).toBe(openAiFingerprint(tenant.key));
    expect(answer.text).not.toContain('ek_');
  });

  it.each([
    [mintRefused(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' }), 'key_invalid'],
    [mintRefused(429, { message: 'No credit.', type: 'insufficient_quota' }), 'quota_exhausted'],
    [mintRefused(429, { message: 'Slow down.', code: 'rate_limit_exceeded' }), 'rate_limited'],
    [mintRefused(500, { message: 'An error.' }), 'upstream_error'],
    [{ path: MINT_PATH, reset: true }, 'unreachable'],
  ])('reports a failing key in a successful response: %j', async (fault, code) => {
    const tenant = await makeKeyedTenant(stack);
    openAi.inject(fault);
    const verdict = await testVoice(tenant);
    expect(verdict).toMatchObject({ ok: false, code, message: expect.stringMatching(/\w{3}/) });
    const shown = await view(tenant);
    expect(shown).toMatchObject({ state: 'unverified', verdict });
  });

  it("Test voice of a site tests the site's own key with the site's own session", async () => {
    const tenant = await makeTenant(stack, {}, { model: 'gpt-realtime-2', voice: 'sage' });
    const key = fakeKey();
    expectSuccess(await putSiteKey(stack, tenant, key));
    openAi.clearRequests();
    expect((await asOwner(stack, tenant, 'POST', siteKeyPath(tenant, '/test'))).ok).toBe(true);
    expect(mintRequests(stack)).toEqual([
      expect.objectContaining({
        keyFingerprint: openAiFingerprint(key),
        body: expect.objectContaining({
          session: expect.objectContaining({ model: 'gpt-realtime-2', audio: { output: { voice: 'sage' } } }),
        }),
      }),
    ]);
  });

  it.each([
    ['of the workspace', keyPath, ({ workspaceId }: Tenant) => `WORKSPACE#${workspaceId}`],
    ['of a site', siteKeyPath, ({ siteId }: Tenant) => `SITE#${siteId}`],
  ])(
    '%s is recorded as a test by the person, with the request IDs of KMS and OpenAI',
    async (_, path, pk) => {
      const tenant = await makeTenant(stack);
      expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
      expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
      const admin = await addMember(stack, tenant, 'admin');
      stack.kms.clearCalls();
      openAi.clearRequests();
      expectSuccess(await stack.call('POST', path(tenant, '/test'), { as: admin }));

      const [decrypt, ...more] = decrypts(stack);
      expect(more).toEqual([]);
      const sessions = (await tables.scan('sessions')).filter(
        (item) => item['pk'] === pk(tenant) && String(item['sk']).startsWith('SESSION#'),
      );
      expect(sessions).toEqual([
        expect.objectContaining({
          kind: 'test',
          actor: admin,
          state: 'issued',
          keyVersion: 1,
          kmsRequestId: decrypt?.requestId,
          openAiRequestId: mintRequests(stack)[0]?.requestId,
        }),
      ]);
    },
  );

  it('is recorded as refused if it fails, with the request ID of KMS', async () => {
    const tenant = await makeKeyedTenant(stack);
    openAi.inject(mintRefused(401, { message: 'Incorrect.', code: 'invalid_api_key' }));
    await testVoice(tenant);
    const sessions = (await tables.scan('sessions')).filter(
      ({ pk, kind }) => pk === `WORKSPACE#${tenant.workspaceId}` && kind === 'test',
    );
    expect(sessions).toEqual([
      expect.objectContaining({
        state: 'refused',
        openAiFailure: 'key_invalid',
        kmsRequestId: decrypts(stack)[0]?.requestId,
      }),
    ]);
  });

  it('takes no slot and works without a free one', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    await testVoice(tenant);
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
    expect(expectSuccess(await mint(stack, tenant)).remaining_slots).toBe(0);
    expect((await testVoice(tenant)).ok).toBe(true);
  });

  it("works in managed mode, which does not use the workspace's own key", async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
    expect((await testVoice(tenant)).ok).toBe(true);
    expect(mintRequests(stack)[0]?.keyFingerprint).toBe(openAiFingerprint(tenant.key));
  });

  it('Test voice of a suspended key is refused and opens nothing', async () => {
    const tenant = await makeKeyedTenant(stack);
    await asOwner(stack, tenant, 'POST', keyPath(tenant, '/suspend'));
    const answer = await stack.call('POST', keyPath(tenant, '/test'), { as: tenant.owner });
    expectRefusal(answer, 423, 'openai_key_suspended');
    expectNothingReached(stack);
  });

  it('Test voice without KMS answers 503 unavailable, and nothing reaches OpenAI', async () => {
    const tenant = await makeKeyedTenant(stack);
    stack.kms.inject({ operation: 'Decrypt', errorName: 'DisabledException' });
    const answer = await stack.call('POST', keyPath(tenant, '/test'), { as: tenant.owner });
    expectRefusal(answer, 503, 'unavailable');
    expect(openAi.requests).toEqual([]);
  });

  it('Test voice of a record that cannot be opened answers 422, and its owner sees needs_reentry until a new key is stored', async () => {
    const tenant = await makeKeyedTenant(stack);
    stack.kms.inject({ operation: 'Decrypt', errorName: 'InvalidCiphertextException', times: 1 });
    const answer = await stack.call('POST', keyPath(tenant, '/test'), { as: tenant.owner });
    expectRefusal(answer, 422, 'openai_key_missing');
    expect((await view(tenant)).state).toBe('needs_reentry');
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expect((await view(tenant)).state).toBe('active');
  });
});

describe('probes of keys in a workspace', () => {
  const spend = async (on: TestStack, tenant: Tenant, count: number): Promise<void> => {
    for (let i = 0; i < count; i++)
      expectSuccess(await on.call('POST', keyPath(tenant, '/test'), { as: tenant.owner }));
  };

  it('are limited to ten a minute, pasting and testing together; a refused probe reaches no other service', async () => {
    const tenant = await makeKeyedTenant(stack);
    await spend(stack, tenant, PROBES_PER_MINUTE - 1);
    stack.kms.clearCalls();
    openAi.clearRequests();
    const tested = await stack.call('POST', keyPath(tenant, '/test'), { as: tenant.owner });
    expectRefusal(tested, 429, 'rate_limited');
    expect(tested.error.retry_after).toBe(50);
    expectRefusal(await putWorkspaceKey(stack, tenant, fakeKey()), 429, 'rate_limited');
    expectRefusal(await putSiteKey(stack, tenant, fakeKey()), 429, 'rate_limited');
    expectNothingReached(stack);
    expect((await view(tenant)).version).toBe(1);
  });

  it('that are used up do not affect mints and the kill switch, and are available again after a minute', async () => {
    const tenant = await makeKeyedTenant(stack);
    await spend(stack, tenant, PROBES_PER_MINUTE - 1);
    expectSuccess(await mint(stack, tenant));
    await asOwner(stack, tenant, 'POST', keyPath(tenant, '/suspend'));
    await asOwner(stack, tenant, 'POST', keyPath(tenant, '/resume'));
    time.advance(50_000);
    await spend(stack, tenant, 1);
    time.advance(10_000);
  });

  it('do not count for another workspace', async () => {
    const first = await makeKeyedTenant(stack);
    await spend(stack, first, PROBES_PER_MINUTE - 1);
    await spend(stack, await makeKeyedTenant(stack), 1);
  });
});

describe('the facts shown about a key', () => {
  it('update last_verified_at after a good test and keep it after a failed one', async () => {
    const tenant = await makeKeyedTenant(stack);
    expect((await view(tenant)).last_verified_at).toBe(time.clock().toISOString());
    time.advance(60_000);
    const verified = (await testVoice(tenant)).checked_at;
    expect(verified).toBe(time.clock().toISOString());
    expect((await view(tenant)).last_verified_at).toBe(verified);

    time.advance(60_000);
    openAi.inject(mintRefused(401, { message: 'Incorrect.', code: 'invalid_api_key' }));
    await testVoice(tenant);
    expect(await view(tenant)).toMatchObject({
      last_verified_at: verified,
      verdict: { ok: false, checked_at: time.clock().toISOString() },
    });
  });

  it('belong to the key that is stored now, not to the previous one', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await mint(stack, tenant));
    openAi.inject({ ...mintRefused(401, { message: 'Incorrect.', code: 'invalid_api_key' }), times: 1 });
    await testVoice(tenant);
    time.advance(60_000);

    const stored = expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expect(stored).toMatchObject({ state: 'active', last_used_at: null, verdict: { ok: true, code: 'ok' } });
    expect(await view(tenant)).toEqual(stored);
  });

  it('name the person who stored the key and when, not the person who looked', async () => {
    const tenant = await makeTenant(stack);
    const admin = await addMember(stack, tenant, 'admin');
    const answer = await stack.call('PUT', keyPath(tenant), { as: admin, body: { api_key: fakeKey() } });
    expectSuccess(answer);
    expect(await view(tenant)).toMatchObject({ created_by: admin, created_at: time.clock().toISOString() });
  });
});
