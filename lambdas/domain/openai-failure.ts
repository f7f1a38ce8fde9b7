import { BrokerError, type BrokerErrorDetail } from './broker-error.ts';

/** What OpenAI's refusals mean to us. Source of the codes: docs/openai.md. */
export const OPENAI_FAILURES = [
  'key_invalid',
  'key_expired',
  'missing_permission',
  'not_a_member',
  'model_unavailable',
  'wrong_region',
  'ip_not_authorized',
  'country_not_supported',
  'quota_exhausted',
  'spend_limit_reached',
  'rate_limited',
  'request_refused',
  'upstream_error',
  'unreadable_answer',
  'unreachable',
  'timeout',
] as const;

export type OpenAiFailureName = (typeof OPENAI_FAILURES)[number];

/**
 * A failed call to OpenAI, reduced to facts of ours. OpenAI's own message never gets in: it echoes parts of keys
 * and organization ids.
 */
export class OpenAiFailure extends Error {
  override readonly name = 'OpenAiFailure';
  readonly reason: OpenAiFailureName;
  /** HTTP status, undefined when no answer came. */
  readonly status: number | undefined;
  /** OpenAI's `x-request-id`, for their support. */
  readonly requestId: string | undefined;
  /** Set for `rate_limited` when OpenAI said so. */
  readonly retryAfterSeconds: number | undefined;
  /** For `missing_permission` the scopes, for `wrong_region` the region; checked against a narrow alphabet. */
  readonly subject: string | undefined;

  constructor(
    failure: OpenAiFailureName,
    facts: {
      readonly status?: number | undefined;
      readonly requestId?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly subject?: string | undefined;
    } = {},
  ) {
    super(failure);
    this.reason = failure;
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.subject = facts.subject;
  }
}

/** The parts of an error answer that tell one failure from another. `message` is read here and goes nowhere. */
export interface OpenAiErrorAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly type: string | undefined;
  readonly message: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

const MISSING_SCOPES = /missing scopes?: *((?:[a-z_]{1,40}(?:\.[a-z_]{1,40}){1,4}(?:, ?)?){1,5})/i;
const REGIONAL_HOST = /\b([a-z]{2})\.api\.openai\.com\b/;
const TRY_AGAIN = /try again in (?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:(\d+)ms)?/i;
const SPEND_LIMITS = new Set([
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
]);
const QUOTA_CODES = new Set(['insufficient_quota', 'credit_balance_exhausted', 'billing_hard_limit_reached']);

/** Total: every answer that is not a success becomes exactly one failure, an unknown one by its status. */
export const classifyErrorAnswer = (answer: OpenAiErrorAnswer): OpenAiFailure => {
  const { status, requestId } = answer;
  const message = answer.message ?? '';
  const failure = (name: OpenAiFailureName, subject?: string): OpenAiFailure =>
    new OpenAiFailure(name, { status, requestId, subject });

  if (answer.code === 'model_not_found') return failure('model_unavailable');
  if (status === 401 || status === 403) return classifyDenial(answer, message, failure);
  if (status === 404) return failure('model_unavailable');
  if (status === 429) {
    if (answer.code !== undefined && SPEND_LIMITS.has(answer.code)) return failure('spend_limit_reached');
    const quota =
      (answer.code !== undefined && QUOTA_CODES.has(answer.code)) || answer.type === 'insufficient_quota';
    if (quota) return failure('quota_exhausted');
    return new OpenAiFailure('rate_limited', {
      status,
      requestId,
      retryAfterSeconds: usableWait(answer.retryAfterSeconds) ?? secondsFromMessage(message),
    });
  }
  return failure(status >= 500 ? 'upstream_error' : 'request_refused');
};

const classifyDenial = (
  { status, code }: OpenAiErrorAnswer,
  message: string,
  failure: (name: OpenAiFailureName, subject?: string) => OpenAiFailure,
): OpenAiFailure => {
  const scopes = MISSING_SCOPES.exec(message)?.[1];
  const insufficient = code === 'missing_scope' || /insufficient permissions/i.test(message);
  if (scopes !== undefined) return failure('missing_permission', scopes.replace(/[\s,]+$/, ''));
  if (insufficient) return failure('missing_permission');
  if (code === 'incorrect_hostname') return failure('wrong_region', REGIONAL_HOST.exec(message)?.[1]);
  if (code === 'ip_not_authorized' || /ip is not authorized/i.test(message))
    return failure('ip_not_authorized');
  if (code === 'unsupported_country_region_territory') return failure('country_not_supported');
  if (/member of an organization/i.test(message)) return failure('not_a_member');
  if (code === 'expired_api_key' || /key has expired/i.test(message)) return failure('key_expired');
  if (/does not have access to (?:the )?model/i.test(message)) return failure('model_unavailable');
  return failure(status === 401 ? 'key_invalid' : 'missing_permission');
};

/** OpenAI's longest window is a day; a longer wait is no information. */
const MAX_WAIT_SECONDS = 86_400;

const secondsFromMessage = (message: string): number | undefined => {
  const match = TRY_AGAIN.exec(message);
  if (match === null) return undefined;
  const [, hours = '0', minutes = '0', seconds = '0', milliseconds = '0'] = match;
  return usableWait(
    Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds) + Number(milliseconds) / 1_000,
  );
};

const usableWait = (seconds: number | undefined): number | undefined =>
  seconds !== undefined && seconds > 0 && seconds <= MAX_WAIT_SECONDS ? Math.ceil(seconds) : undefined;

interface Explanation {
  readonly message: string;
  /** Whether the failure proves that this key cannot mint as things stand. */
  readonly attribution: 'key' | 'account' | 'nobody';
}

const EXPLANATIONS: Readonly<Record<OpenAiFailureName, Explanation>> = {
  key_invalid: {
    message:
      'OpenAI does not know this key: it is wrong, revoked or deleted. Create a new key in the OpenAI dashboard and paste it here.',
    attribution: 'key',
  },
  key_expired: {
    message: 'This key has expired at OpenAI. Create a new key and paste it here.',
    attribution: 'key',
  },
  missing_permission: {
    message:
      'This is a restricted key that may not mint Realtime sessions. In the OpenAI dashboard set "Model capabilities" to "Request", or create a key with all permissions.',
    attribution: 'key',
  },
  not_a_member: {
    message:
      'The owner of this key is no longer a member of the OpenAI organization. Create a service-account key in the project.',
    attribution: 'key',
  },
  model_unavailable: {
    message:
      'The OpenAI project of this key has no access to the model of this site. Allow the model in the project, or choose another model.',
    attribution: 'key',
  },
  wrong_region: {
    message:
      "The OpenAI project of this key keeps its data in one region. Set the site's data_residency to that region.",
    attribution: 'key',
  },
  ip_not_authorized: {
    message:
      "The OpenAI project of this key only accepts listed IP addresses. Add this service's outgoing address to the list.",
    attribution: 'key',
  },
  country_not_supported: {
    message: 'OpenAI does not serve the region in which this service runs. Deploy it in a supported region.',
    attribution: 'key',
  },
  quota_exhausted: {
    message: 'The OpenAI account has no credit left. Add credit in the OpenAI dashboard under Billing.',
    attribution: 'account',
  },
  spend_limit_reached: {
    message:
      'A spend limit of the OpenAI organization or project is reached. Raise the limit in the OpenAI dashboard.',
    attribution: 'account',
  },
  rate_limited: {
    message: "OpenAI's rate limit for this key is reached for the moment. Try again shortly.",
    attribution: 'nobody',
  },
  request_refused: {
    message:
      "OpenAI refused the session settings. Check the site's model, voice and instructions; if they are right, report this.",
    attribution: 'nobody',
  },
  upstream_error: {
    message: 'OpenAI answered with an error of its own. Try again; see status.openai.com.',
    attribution: 'nobody',
  },
  unreadable_answer: {
    message: 'OpenAI sent an answer that could not be read. Try again; see status.openai.com.',
    attribution: 'nobody',
  },
  unreachable: {
    message: 'OpenAI could not be reached. Try again; see status.openai.com.',
    attribution: 'nobody',
  },
  timeout: { message: 'OpenAI did not answer in time. Try again.', attribution: 'nobody' },
};

/** One sentence and the next step, for the operator. Never OpenAI's words. */
export const explainOpenAiFailure = (failure: OpenAiFailure): BrokerErrorDetail => {
  const { message } = EXPLANATIONS[failure.reason];
  const subject =
    failure.subject === undefined
      ? ''
      : failure.reason === 'missing_permission'
        ? ` Missing: ${failure.subject}.`
        : ` Region: ${failure.subject}.`;
  return { path: failure.reason, message: `${message}${subject}` };
};

/** Seconds that we ask for when OpenAI refused for load and named no time. */
const DEFAULT_BUSY_SECONDS = 5;
const DEFAULT_RETRY_SECONDS = 10;

/** The contract's refusal for a failed mint. */
export const brokerErrorOfOpenAiFailure = (failure: OpenAiFailure): BrokerError => {
  const details = [explainOpenAiFailure(failure)];
  switch (failure.reason) {
    case 'rate_limited':
      return new BrokerError('busy', {
        details,
        retryAfterSeconds: failure.retryAfterSeconds ?? DEFAULT_BUSY_SECONDS,
      });
    case 'quota_exhausted':
    case 'spend_limit_reached':
      return new BrokerError('openai_quota_exhausted', { details });
    case 'timeout':
      return new BrokerError('openai_timeout', { details, retryAfterSeconds: DEFAULT_RETRY_SECONDS });
    case 'request_refused':
    case 'upstream_error':
    case 'unreadable_answer':
    case 'unreachable':
      return new BrokerError('openai_error', { details, retryAfterSeconds: DEFAULT_RETRY_SECONDS });
    default:
      return new BrokerError('openai_key_rejected', { details });
  }
};

/** `nobody`: OpenAI was busy, broken or out of reach, and the key may be perfectly good. */
export const attributionOf = (failure: OpenAiFailure): 'key' | 'account' | 'nobody' =>
  EXPLANATIONS[failure.reason].attribution;
