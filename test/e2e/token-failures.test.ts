import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { OPENAI_FAILURES } from '../../lambdas/domain/openai-failure.ts';
import { type Fault, startLocalOpenAi } from '../../local/openai/server.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { startAwsProxy } from '../support/aws-proxy.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { asOwner, decrypts, expectNothingReached, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { MINT_PATH, mintAnswered, mintRefused, mintRequests, openAiOf } from '../support/openai.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, type Tenant } from '../support/tenant.ts';

const TIER_1 = { openai_tier: 1 };

const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const openAi = openAiOf(stack);
const tables = tablesAt(stack.dynamoDb.endpoint);
const impatient = await startTestStack({ audited: false, variables: { OPENAI_TIMEOUT_MS: '500' } });
const proxy = await startAwsProxy();
const shaky = await startTestStack({ audited: false, variables: { AWS_ENDPOINT_URL_DYNAMODB: proxy.url } });
proxy.forwardTo(shaky.dynamoDb.endpoint);
/** DynamoDB refuses for good, which no SDK repeats. */
const fail = (match: (operation: string, body: string) => boolean) =>
  proxy.intervene(({ operation, body }) =>
    match(operation, JSON.stringify(body)) ? { errorName: 'AccessDeniedException' } : undefined,
  );
const heal = () => proxy.intervene();

afterAll(async () => {
  tables.close();
  await Promise.all([stack.close(), impatient.close(), shaky.close()]);
  await proxy.close();
});
afterEach(() => {
  openAi.clearFaults();
  stack.kms.clearFaults();
});

/** The slot of a tier-1 key is free again: with no fault left, the next visitor gets in. */
const expectSlotFree = async (tenant: Tenant) => {
  openAi.clearFaults();
  stack.kms.clearFaults();
  expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
  expect(expectSuccess(await mint(stack, tenant)).remaining_slots).toBe(0);
};

interface FailureCase {
  readonly name: string;
  readonly fault: Fault;
  readonly status: number;
  readonly code: string;
  readonly reason: (typeof OPENAI_FAILURES)[number];
  /** Requests that reach OpenAI. */
  readonly requests?: number;
  readonly retryAfter?: number;
}

// Planted where OpenAI would quote a key or an organization; no answer and no log may repeat it.
const CANARY = `org-${randomBytes(8).toString('hex')}`;

const failures: readonly FailureCase[] = [
  {
    name: 'an unknown key',
    fault: mintRefused(401, { message: `Incorrect API key provided: ${CANARY}.`, code: 'invalid_api_key' }),
    status: 422,
    code: 'openai_key_rejected',
    reason: 'key_invalid',
  },
  {
    name: 'an expired key',
    fault: mintRefused(401, { message: `Your API key has expired. ${CANARY}` }),
    status: 422,
    code: 'openai_key_rejected',
    reason: 'key_expired',
  },
  {
    name: 'a missing scope',
    fault: mintRefused(401, {
      message: `You have insufficient permissions for this operation. Missing scopes: api.model.request. ${CANARY}`,
      code: 'missing_scope',
    }),
    status: 422,
    code: 'openai_key_rejected',
    reason: 'missing_permission',
  },
  {
    name: 'a wrong region',
    fault: mintRefused(401, {
      message: `Please make your request to us.api.openai.com ${CANARY}`,
      code: 'incorrect_hostname',
    }),
    status: 422,
    code: 'openai_key_rejected',
    reason: 'wrong_region',
  },
  {
    name: 'an address that is not allowed',
    fault: mintRefused(401, { message: `Your IP is not authorized. ${CANARY}`, code: 'ip_not_authorized' }),
    status: 422,
    code: 'openai_key_rejected',
    reason: 'ip_not_authorized',
  },
  {
    name: 'an unsupported country',
    fault: mintRefused(403, {
      message: `Country, region, or territory not supported ${CANARY}`,
      type: 'request_forbidden',
      code: 'unsupported_country_region_territory',
    }),
    status: 422,
    code: 'openai_key_rejected',
    reason: 'country_not_supported',
  },
  {
    name: 'a model without access',
    fault: mintRefused(403, { message: `No access. ${CANARY}`, code: 'model_not_found' }),
    status: 422,
    code: 'openai_key_rejected',
    reason: 'model_unavailable',
  },
  {
    name: 'no quota',
    fault: mintRefused(429, {
      message: `You exceeded your current quota. ${CANARY}`,
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    }),
    status: 402,
    code: 'openai_quota_exhausted',
    reason: 'quota_exhausted',
  },
  {
    name: 'a spend limit',
    fault: mintRefused(429, {
      message: `Limit reached. ${CANARY}`,
      type: 'insufficient_quota',
      code: 'project_spend_limit_exceeded',
    }),
    status: 402,
    code: 'openai_quota_exhausted',
    reason: 'spend_limit_reached',
  },
  {
    name: 'a rate limit with retry-after',
    fault: mintRefused(
      429,
      { message: `Rate limit reached in ${CANARY}.`, type: 'requests', code: 'rate_limit_exceeded' },
      { 'retry-after': '17' },
    ),
    status: 429,
    code: 'busy',
    reason: 'rate_limited',
    retryAfter: 17,
  },
  {
    name: 'a rate limit that names its time in words',
    fault: mintRefused(429, {
      message: `Rate limit reached in ${CANARY}. Please try again in 1m12.5s.`,
      code: 'rate_limit_exceeded',
    }),
    status: 429,
    code: 'busy',
    reason: 'rate_limited',
    retryAfter: 73,
  },
  {
    name: 'a rate limit that names no time',
    fault: mintRefused(429, { message: `Please slow down. ${CANARY}`, code: 'slow_down' }),
    status: 429,
    code: 'busy',
    reason: 'rate_limited',
  },
  {
    name: 'refused settings',
    fault: mintRefused(400, { message: `Invalid value ${CANARY}`, code: 'invalid_value' }),
    status: 502,
    code: 'openai_error',
    reason: 'request_refused',
  },
  {
    name: 'a plain 500',
    fault: mintRefused(500, { message: `The server had an error. ${CANARY}`, type: 'server_error' }),
    status: 502,
    code: 'openai_error',
    reason: 'upstream_error',
  },
  {
    name: 'a 500 that must not be repeated',
    fault: mintRefused(500, { message: CANARY, type: 'server_error' }, { 'x-should-retry': 'false' }),
    status: 502,
    code: 'openai_error',
    reason: 'upstream_error',
  },
  {
    name: 'a 503 for which OpenAI asks for another try',
    fault: mintRefused(503, { message: `Overloaded. ${CANARY}` }, { 'x-should-retry': 'true' }),
    status: 502,
    code: 'openai_error',
    reason: 'upstream_error',
    requests: 2,
  },
  {
    name: 'a 429 for which OpenAI asks for another try',
    fault: mintRefused(429, { message: CANARY, code: 'rate_limit_exceeded' }, { 'x-should-retry': 'true' }),
    status: 429,
    code: 'busy',
    reason: 'rate_limited',
  },
  {
    name: 'an HTML page of the edge',
    fault: {
      path: MINT_PATH,
      status: 502,
      body: `<html>${CANARY}</html>`,
      headers: { 'content-type': 'text/html' },
    },
    status: 502,
    code: 'openai_error',
    reason: 'upstream_error',
  },
  {
    name: 'a body that is no JSON',
    fault: mintAnswered(`{"value": "ek_${CANARY}`),
    status: 502,
    code: 'openai_error',
    reason: 'unreadable_answer',
  },
  {
    name: 'an answer without a secret',
    fault: mintAnswered({ session: { type: 'realtime', id: CANARY } }),
    status: 502,
    code: 'openai_error',
    reason: 'unreadable_answer',
  },
  {
    name: 'a secret of another shape',
    fault: mintAnswered({ value: `sk-${CANARY}`, expires_at: 1_900_000_000, session: {} }),
    status: 502,
    code: 'openai_error',
    reason: 'unreadable_answer',
  },
  {
    name: 'a secret without its end',
    fault: mintAnswered({ value: `ek_${CANARY}`, session: {} }),
    status: 502,
    code: 'openai_error',
    reason: 'unreadable_answer',
  },
  {
    name: 'an empty body',
    fault: mintAnswered(''),
    status: 502,
    code: 'openai_error',
    reason: 'unreadable_answer',
  },
  {
    name: 'a redirect',
    fault: { path: MINT_PATH, status: 302, headers: { location: '/v1/elsewhere' } },
    status: 502,
    code: 'openai_error',
    reason: 'unreadable_answer',
  },
  {
    name: 'a connection that breaks after the request',
    fault: { path: MINT_PATH, reset: true },
    status: 502,
    code: 'openai_error',
    reason: 'unreachable',
  },
];

describe('a mint that fails at OpenAI', () => {
  it.each(failures)(
    '$name: $status $code, without any text from OpenAI, and the slot is free again',
    async ({ fault, status, code, reason, requests = 1, retryAfter }) => {
      const tenant = await makeKeyedTenant(stack, TIER_1);
      openAi.inject(fault);
      const answer = await mint(stack, tenant);

      expectRefusal(answer, status, code);
      expect(answer.error.details).toEqual([{ path: reason, message: expect.stringMatching(/\w{3}/) }]);
      if (retryAfter !== undefined) expect(answer.error.retry_after).toBe(retryAfter);
      expect(openAi.requests.map(({ path }) => path)).toEqual(Array(requests).fill(MINT_PATH));
      expect(decrypts(stack)).toHaveLength(1);
      expect(answer.text).not.toContain(CANARY);
      expect(stack.logs.join('\n')).not.toContain(CANARY);
      await expectSlotFree(tenant);
    },
  );

  it.each(['truncated', 'huge'])(
    'a response that is %s: 502 after one request, slot free',
    async (suffix) => {
      const tenant = await makeKeyedTenant(stack, TIER_1, {}, fakeKey(suffix));
      expectRefusal(await mint(stack, tenant), 502, 'openai_error');
      expect(openAi.requests).toHaveLength(1);
      expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
      expectRefusal(await mint(stack, tenant), 502, 'openai_error');
    },
  );

  it("succeeds if OpenAI's 503 asks for a retry and the retry succeeds", async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    openAi.inject({
      ...mintRefused(503, { message: 'Overloaded.' }, { 'x-should-retry': 'true' }),
      times: 1,
    });
    expectSuccess(await mint(stack, tenant));
    expect(mintRequests(stack)).toHaveLength(2);
  });

  it('is in the list of errors that the workspace sees', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    openAi.inject(mintRefused(401, { message: CANARY, code: 'invalid_api_key' }));
    await mint(stack, tenant);
    await mint(stack, tenant);
    const path = `/v1/workspaces/${tenant.workspaceId}/errors`;
    const answer = await stack.call('GET', path, { as: tenant.owner });
    expect(expectSuccess(answer).items).toEqual([
      expect.objectContaining({
        code: 'openai_key_rejected',
        reason: 'key_invalid',
        count: 2,
        site_id: tenant.siteId,
      }),
    ]);
    expect(answer.text).not.toContain(CANARY);
  });

  it('leaves its session on record as refused, with the request IDs of both calls', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    openAi.inject(mintRefused(500, { message: CANARY }));
    await mint(stack, tenant);
    expect(await tables.sessionsOf(tenant.siteId)).toEqual([
      expect.objectContaining({
        kind: 'visitor',
        state: 'refused',
        refusal: 'openai_error',
        openAiFailure: 'upstream_error',
        kmsRequestId: decrypts(stack)[0]?.requestId,
        openAiRequestId: openAi.requests[0]?.requestId,
      }),
    ]);
  });
});

describe('a mint when OpenAI does not answer', () => {
  it('returns 504 openai_timeout after one request, and the slot is free again', async () => {
    const tenant = await makeKeyedTenant(impatient, TIER_1);
    // Far beyond the time that the test itself may take.
    openAiOf(impatient).inject({ path: MINT_PATH, delayMs: 600_000 });
    expectRefusal(await mint(impatient, tenant), 504, 'openai_timeout');
    expect(mintRequests(impatient)).toHaveLength(1);
    openAiOf(impatient).clearFaults();
    expectSuccess(await mint(impatient, tenant));
  });
});

describe('a mint when OpenAI cannot be reached', () => {
  it('returns 502 openai_error, and the slot is free again', async () => {
    const away = await startLocalOpenAi();
    const port = Number(new URL(away.baseUrl).port);
    const lonely = await startTestStack({ audited: false, openAiBaseUrl: away.baseUrl });
    try {
      const tenant = await makeKeyedTenant(lonely, TIER_1);
      await away.close();
      const answer = await mint(lonely, tenant);
      expectRefusal(answer, 502, 'openai_error');
      expect(answer.error.details?.[0]?.path).toBe('unreachable');
      const back = await startLocalOpenAi({ port });
      expectSuccess(await mint(lonely, tenant));
      await back.close();
    } finally {
      await away.close();
      await lonely.close();
    }
  });
});

describe('a mint when KMS fails', () => {
  it.each([
    { errorName: 'DisabledException' },
    { errorName: 'KMSInvalidStateException' },
    { errorName: 'AccessDeniedException' },
    { errorName: 'NotFoundException' },
    { errorName: 'ThrottlingException' },
    { errorName: 'KMSInternalException' },
    { reset: true },
  ])('%p: 503 unavailable, nothing reaches OpenAI, and the slot is free again', async (fault) => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    stack.kms.inject({ operation: 'Decrypt', ...fault });
    expectRefusal(await mint(stack, tenant), 503, 'unavailable');
    expect(openAi.requests).toEqual([]);
    await expectSlotFree(tenant);
  });

  it('records a refusal by KMS with the request ID that CloudTrail has', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    stack.kms.inject({ operation: 'Decrypt', errorName: 'AccessDeniedException' });
    await mint(stack, tenant);
    expect(await tables.sessionsOf(tenant.siteId)).toEqual([
      expect.objectContaining({ state: 'refused', kmsRequestId: decrypts(stack)[0]?.requestId }),
    ]);
  });

  it('returns 422 openai_key_missing if KMS cannot decrypt the record, shown as needs_reentry, slot free', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    stack.kms.inject({ operation: 'Decrypt', errorName: 'InvalidCiphertextException' });
    expectRefusal(await mint(stack, tenant), 422, 'openai_key_missing');
    const shown = await asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/openai-key`);
    expect(shown.state).toBe('needs_reentry');
    await expectSlotFree(tenant);
  });

  it('does not decrypt a record that was moved to another workspace', async () => {
    const victim = await makeKeyedTenant(stack, TIER_1);
    const thief = await makeKeyedTenant(stack, TIER_1);
    const record = await tables.keyItem('workspace', victim.workspaceId);
    await tables.putKeyItem({ ...record, pk: `WORKSPACE#${thief.workspaceId}` });
    expectRefusal(await mint(stack, thief), 422, 'openai_key_missing');
    expect(openAi.requests).toEqual([]);
  });

  it('returns 503 unavailable at no cost if KMS derives no key', async () => {
    const tenant = await makeKeyedTenant(stack, TIER_1);
    stack.kms.inject({ operation: 'GenerateMac', errorName: 'DisabledException' });
    // Addresses are hashed with another root each day, which has to come from KMS.
    time.advance(86_400_000);
    expectRefusal(await mint(stack, tenant), 503, 'unavailable');
    expectNothingReached(stack);
    await expectSlotFree(tenant);
  });
});

describe('a mint when DynamoDB does not answer', () => {
  afterEach(heal);

  it.each([
    ['the read', 'BatchGetItem'],
    ['the slots', 'Query'],
    ['the admission', 'TransactWriteItems'],
  ])('%s: 503 unavailable before KMS and OpenAI', async (_, failing) => {
    const tenant = await makeKeyedTenant(shaky, TIER_1);
    fail((operation) => operation === failing);
    expectRefusal(await mint(shaky, tenant), 503, 'unavailable');
    expect(decrypts(shaky)).toEqual([]);
    expect(openAiOf(shaky).requests).toEqual([]);
    heal();
    expectSuccess(await mint(shaky, tenant));
  });

  it('the rate limits: 503 unavailable before KMS and OpenAI', async () => {
    const tenant = await makeKeyedTenant(shaky, TIER_1);
    fail((_, body) => body.includes('RATE#'));
    expectRefusal(await mint(shaky, tenant), 503, 'unavailable');
    expect(decrypts(shaky)).toEqual([]);
    expect(openAiOf(shaky).requests).toEqual([]);
  });

  it('only the rate limit of the site: 503 unavailable before KMS, and no slot is kept', async () => {
    const tenant = await makeKeyedTenant(shaky, TIER_1);
    fail((_, body) => body.includes('RATE#site#'));
    expectRefusal(await mint(shaky, tenant), 503, 'unavailable');
    expect(decrypts(shaky)).toEqual([]);
    heal();
    expectSuccess(await mint(shaky, tenant));
  });

  it('the record of the outcome: 503 unavailable, the secret is not handed out, and no slot is kept', async () => {
    const tenant = await makeKeyedTenant(shaky, TIER_1);
    fail((operation, body) => operation === 'UpdateItem' && body.includes('settledAt'));
    const answer = await mint(shaky, tenant);
    expectRefusal(answer, 503, 'unavailable');
    expect(answer.text).not.toContain('ek_');
    heal();
    expectSuccess(await mint(shaky, tenant));
  });

  it('the list of errors: the refusal stays the same', async () => {
    const tenant = await makeTenant(shaky);
    fail((_, body) => body.includes('ERRORS#'));
    expectRefusal(await mint(shaky, tenant), 422, 'openai_key_missing');
  });
});
