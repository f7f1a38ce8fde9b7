import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { classifyErrorAnswer } from '../../../lambdas/domain/keys/classify-openai-error.ts';
import { readOpenAiError } from '../../../lambdas/domain/keys/openai-error-body.ts';
import { OPENAI_ERRORS } from '../../../lambdas/domain/keys/openai-errors.ts';
import {
  attributionOf,
  brokerErrorOfOpenAiFailure,
  type OpenAiFailure,
} from '../../../lambdas/domain/openai-failure.ts';

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
const failureOf = (status: number, text: string, retryAfterSeconds?: number): OpenAiFailure =>
  classifyErrorAnswer({
    status,
    error: readOpenAiError(parsed(text)),
    requestId: undefined,
    retryAfterSeconds,
  });
const meaningOf = (status: number, body: unknown): string => failureOf(status, JSON.stringify(body)).reason;

const BLOCKED_PAGE =
  '<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body><h1>Sorry, you have been blocked</h1><h2>You are unable to access api.openai.com</h2></body></html>';

const NOT_OPENAIS: readonly (readonly [what: string, text: string])[] = [
  ['a page that blocks an address', BLOCKED_PAGE],
  [
    'a page that names the code of a bad key',
    '<html><body>401 invalid_api_key: Incorrect API key</body></html>',
  ],
  ['no body', ''],
  ['white space', ' \n'],
  ['plain text', 'error code: 1020'],
  ['an error object that is cut off', '{"error":{"message":"Incorrect API key provided","code":"invalid_a'],
  ['null', 'null'],
  ['a number', '401'],
  ['a text', '"invalid_api_key"'],
  ['an empty object', '{}'],
  ['an empty list', '[]'],
  ["a gateway's message", '{"message":"Unauthorized"}'],
  ["a gateway's message and code", '{"code":"invalid_api_key","message":"Incorrect API key provided"}'],
  ['an error that is a text', '{"error":"invalid_api_key"}'],
  ['an error and its description', '{"error":"invalid_token","error_description":"The token expired"}'],
  ['an error that is null', '{"error":null}'],
  ['an error that is true', '{"error":true}'],
  ['an error that is a number', '{"error":403}'],
  ['an error that is empty', '{"error":{}}'],
  ['a list of errors', '{"error":[{"code":"invalid_api_key","type":"invalid_request_error"}]}'],
  ['an answer in a list', '[{"error":{"code":"invalid_api_key","type":"invalid_request_error"}}]'],
  ['an error in an error', '{"error":{"error":{"code":"invalid_api_key","type":"invalid_request_error"}}}'],
  ["another vendor's error", '{"error":{"code":403,"message":"Forbidden","status":"PERMISSION_DENIED"}}'],
  ["a proxy's error", '{"error":{"message":"Access denied by policy"}}'],
  [
    "a gateway's fault",
    '{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.InvalidApiKey"}}}',
  ],
  ['problem details', '{"type":"about:blank","title":"Forbidden","status":403,"detail":"Blocked"}'],
  ['a field that only its prototype could have', '{"__proto__":{"error":{"code":"invalid_api_key"}}}'],
];

describe('an answer that is not from OpenAI', () => {
  it.each(NOT_OPENAIS)('blames nobody and can be retried, under any status: %s', (_what, text) => {
    for (const status of [200, 302, 400, 401, 403, 404, 407, 418, 429, 451, 500, 502, 503, 520, 524]) {
      const failure = failureOf(status, text);
      expect([status, attributionOf(failure)]).toEqual([status, 'nobody']);
      expect(brokerErrorOfOpenAiFailure(failure)).toMatchObject({
        code: 'openai_error',
        retryAfterSeconds: 10,
      });
    }
  });

  it('can name a wait, which the broker passes on', () => {
    expect(brokerErrorOfOpenAiFailure(failureOf(429, BLOCKED_PAGE, 30)).retryAfterSeconds).toBe(30);
    expect(brokerErrorOfOpenAiFailure(failureOf(503, '', 30)).retryAfterSeconds).toBe(30);
  });

  it('never blames the key for JSON without an error object that contains text', () => {
    const word = fc.constantFrom(
      ...Object.values(OPENAI_ERRORS).flatMap(({ example }) => [example.code, example.type, example.message]),
      'error',
      401,
      null,
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, word, fc.jsonValue(), tie('list'), tie('fields')),
      list: fc.array(tie('value'), { maxLength: 3 }),
      fields: fc.dictionary(
        fc.constantFrom('error', 'code', 'type', 'message', 'errors', 'detail', '__proto__'),
        tie('value'),
        { maxKeys: 4 },
      ),
    })).value;
    const isText = (value: unknown): boolean => JSON.stringify(value ?? null).length > 2;
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), json, (status, body) => {
        const failure = failureOf(status, JSON.stringify(body) ?? '');
        if (attributionOf(failure) !== 'key') return;
        const { error } = body as { error: Record<string, unknown> };
        expect(Array.isArray(body)).toBe(false);
        expect(Array.isArray(error)).toBe(false);
        expect([error['code'], error['type'], error['message']].some(isText)).toBe(true);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never blames the key for text that is not JSON, under any status', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          fc.constantFrom(...NOT_OPENAIS.map(([, text]) => text)),
        ),
        fc.nat(80),
        (status, text, cut) => {
          fc.pre(parsed(`<${text}`) === undefined);
          expect(attributionOf(failureOf(status, `<${text}`))).toBe('nobody');
          expect(attributionOf(failureOf(status, text.slice(0, cut)))).toBe('nobody');
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('an OpenAI error about money', () => {
  const CODES = [
    'insufficient_quota',
    'credit_balance_exhausted',
    'billing_hard_limit_reached',
    'billing_limit_user_error',
    'billing_not_active',
    'organization_spend_limit_exceeded',
    'project_spend_limit_exceeded',
    'organization_usage_limit_exceeded',
    'usage_limit_reached',
    'project_budget_limit_exceeded',
    'payment_required',
    'prepaid_credits_depleted',
    'quota_exceeded',
    'insufficient_funds',
  ];
  const FORMS: readonly (readonly [string, (code: string) => unknown])[] = [
    [
      'as the code',
      (code) => ({ error: { code, type: 'invalid_request_error', message: 'No.', param: null } }),
    ],
    ['as the type', (type) => ({ error: { code: null, type, message: 'No.', param: null } })],
    ['as code and type', (code) => ({ error: { code, type: code, message: 'No.' } })],
    ['as the type, with a code that is unknown', (type) => ({ error: { code: 'billed_9', type } })],
    ['as the type, with a number as the code', (type) => ({ error: { code: 429, type } })],
    ['in capitals', (code) => ({ error: { code: code.toUpperCase() } })],
    ['as the text of the error', (error) => ({ error })],
    ['without an error object', (code) => ({ code })],
    ['in a list of errors', (code) => ({ error: [{ code }] })],
    ['in an answer in a list', (code) => [{ error: { code } }]],
    ['in an error in an error', (code) => ({ error: { error: { code } } })],
    ['as the only code of a list', (code) => ({ error: { code: [code] } })],
  ];

  it.each(FORMS)('is about the account under any status: %s', (_form, make) => {
    for (const code of CODES)
      for (const status of [200, 400, 401, 402, 403, 404, 429, 500, 503]) {
        const failure = failureOf(status, JSON.stringify(make(code)));
        expect([code, status, brokerErrorOfOpenAiFailure(failure).code]).toEqual([
          code,
          status,
          'openai_quota_exhausted',
        ]);
      }
  });

  it.each([
    ['You exceeded your current quota, please check your plan and billing details.', 'quota_exhausted'],
    ['Billing hard limit has been reached', 'spend_limit_reached'],
    ['Billing hard limit has been reached.', 'spend_limit_reached'],
    ['Your account is not active, please check your billing details on our website.', 'billing_inactive'],
    ['You have run out of credits.', 'quota_exhausted'],
    ['Your project has a spend limit reached for this month.', 'spend_limit_reached'],
  ])('is recognised by its message alone: %s', (message, name) => {
    for (const status of [400, 403, 429])
      expect(meaningOf(status, { error: { code: null, type: 'invalid_request_error', message } })).toBe(name);
    expect(meaningOf(429, { error: { message: { text: message } } })).toBe(name);
  });

  it.each([
    'Rate limit reached for default-text-davinci-003 in organization org-x on requests per min. Limit: 3 / min. Please add a payment method to your account to increase your rate limit. Visit https://platform.openai.com/account/billing to add a payment method.',
    'Rate limit reached for gpt-realtime-2.1 on tokens per min (TPM). Visit https://platform.openai.com/account/rate-limits to learn more.',
  ])('is not a rate limit whose message mentions billing: %s', (message) => {
    expect(meaningOf(429, { error: { code: 'rate_limit_exceeded', type: 'requests', message } })).toBe(
      'rate_limited',
    );
    expect(meaningOf(429, { error: { code: null, type: 'requests', message } })).toBe('rate_limited');
  });
});

describe('an OpenAI error with fields of other types', () => {
  const message = 'Incorrect API key provided: sk-abc****wxyz.';
  it.each([
    ['a number as the code', { code: 401, type: 'invalid_request_error', message }, 'key_invalid'],
    [
      'a list as the message',
      { code: null, type: null, message: ['Incorrect API key', 'provided: x'] },
      'key_invalid',
    ],
    ['an object as the message', { message: { en: message } }, 'key_invalid'],
    ['an object in an object as the message', { message: { error: { text: message } } }, 'key_invalid'],
    ['a list as the code', { code: ['account_deactivated'] }, 'account_deactivated'],
    ['true as the code', { code: true, type: 'invalid_request_error', message: 'x' }, 'key_invalid'],
    ['only a code', { code: 'mismatched_project' }, 'project_mismatch'],
    ['a list of nothing', { code: [], type: {}, message: [[]] }, 'unreadable_answer'],
  ])('is read as far as possible: %s', (_what, error, name) => {
    expect(meaningOf(401, { error })).toBe(name);
  });

  it('is read in bounded time, however deep and large it is', () => {
    let deep: unknown = 'x';
    for (let depth = 0; depth < 2_000; depth++) deep = { message: deep };
    expect(meaningOf(401, { error: { message: deep } })).toBe('unreadable_answer');
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, 'x'.repeat(100)]));
    expect(meaningOf(400, { error: { message: wide, type: 'invalid_request_error' } })).toBe(
      'request_refused',
    );
  });
});

describe('an OpenAI error about the account or the project', () => {
  it.each([
    [
      401,
      'This key is associated with a deactivated account. If you feel this is an error, contact us.',
      'account_deactivated',
    ],
    [401, 'The OpenAI account associated with this API key has been deactivated.', 'account_deactivated'],
    [
      401,
      'Your OpenAI account has been deactivated, please check your email for more information.',
      'account_deactivated',
    ],
    [401, 'Your access was terminated due to violation of our policies.', 'account_deactivated'],
    [401, 'The project you are requesting has been archived and is no longer accessible', 'project_archived'],
    [401, 'OpenAI-Project header should match project for API key', 'project_mismatch'],
    [
      403,
      'Your organization must be verified to use the model `gpt-realtime-2.1`.',
      'organization_unverified',
    ],
    [
      400,
      'Your organization must be verified to stream this model. Please click on Verify Organization.',
      'organization_unverified',
    ],
    [404, 'Your organization must be verified to use the model `o3`.', 'organization_unverified'],
    [401, 'This API key has been revoked.', 'key_invalid'],
    [404, 'The model `x` does not exist or you do not have access to it.', 'model_unavailable'],
  ])('is classified by its message: %i %s', (status, message, name) => {
    expect(
      meaningOf(status, { error: { message, type: 'invalid_request_error', param: null, code: null } }),
    ).toBe(name);
  });

  it('is more specific than the code of an invalid key', () => {
    const error = {
      code: 'invalid_api_key',
      type: 'invalid_request_error',
      message: 'Your API key has expired.',
    };
    expect(meaningOf(401, { error })).toBe('key_expired');
  });
});

describe.each(Object.entries(OPENAI_ERRORS))('the documented error %s', (_name, { example, means }) => {
  it('has the documented meaning, with and without its message', () => {
    const { status, ...error } = example;
    expect(meaningOf(status, { error: { ...error, param: null } })).toBe(means);
    if (error.code !== null) expect(meaningOf(status, { error: { ...error, message: 'x' } })).toBe(means);
  });
});
