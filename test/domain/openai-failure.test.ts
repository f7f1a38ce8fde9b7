import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { classifyErrorAnswer } from '../../lambdas/domain/keys/classify-openai-error.ts';
import {
  attributionOf,
  brokerErrorOfOpenAiFailure,
  explainOpenAiFailure,
  OPENAI_FAILURES,
  OpenAiFailure,
  type OpenAiFailureName,
} from '../../lambdas/domain/openai-failure.ts';
import { fakeOpenAiKey } from './keys/fake-openai-key.ts';

/** An answer of OpenAI: its error has a `type`, as OpenAI's always has. */
interface Parts {
  readonly status: number;
  readonly code?: string | undefined;
  readonly type?: string | undefined;
  readonly message?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}
const classify = ({ status, code, type, message, requestId, retryAfterSeconds }: Parts): OpenAiFailure =>
  classifyErrorAnswer({
    status,
    error: { form: 'object', code, type: type ?? 'invalid_request_error', message },
    requestId,
    retryAfterSeconds,
  });

const MISSING_SCOPES =
  'You have insufficient permissions for this operation. Missing scopes: api.model.request. Check that you have the ' +
  'correct role in your organization (Reader, Writer, Owner) and project (Member, Owner), and if you are using a ' +
  'restricted API key, that it has the necessary scopes.';
const QUOTA = 'You exceeded your current quota, please check your plan and billing details.';
const NO_MODEL = 'The model `gpt-realtime` does not exist or you do not have access to it.';
const NO_MODEL_IN_PROJECT = 'Project `proj_1` does not have access to model `gpt-realtime`';

/** OpenAI's error answers as collected in docs/openai.md, and what each of them means here. */
const KNOWN_ANSWERS: readonly [Parts, OpenAiFailureName][] = [
  [
    {
      status: 401,
      code: 'invalid_api_key',
      type: 'invalid_request_error',
      message:
        'Incorrect API key provided: sk-pr***. You can find your API key at https://platform.openai.com/account/api-keys.',
    },
    'key_invalid',
  ],
  [{ status: 401, message: 'Your API key has expired.' }, 'key_expired'],
  [{ status: 401, code: 'expired_api_key' }, 'key_expired'],
  [
    {
      status: 401,
      code: 'mismatched_organization',
      message: 'OpenAI-Organization header should match organization for API key',
    },
    'project_mismatch',
  ],
  [
    {
      status: 401,
      code: 'incorrect_hostname',
      message:
        'Attempted to access resource with incorrect regional hostname. Please make your request to us.api.openai.com',
    },
    'wrong_region',
  ],
  [{ status: 401, code: 'ip_not_authorized' }, 'ip_not_authorized'],
  [{ status: 401, message: 'Your IP is not authorized' }, 'ip_not_authorized'],
  [{ status: 401, message: 'You must be a member of an organization to use the API' }, 'not_a_member'],
  [
    { status: 403, message: 'You have lost access to the organization tied to this API key.' },
    'not_a_member',
  ],
  [{ status: 403, message: 'You are not allowed to sample from this model' }, 'model_unavailable'],
  [{ status: 401, type: 'invalid_request_error', message: MISSING_SCOPES }, 'missing_permission'],
  [{ status: 401, code: 'missing_scope', message: MISSING_SCOPES }, 'missing_permission'],
  [{ status: 403, type: 'invalid_request_error', message: MISSING_SCOPES }, 'missing_permission'],
  [{ status: 403, code: 'missing_scope' }, 'missing_permission'],
  [{ status: 401, message: 'You have insufficient permissions for this operation.' }, 'missing_permission'],
  [
    {
      status: 403,
      code: 'unsupported_country_region_territory',
      message: 'Country, region, or territory not supported',
    },
    'country_not_supported',
  ],
  [
    { status: 403, code: 'model_not_found', type: 'invalid_request_error', message: NO_MODEL },
    'model_unavailable',
  ],
  [
    { status: 404, code: 'model_not_found', type: 'invalid_request_error', message: NO_MODEL },
    'model_unavailable',
  ],
  [{ status: 403, message: NO_MODEL_IN_PROJECT }, 'model_unavailable'],
  [
    {
      status: 429,
      code: 'rate_limit_exceeded',
      message:
        'Rate limit reached for gpt-realtime in organization org-xx on requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again in 1m26.4s.',
    },
    'rate_limited',
  ],
  [{ status: 429, code: 'slow_down', type: 'rate_limit_error' }, 'rate_limited'],
  [{ status: 429, code: 'insufficient_quota', message: QUOTA }, 'quota_exhausted'],
  [{ status: 429, type: 'insufficient_quota', message: QUOTA }, 'quota_exhausted'],
  [{ status: 429, type: 'insufficient_quota', code: 'credit_balance_exhausted' }, 'quota_exhausted'],
  // Each by its code alone, too: the type of these answers has changed before.
  [{ status: 429, code: 'credit_balance_exhausted' }, 'quota_exhausted'],
  [{ status: 429, code: 'billing_hard_limit_reached' }, 'spend_limit_reached'],
  [
    { status: 429, type: 'insufficient_quota', code: 'organization_spend_limit_exceeded' },
    'spend_limit_reached',
  ],
  [{ status: 429, type: 'insufficient_quota', code: 'project_spend_limit_exceeded' }, 'spend_limit_reached'],
  [
    { status: 429, type: 'insufficient_quota', code: 'organization_usage_limit_exceeded' },
    'spend_limit_reached',
  ],
  [{ status: 400, code: 'unknown_parameter', type: 'invalid_request_error' }, 'request_refused'],
  [{ status: 500, type: 'server_error' }, 'upstream_error'],
  [{ status: 503, code: 'server_is_overloaded', type: 'service_unavailable_error' }, 'upstream_error'],
  [{ status: 503, code: 'slow_down' }, 'upstream_error'],
];

describe('an error answer of OpenAI', () => {
  it.each(KNOWN_ANSWERS)('%j means %s', (parts, expected) => {
    const failure = classify({ ...parts, requestId: 'req_1' });
    expect(failure.reason).toBe(expected);
    expect(failure.message).toBe(expected);
    expect(failure.status).toBe(parts.status);
    expect(failure.requestId).toBe('req_1');
  });

  it.each([
    [401, 'key_invalid'],
    [403, 'missing_permission'],
    [402, 'quota_exhausted'],
    [404, 'request_refused'],
    [429, 'rate_limited'],
    [400, 'request_refused'],
    [422, 'request_refused'],
    [200, 'unreadable_answer'],
    [302, 'unreadable_answer'],
    [499, 'request_refused'],
    [500, 'upstream_error'],
    [502, 'upstream_error'],
    [529, 'upstream_error'],
  ] as const)('with status %p and no other information means %s', (status, expected) => {
    expect(classify({ status }).reason).toBe(expected);
    expect(classify({ status, code: 'never_seen', type: 'never_seen', message: '<html>' }).reason).toBe(
      expected,
    );
  });
});

describe('the facts of an OpenAI failure', () => {
  it.each([
    ['Missing scopes: api.model.request.', 'api.model.request'],
    ['Missing scopes: api.model.request, api.model.read. Check', 'api.model.request, api.model.read'],
    ['missing scope: model.request', 'model.request'],
    ['Missing scope:model.request', 'model.request'],
    ['Missing scopes:  model.request', 'model.request'],
    ['Missing scopes: model.request ,', 'model.request'],
    ['Missing scopes: a.b,c.d', 'a.b,c.d'],
    ['Missing scopes: a.b,\nc.d', 'a.b'],
    ['Missing scopes: a.b,\tc.d', 'a.b'],
    ['Missing scopes: a.b,\u2028c.d', 'a.b'],
    ['Missing scopes: a.b,\u00a0c.d', 'a.b'],
    ['Missing scopes: a.b, c.d, e.f, g.h, i.j', 'a.b, c.d, e.f, g.h, i.j'],
    ['Missing scopes: a.b, c.d, e.f, g.h, i.j, k.l', 'a.b, c.d, e.f, g.h, i.j'],
    [`Missing scopes: ${'a.b,'.repeat(10_000)}`, 'a.b,a.b,a.b,a.b,a.b'],
    [`Missing scopes: ${'x'.repeat(40)}.${'y'.repeat(40)}`, `${'x'.repeat(40)}.${'y'.repeat(40)}`],
    [`Missing scopes: ${'x'.repeat(41)}.y`, undefined],
    ['Missing scopes:\na.b', undefined],
    ['Missing scopes:\ta.b', undefined],
    ['Missing scopes: request', undefined],
  ])('include the missing scopes: %j', (message, subject) => {
    expect(classify({ status: 403, message })).toMatchObject({ reason: 'missing_permission', subject });
  });

  it('include the region of the project', () => {
    const message = 'incorrect regional hostname. Please make your request to eu.api.openai.com';
    expect(classify({ status: 401, code: 'incorrect_hostname', message }).subject).toBe('eu');
  });

  it.each([
    ['Please make your request to api.openai.com', 'global'],
    ['Attempted to access us.api.openai.com. Please make your request to https://eu.api.openai.com/v1', 'eu'],
    ['You called api.openai.com. Make your requests to sg.api.openai.com.', 'sg'],
  ])('include the host that OpenAI asks for: %j', (message, subject) => {
    expect(classify({ status: 401, code: 'incorrect_hostname', message }).subject).toBe(subject);
  });

  it.each([
    'Please make your request to https://evil.example',
    'Please make your request to useu.api.openai.com',
    '',
  ])('include no region if the host is not a two-letter region of OpenAI: %j', (message) => {
    const failure = classify({ status: 401, code: 'incorrect_hostname', message });
    expect(failure.reason).toBe('wrong_region');
    expect(failure.subject).toBeUndefined();
  });

  it.each([
    ['Please try again in 1m26.4s.', 87],
    ['Please try again in 20s.', 20],
    ['Please try again in 20.0s.', 20],
    ['Please try again in 6m0s.', 360],
    ['Please try again in 1h2m3s.', 3_723],
    ['Please try again in 250ms.', 1],
    ['Please try again in 1500ms.', 2],
    ['Please try again in 20 seconds.', 20],
    ['Please try again in 1 second.', 1],
    ['Please try again in 6 minutes.', 360],
    ['Please try again in 1 minute 30 seconds.', 90],
    ['Please try again in 2 hours.', 7_200],
    ['Please try again in 0s.', undefined],
    ['Please try again in a while.', undefined],
    ['Please try again in 1.2.3s.', undefined],
    [`Please try again in ${'9'.repeat(400)}s.`, undefined],
    ['Please try again in 86400s.', 86_400],
    ['Please try again in 86400.5s.', undefined],
    ['Please try again in 86401s.', undefined],
    ['Please try again in 24h.', 86_400],
    ['Please try again in 24h0m1s.', undefined],
    ['Please try again in 1440m.', 86_400],
    ['Please try again in 1441m.', undefined],
    ['Please try again in 86400000ms.', 86_400],
    ['Please try again in 86400001ms.', undefined],
    ['', undefined],
  ])('include the wait in the message, rounded up: %j', (message, seconds) => {
    expect(classify({ status: 429, message }).retryAfterSeconds).toBe(seconds);
  });

  it('prefer the wait in the header to the one in the message', () => {
    const failure = classify({ status: 429, retryAfterSeconds: 7, message: 'Please try again in 20s.' });
    expect(failure.retryAfterSeconds).toBe(7);
  });

  it('include no wait if waiting does not help', () => {
    for (const code of ['insufficient_quota', 'project_spend_limit_exceeded'])
      expect(classify({ status: 429, code, retryAfterSeconds: 7 }).retryAfterSeconds).toBeUndefined();
  });

  it.each([
    ['a line separator', 'Missing scopes: a.b,\u2028c.d'],
    ['a line break', 'Missing scopes: a.b,\nc.d'],
    ['no end', `Missing scopes: ${'a.b,'.repeat(10_000)}`],
  ])('include the scopes on one short line if the message has %s', (_what, message) => {
    expect(classify({ status: 403, message }).subject ?? '').toMatch(/^[A-Za-z_., ]{0,200}$/);
  });

  it('include scopes of bounded length, however long the names in the message are', () => {
    const name = Array.from({ length: 6 }, () => 'x'.repeat(60)).join('.');
    for (const text of [name, `a.${name}`, `a.b,a.${'x'.repeat(10_000)}`, 'a.b'.repeat(10_000)])
      expect(
        (classify({ status: 403, message: `Missing scopes: ${text}` }).subject ?? '').length,
      ).toBeLessThan(1_100);
  });

  // The spaces between two scopes have no bound.
  it('include the scopes on one short line if the message has many spaces', () => {
    const message = `Missing scopes: a.b,${' '.repeat(5_000)}c.d`;
    expect(classify({ status: 403, message }).subject ?? '').toMatch(/^[A-Za-z_., ]{0,200}$/);
  });
});

describe('the explanation of an OpenAI failure', () => {
  it.each(OPENAI_FAILURES)('of %s consists of sentences for a person', (name) => {
    const facts = { status: 401, requestId: 'req_1' };
    const plain = explainOpenAiFailure(new OpenAiFailure(name, facts));
    expect(plain).toEqual({ path: name, message: expect.stringMatching(/^[A-Z][^\n]+\.$/) });
    expect(plain.message).not.toContain('undefined');
  });
});

/** Everything that logging, serialising or wrapping a failure could bring to light. */
const everythingAbout = (failure: OpenAiFailure): string =>
  [
    inspect(failure, { depth: null, showHidden: true, maxStringLength: null }),
    inspect(new Error('outer', { cause: failure }), { depth: null }),
    JSON.stringify(failure),
    JSON.stringify(Object.getOwnPropertyDescriptors(failure)),
    String(failure),
    failure.stack,
    JSON.stringify(explainOpenAiFailure(failure)),
    JSON.stringify(brokerErrorOfOpenAiFailure(failure)),
    inspect(brokerErrorOfOpenAiFailure(failure), { depth: null, showHidden: true }),
  ].join('\n');

describe('the message of OpenAI', () => {
  const key = fakeOpenAiKey();
  const organization = 'org-Canary0123456789';

  it.each(KNOWN_ANSWERS)('never appears in the failure %j', (parts) => {
    const message = `${parts.message ?? ''} ${key} in organization ${organization}`;
    const everything = everythingAbout(classify({ ...parts, message }));
    expect(everything).not.toContain(key.slice(-8));
    expect(everything).not.toContain(key.slice(0, 16));
    expect(everything).not.toContain(organization);
    if (parts.message !== undefined) expect(everything).not.toContain(parts.message);
  });

  it('never leaks, and never makes the classification throw', () => {
    const words = fc.constantFrom(
      'Missing scopes: ',
      'missing scope: api.',
      'insufficient permissions ',
      'Please make your request to ',
      'us.api.openai.com ',
      'try again in ',
      '1h2m3.4s',
      'Your IP is not authorized ',
      'member of an organization ',
      'key has expired ',
      'does not have access to model ',
      ', ',
      key,
      `Bearer ${key}`,
      `api.model.request,${key}`,
    );
    const known = KNOWN_ANSWERS.map(([parts]) => parts);
    const anything = fc.record({
      status: fc.oneof(
        fc.constantFrom(400, 401, 403, 404, 429, 500, 503),
        fc.integer(),
        fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY),
      ),
      code: fc.option(fc.oneof(fc.constantFrom(...known.map(({ code }) => code)), fc.string()), {
        nil: undefined,
      }),
      type: fc.option(fc.oneof(fc.constantFrom(...known.map(({ type }) => type)), fc.string()), {
        nil: undefined,
      }),
      message: fc
        .tuple(
          fc.array(fc.oneof(words, fc.string({ unit: 'binary' })), { maxLength: 8 }),
          fc.array(words, { maxLength: 3 }),
        )
        .map(([before, after]) => [...before, key, ...after].join('')),
      requestId: fc.constantFrom(undefined, 'req_1'),
      retryAfterSeconds: fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(anything, (parts) => {
        const failure = classify(parts);
        const everything = everythingAbout(failure);
        expect(OPENAI_FAILURES).toContain(failure.reason);
        expect(everything).not.toContain(key.slice(0, 16));
        expect(everything).not.toContain(key.slice(60, 76));
        expect(everything).not.toContain(key.slice(-12));
      }),
      { numRuns: 500 },
    );
  });

  it('never slows the classification down, however long and repetitive it is', () => {
    const repetitive = [
      `Missing scopes: ${'a.'.repeat(100_000)}`,
      `Missing scopes: ${'a.b '.repeat(100_000)}!`,
      `Missing scopes:${' '.repeat(100_000)}!`,
      `try again in ${'1'.repeat(100_000)}`,
      `try again in ${'1.'.repeat(100_000)}`,
      'a'.repeat(400_000),
    ];
    const names = repetitive.map((message) => classify({ status: 403, message }).reason);
    expect(names.every((name) => name === 'missing_permission')).toBe(true);
    expect(classify({ status: 429, message: repetitive[3] ?? '' }).reason).toBe('rate_limited');
  });
});

describe('the broker error of a failed mint', () => {
  const EXPECTED: Record<OpenAiFailureName, [refusal: string, retryAfterSeconds: number | undefined]> = {
    key_invalid: ['openai_key_rejected', undefined],
    key_expired: ['openai_key_rejected', undefined],
    missing_permission: ['openai_key_rejected', undefined],
    not_a_member: ['openai_key_rejected', undefined],
    account_deactivated: ['openai_key_rejected', undefined],
    project_archived: ['openai_key_rejected', undefined],
    project_mismatch: ['openai_key_rejected', undefined],
    organization_unverified: ['openai_key_rejected', undefined],
    model_unavailable: ['openai_key_rejected', undefined],
    wrong_region: ['openai_key_rejected', undefined],
    ip_not_authorized: ['openai_key_rejected', undefined],
    country_not_supported: ['openai_key_rejected', undefined],
    quota_exhausted: ['openai_quota_exhausted', undefined],
    spend_limit_reached: ['openai_quota_exhausted', undefined],
    billing_inactive: ['openai_quota_exhausted', undefined],
    rate_limited: ['busy', 5],
    request_refused: ['openai_error', 10],
    upstream_error: ['openai_error', 10],
    unreadable_answer: ['openai_error', 10],
    unreachable: ['openai_error', 10],
    timeout: ['openai_timeout', 10],
  };

  it.each(OPENAI_FAILURES)('for %s has the documented code, and its detail names the failure', (name) => {
    const refusal = brokerErrorOfOpenAiFailure(new OpenAiFailure(name));
    expect([refusal.code, refusal.retryAfterSeconds]).toEqual(EXPECTED[name]);
    expect(refusal.details.map(({ path }) => path)).toEqual([name]);
    expect(refusal.details[0]?.message).toMatch(/^[A-Z].{20,}\.$/);
  });

  it('passes on the wait that OpenAI asked for', () => {
    const failure = new OpenAiFailure('rate_limited', { retryAfterSeconds: 87 });
    expect(brokerErrorOfOpenAiFailure(failure)).toMatchObject({ code: 'busy', retryAfterSeconds: 87 });
  });

  it('names the missing scope or the right region', () => {
    const scope = new OpenAiFailure('missing_permission', { subject: 'api.model.request' });
    const region = new OpenAiFailure('wrong_region', { subject: 'eu' });
    expect(explainOpenAiFailure(scope).message).toMatch(/ Missing: api\.model\.request\.$/);
    expect(explainOpenAiFailure(region).message).toMatch(/ Set data_residency to eu\.$/);
  });

  it.each([
    ['global', / Set data_residency to global\.$/],
    ['us', / Set data_residency to us\.$/],
    ['sg', / region sg, which this service does not offer\. /],
    ['gb', / region gb, which this service does not offer\. /],
  ])('gives advice for the region %s', (subject, advice) => {
    expect(explainOpenAiFailure(new OpenAiFailure('wrong_region', { subject })).message).toMatch(advice);
  });

  it('has its code as the message, and no cause', () => {
    const refusal = brokerErrorOfOpenAiFailure(new OpenAiFailure('key_invalid'));
    expect(refusal.message).toBe('openai_key_rejected');
    expect(refusal.cause).toBeUndefined();
  });
});

describe('the attribution of an OpenAI failure', () => {
  it('is the account only if credit or a limit is used up', () => {
    const blamed = OPENAI_FAILURES.filter((name) => attributionOf(new OpenAiFailure(name)) === 'account');
    expect(blamed).toEqual(['quota_exhausted', 'spend_limit_reached', 'billing_inactive']);
  });

  it('is nobody if the cause is OpenAI, the network or our request', () => {
    const blamed = OPENAI_FAILURES.filter((name) => attributionOf(new OpenAiFailure(name)) === 'nobody');
    const nobody = [
      'rate_limited',
      'request_refused',
      'upstream_error',
      'unreadable_answer',
      'unreachable',
      'timeout',
    ];
    expect(new Set(blamed)).toEqual(new Set(nobody));
  });

  it('is the key exactly if the mint is refused as openai_key_rejected', () => {
    for (const name of OPENAI_FAILURES) {
      const failure = new OpenAiFailure(name);
      const rejected = brokerErrorOfOpenAiFailure(failure).code === 'openai_key_rejected';
      expect([name, attributionOf(failure) === 'key']).toEqual([name, rejected]);
    }
  });
});
