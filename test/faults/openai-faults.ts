import { OPENAI_ERRORS, type OpenAiErrorName } from '../../lambdas/domain/keys/openai-errors.ts';
import type { Fault } from '../../local/openai/server.ts';

/** A fault at OpenAI: the stand-in's fault without its path and key, made around a text that must not leak. */
export interface OpenAiFault {
  /** As the matrix names it. */
  readonly name: string;
  readonly play: (canary: string) => Omit<Fault, 'path' | 'keyFingerprint'>;
  /** It ends with a deadline. */
  readonly slow?: boolean;
}

interface ErrorBody {
  readonly message?: string;
  readonly type?: string;
  readonly code?: string | null;
}

const refused = (
  status: number,
  name: string,
  error: ErrorBody,
  headers: Readonly<Record<string, string>> = {},
): OpenAiFault => ({
  name: `${status} ${name}`,
  play: (canary) => ({
    status,
    headers: { ...headers },
    body: {
      error: {
        type: 'invalid_request_error',
        param: null,
        code: null,
        ...error,
        message: `${error.message ?? 'No.'} ${canary}`,
      },
    },
  }),
});

const answered = (name: string, make: (canary: string) => Omit<Fault, 'status'>, status = 200) => ({
  name: `${status} ${name}`,
  play: (canary: string) => ({ status, ...make(canary) }),
});

const html = (canary: string) => ({
  body: `<html><body><h1>Bad Gateway</h1>${canary}</body></html>`,
  headers: { 'content-type': 'text/html; charset=utf-8' },
});

const rateLimited = (name: string, headers: Readonly<Record<string, string>> = {}): OpenAiFault =>
  refused(
    429,
    `rate_limit_exceeded, ${name}`,
    { message: 'Rate limit reached in org-canary.', type: 'requests', code: 'rate_limit_exceeded' },
    headers,
  );

/** An error that docs/openai.md documents. */
const documented = (error: OpenAiErrorName): OpenAiFault => {
  const { status, ...example } = OPENAI_ERRORS[error].example;
  return refused(status, error.replaceAll('no_member', 'no member'), example);
};

/** When OpenAI's answer says it was sent, so that a date in it means a wait. */
const SENT_AT = 'Mon, 23 Nov 2026 12:00:00 GMT';

/** Beyond what we read of an answer, bytes. */
const OVERSIZED_BYTES = 2 * 1024 * 1024;

/** Source of statuses and codes: docs/openai.md. */
export const OPENAI_FAULTS: readonly OpenAiFault[] = [
  refused(400, 'invalid_value', { code: 'invalid_value' }),
  documented('invalid_api_key'),
  refused(401, 'key expired', { message: 'Your API key has expired.' }),
  documented('missing_scope'),
  refused(401, 'missing scope, no code', {
    message: 'You have insufficient permissions for this operation. Missing scopes: api.model.request.',
  }),
  documented('incorrect_hostname'),
  documented('ip_not_authorized'),
  documented('no_member'),
  documented('account_deactivated'),
  documented('not_authorized_invalid_project'),
  documented('mismatched_project'),
  answered('without a body', () => ({ body: '' }), 401),
  answered("a gateway's JSON", (canary) => ({ body: { message: `Unauthorized ${canary}` } }), 401),
  documented('unsupported_country_region_territory'),
  documented('organization_unverified'),
  documented('model_not_found'),
  answered('HTML', html, 403),
  refused(404, 'model_not_found', { code: 'model_not_found' }),
  refused(404, 'unknown address', { message: 'Invalid URL (POST /v1/realtime/client_secrets)' }),

  rateLimited('no Retry-After'),
  rateLimited('Retry-After: 17', { 'retry-after': '17' }),
  rateLimited('Retry-After: 0', { 'retry-after': '0' }),
  rateLimited('Retry-After: -5', { 'retry-after': '-5' }),
  rateLimited('Retry-After: 2.4', { 'retry-after': '2.4' }),
  rateLimited('Retry-After: a date in 40 s', {
    date: SENT_AT,
    'retry-after': 'Mon, 23 Nov 2026 12:00:40 GMT',
  }),
  rateLimited('Retry-After: a date gone by', {
    date: SENT_AT,
    'retry-after': 'Mon, 23 Nov 2026 11:59:00 GMT',
  }),
  rateLimited('Retry-After: soon', { 'retry-after': 'soon' }),
  rateLimited('Retry-After: 999999999', { 'retry-after': '999999999' }),
  rateLimited('Retry-After: Infinity', { 'retry-after': 'Infinity' }),
  rateLimited('Retry-After: a date in 70 years', {
    date: SENT_AT,
    'retry-after': 'Fri, 23 Nov 2096 12:00:00 GMT',
  }),
  rateLimited('retry-after-ms: 2500', { 'retry-after-ms': '2500' }),
  rateLimited('retry-after-ms: Infinity', { 'retry-after-ms': 'Infinity' }),
  rateLimited('retry-after-ms: nonsense, Retry-After: 9', { 'retry-after-ms': 'x', 'retry-after': '9' }),
  rateLimited('x-should-retry', { 'x-should-retry': 'true' }),
  refused(429, 'wait in words', { message: 'Please try again in 1m12.5s.', code: 'rate_limit_exceeded' }),
  documented('slow_down'),
  answered('HTML', html, 429),
  documented('insufficient_quota'),
  documented('credit_balance_exhausted'),
  documented('organization_spend_limit_exceeded'),
  documented('project_spend_limit_exceeded'),
  documented('organization_usage_limit_exceeded'),
  documented('billing_not_active'),
  documented('billing_hard_limit_reached'),
  refused(429, 'type insufficient_quota alone', { type: 'insufficient_quota', code: null }),

  documented('server_error'),
  refused(500, 'x-should-retry: false', { type: 'server_error' }, { 'x-should-retry': 'false' }),
  answered('HTML', html, 502),
  answered('without a body', () => ({ body: '' }), 502),
  documented('server_is_overloaded'),
  refused(503, 'x-should-retry', { code: 'server_is_overloaded' }, { 'x-should-retry': 'true' }),
  {
    name: '503 x-should-retry, once',
    play: (canary) => ({
      status: 503,
      body: { error: { message: canary } },
      headers: { 'x-should-retry': 'true' },
      times: 1,
    }),
  },
  answered('HTML', html, 504),

  answered('HTML', html),
  answered('without a body', () => ({ body: '' })),
  answered('malformed JSON', (canary) => ({ body: `{"value": "${canary}` })),
  answered('truncated JSON', (canary) => ({
    body: { error: canary, padding: 'x'.repeat(1_000) },
    delivery: 'truncated',
  })),
  answered('null', () => ({ body: 'null', headers: { 'content-type': 'application/json' } })),
  answered('a list', (canary) => ({ body: [canary] })),
  answered('without a secret', (canary) => ({ body: { session: { id: canary } } })),
  answered('a secret of another shape', (canary) => ({
    body: { value: `sk-${canary}`, expires_at: 1_900_000_000, session: {} },
  })),
  answered('a secret without its end', (canary) => ({ body: { value: `ek_${canary}`, session: {} } })),
  answered('oversized', (canary) => ({
    body: { value: `ek_${canary}`, expires_at: 1_900_000_000, padding: 'x'.repeat(OVERSIZED_BYTES) },
  })),
  answered('elsewhere', () => ({ body: '', headers: { location: '/v1/elsewhere' } }), 302),
  answered('elsewhere', () => ({ body: '', headers: { location: '/v1/elsewhere' } }), 307),

  { name: 'connection reset', play: () => ({ reset: true }) },
  { name: 'connection reset after its work', play: () => ({ delivery: 'reset' }) },
  { name: 'connection reset in the body, after its work', play: () => ({ delivery: 'truncated' }) },
  { name: 'half-open socket', play: () => ({ status: 200, body: '', delivery: 'hang' }), slow: true },
  { name: 'no headers, after its work', play: () => ({ delivery: 'hang' }), slow: true },
  { name: 'slow body, after its work', play: () => ({ delivery: 'slow-body' }), slow: true },
];
