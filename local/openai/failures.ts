import { OPENAI_ERRORS, type OpenAiErrorName } from '../../lambdas/domain/keys/openai-errors.ts';
import {
  type Answer,
  invalidKey,
  json,
  missingScope,
  modelNotFound,
  type OpenAiError,
  refusal,
} from './answers.ts';

/** The calls that a failure can tell apart. */
export type Operation = 'list-models' | 'get-model' | 'mint' | 'call';

type Asked = {
  readonly operation: Operation;
  readonly key: string;
  /** The model named in the path or in the session. */
  readonly model: string;
  readonly origin: string;
};

/** A response that fails during a call, as in `status_details.error` of `response.done`. */
export type ResponseFailure = { readonly type: string; readonly code: string; readonly message: string };

type Failure = {
  readonly description: string;
  /** Applies to every response of a call, while the mint and the call succeed. */
  readonly response?: ResponseFailure;
  /** Undefined if the operation succeeds despite this failure. */
  readonly play: (asked: Asked) => Answer | undefined;
};

const HUGE_BYTES = 20 * 1024 * 1024;
const ORGANIZATION = 'org-localstandin';

/** Fails every request with the key. */
function everywhere(description: string, play: (asked: Asked) => Answer): Failure {
  return { description, play: (asked) => (asked.operation === 'call' ? undefined : play(asked)) };
}

/** Fails the mint but not the model list, because OpenAI reports billing problems only for requests that cost money. */
function onMint(description: string, play: (asked: Asked) => Answer): Failure {
  return { description, play: (asked) => (asked.operation === 'mint' ? play(asked) : undefined) };
}

/** Fails during a call: neither the mint nor the creation of the call reports a billing problem. */
function onResponse(description: string, response: ResponseFailure): Failure {
  return { description, response, play: () => undefined };
}

function rateLimited(model: string): Answer {
  return refusal(
    429,
    {
      message: `Rate limit reached for ${model} in organization ${ORGANIZATION} on requests per min (RPM): Limit 400, Used 400, Requested 1. Please try again in 7s.`,
      type: 'requests',
      code: 'rate_limit_exceeded',
    },
    {
      'retry-after': '7',
      'x-ratelimit-limit-requests': '400',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '7s',
    },
  );
}

/** The error object of an answer that docs/openai.md documents. */
function errorOf(name: OpenAiErrorName): Pick<OpenAiError, 'code' | 'type' | 'message'> {
  const { code, type, message } = OPENAI_ERRORS[name].example;
  return { code, type, message };
}

function documented(name: OpenAiErrorName): () => Answer {
  return () => refusal(OPENAI_ERRORS[name].example.status, errorOf(name));
}

const ok = (body: string, more: Partial<Answer> = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body,
  ...more,
});

const failures: Readonly<Record<string, Failure>> = {
  revoked: everywhere('401: the key was revoked or deleted', ({ key }) => invalidKey(key)),
  // No source gives the code of this response, so only the message identifies it.
  expired: everywhere('401: the key has expired', () =>
    refusal(401, { message: errorOf('expired_api_key').message }),
  ),
  noscope: everywhere('restricted key: neither models nor mint', ({ operation }) =>
    operation === 'mint'
      ? missingScope(401, 'api.model.request', null)
      : missingScope(403, 'api.model.read', 'missing_scope'),
  ),
  readonly: onMint('restricted key: models readable, mint refused', () =>
    missingScope(401, 'api.model.request', 'missing_scope'),
  ),
  latenoquota: onResponse('mint and call good, every response fails: no quota', {
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: errorOf('insufficient_quota').message,
  }),
  lateratelimited: onResponse('mint and call good, every response fails: too many requests', {
    type: 'tokens',
    code: 'rate_limit_exceeded',
    message: `Rate limit reached in organization ${ORGANIZATION} on tokens per min (TPM). Please try again in 7s.`,
  }),
  latebusy: {
    description: 'mint good, the call is refused with 429, come back in 7 s',
    play: ({ operation, model }) => (operation === 'call' ? rateLimited(model) : undefined),
  },
  restricted: {
    description: 'restricted key that works: models refused, mint good',
    play: ({ operation }) =>
      operation === 'mint' || operation === 'call' ? undefined : missingScope(403, 'api.model.read', null),
  },
  nomodel: {
    description: 'the project has no Realtime model: mint 403, models list without them',
    play: ({ operation, model }) => (operation === 'mint' ? modelNotFound(403, model) : undefined),
  },
  latenomodel: {
    description: 'mint good, the model is refused only when the secret is used',
    play: ({ operation, model }) => (operation === 'call' ? modelNotFound(403, model) : undefined),
  },
  wrongregion: everywhere('401: the project lives on us.api.openai.com', documented('incorrect_hostname')),
  notregional: everywhere('401: the project lives on api.openai.com', () =>
    refusal(401, {
      message:
        'Attempted to access resource with incorrect regional hostname. Please make your request to api.openai.com',
      code: 'incorrect_hostname',
    }),
  ),
  badip: everywhere('401: our address is not on the allowlist', documented('ip_not_authorized')),
  nocountry: everywhere(
    '403: called from an unsupported country',
    documented('unsupported_country_region_territory'),
  ),
  noorg: everywhere('401: the owner of the key is in no organization', documented('no_member')),
  deactivated: everywhere('401: the account is deactivated', documented('account_deactivated')),
  archived: everywhere('401: the project is archived', documented('not_authorized_invalid_project')),
  otherproject: everywhere('401: the key belongs to another project', documented('mismatched_project')),
  unverified: onMint(
    '403: the organization is not verified for the model',
    documented('organization_unverified'),
  ),
  noquota: onMint('429: no quota, in the older form', documented('insufficient_quota')),
  nocredit: onMint('429: the prepaid credit is used up', documented('credit_balance_exhausted')),
  nobilling: onMint('429: billing of the account is not active', documented('billing_not_active')),
  hardlimit: onMint("400: the account's hard limit is reached", documented('billing_hard_limit_reached')),
  spendlimit: onMint("429: the project's spend limit is reached", documented('project_spend_limit_exceeded')),
  orgspendlimit: onMint(
    "429: the organization's spend limit is reached",
    documented('organization_spend_limit_exceeded'),
  ),
  usagelimit: onMint(
    "429: the organization's usage limit is reached",
    documented('organization_usage_limit_exceeded'),
  ),
  ratelimited: everywhere('429: too many requests, come back in 7 s', ({ model }) => rateLimited(model)),
  slowdown: everywhere('429: traffic grows too fast', documented('slow_down')),
  err500: everywhere('500: error at OpenAI', documented('server_error')),
  err503: everywhere('503: overloaded, one more try is welcome', () =>
    refusal(503, errorOf('server_is_overloaded'), { 'x-should-retry': 'true' }),
  ),
  blocked: everywhere("403 with a page of OpenAI's edge, which blocks our address", () => ({
    status: 403,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: '<html><body><h1>Sorry, you have been blocked</h1><p>You are unable to access api.openai.com</p></body></html>',
  })),
  html502: everywhere('502 with an HTML page from the edge', () => ({
    status: 502,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>',
  })),
  badjson: everywhere('200 with a body that is not JSON', () => ok('{"value": "ek_')),
  truncated: everywhere('200 whose body stops half-way', () =>
    ok(JSON.stringify({ value: 'ek_0', expires_at: 0, session: {} }), { delivery: 'truncated' }),
  ),
  nosecret: onMint('200 without a secret', ({ model }) =>
    json(200, { session: { type: 'realtime', model } }),
  ),
  empty: everywhere('200 with an empty body', () => ok('')),
  redirect: everywhere('302 to another place, which records who follows', ({ origin }) => ({
    status: 302,
    headers: { location: `${origin}/elsewhere` },
    body: '',
  })),
  hang: everywhere('takes the request and never answers', () => ok('', { delivery: 'hang' })),
  slowbody: everywhere('200 whose body comes a byte at a time', () =>
    ok(JSON.stringify({ padding: 'x'.repeat(1_000) }), { delivery: 'slow-body' }),
  ),
  reset: everywhere('drops the connection', () => ok('', { delivery: 'reset' })),
  huge: everywhere('200 with 20 MB of valid JSON', () =>
    json(200, { object: 'list', data: [], value: 'ek_0', expires_at: 0, padding: 'x'.repeat(HUGE_BYTES) }),
  ),
};

/** Failures of the stand-in, selected by the end of a key, each with a description. Any other key works. */
export const playableFailures: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(failures).map(([suffix, { description }]) => [suffix, description]),
);

// Longest first: `latenomodel` also ends in `nomodel`.
const suffixes = Object.keys(failures).sort((a, b) => b.length - a.length);

/** The failure that a key selects, or undefined for a key that works. */
export function failureOf(key: string): string | undefined {
  return suffixes.find((suffix) => key.endsWith(suffix));
}

/** The response of a failure to one operation, or undefined if the operation succeeds. */
export function playFailure(failure: string | undefined, asked: Asked): Answer | undefined {
  return failure === undefined ? undefined : failures[failure]?.play(asked);
}

/** A failure's effect on the responses of a call, or undefined when they succeed. */
export function responseFailureOf(failure: string | undefined): ResponseFailure | undefined {
  return failure === undefined ? undefined : failures[failure]?.response;
}
