import { BrokerError, type BrokerErrorDetail } from './broker-error.ts';
import { DATA_RESIDENCIES } from './openai-models.ts';

/** The meaning of OpenAI's refusals. Source of the codes: docs/openai.md. */
export const OPENAI_FAILURES = [
  'key_invalid',
  'key_expired',
  'missing_permission',
  'not_a_member',
  'account_deactivated',
  'project_archived',
  'project_mismatch',
  'organization_unverified',
  'model_unavailable',
  'wrong_region',
  'ip_not_authorized',
  'country_not_supported',
  'quota_exhausted',
  'spend_limit_reached',
  'billing_inactive',
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
  /** The wait that OpenAI named, for a failure that waiting can end. */
  readonly retryAfterSeconds: number | undefined;
  /** For `missing_permission` the scopes, for `wrong_region` the region or `global`; of a narrow alphabet. */
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

interface Explanation {
  readonly message: string;
  /** Who has to act: `key` or `account` mean that this key cannot mint until then; `nobody` proves nothing about it. */
  readonly attribution: 'key' | 'account' | 'nobody';
}

const EXPLANATIONS: Readonly<Record<OpenAiFailureName, Explanation>> = {
  key_invalid: {
    message:
      'OpenAI does not accept this key: it is wrong, revoked or deleted. Create a new key at platform.openai.com/api-keys and store it.',
    attribution: 'key',
  },
  key_expired: {
    message: 'This key has expired at OpenAI. Create a new key at platform.openai.com/api-keys and store it.',
    attribution: 'key',
  },
  missing_permission: {
    message:
      'This restricted key cannot create Realtime sessions. At platform.openai.com/api-keys set "Model capabilities" to "Request", or create a key with all permissions.',
    attribution: 'key',
  },
  not_a_member: {
    message:
      'The owner of this key is no longer a member of the OpenAI organization. Create a service-account key in the project.',
    attribution: 'key',
  },
  account_deactivated: {
    message:
      'OpenAI has deactivated the account of this key. Contact OpenAI at help.openai.com, or use a key of another account.',
    attribution: 'key',
  },
  project_archived: {
    message: 'The OpenAI project of this key is archived. Create a key in an active project and store it.',
    attribution: 'key',
  },
  project_mismatch: {
    message:
      'OpenAI reports that this key belongs to another project or organization. Create a key in the project that you want to use. If it happens again, the operator of this service should check the proxy in front of OpenAI.',
    attribution: 'key',
  },
  organization_unverified: {
    message:
      'OpenAI serves this model only to verified organizations. Verify yours at platform.openai.com/settings/organization/general, or choose another model.',
    attribution: 'key',
  },
  model_unavailable: {
    message:
      'The OpenAI project of this key has no access to the model of this site. Allow the model in the project, or choose another model.',
    attribution: 'key',
  },
  wrong_region: {
    message:
      'The OpenAI project of this key is in another region. Set data_residency to the region of the project.',
    attribution: 'key',
  },
  ip_not_authorized: {
    message:
      "The OpenAI project of this key only accepts listed IP addresses. Add this service's outgoing address to the list.",
    attribution: 'key',
  },
  country_not_supported: {
    message: 'OpenAI does not serve the region where this service runs. Deploy it in a supported region.',
    attribution: 'key',
  },
  quota_exhausted: {
    message: 'The OpenAI account has no credit left. Add credit in the OpenAI dashboard under Billing.',
    attribution: 'account',
  },
  spend_limit_reached: {
    message:
      'The OpenAI organization or project has reached its spend limit. Raise the limit in the OpenAI dashboard.',
    attribution: 'account',
  },
  billing_inactive: {
    message:
      'Billing of the OpenAI account is not active. Add a payment method or credit in the OpenAI dashboard under Billing.',
    attribution: 'account',
  },
  rate_limited: {
    message: "OpenAI's rate limit for this key is reached. Try again shortly.",
    attribution: 'nobody',
  },
  request_refused: {
    message:
      "OpenAI refused the session settings. Check the site's model, voice, instructions and functions.",
    attribution: 'nobody',
  },
  upstream_error: {
    message: 'OpenAI had an internal error. Try again, and check status.openai.com.',
    attribution: 'nobody',
  },
  unreadable_answer: {
    message: 'OpenAI sent an unreadable response. Try again, and check status.openai.com.',
    attribution: 'nobody',
  },
  unreachable: {
    message: 'OpenAI could not be reached. Try again, and check status.openai.com.',
    attribution: 'nobody',
  },
  timeout: { message: 'OpenAI did not answer in time. Try again.', attribution: 'nobody' },
};

/** The attribution of a failure reason. */
export const blamed = (name: OpenAiFailureName): Explanation['attribution'] => EXPLANATIONS[name].attribution;

/** One sentence and the next step, for the operator. Never OpenAI's text. */
export const explainOpenAiFailure = ({ reason: failure, subject }: OpenAiFailure): BrokerErrorDetail => {
  const { message } = EXPLANATIONS[failure];
  if (subject === undefined) return { path: failure, message };
  if (failure === 'wrong_region') return { path: failure, message: explainRegion(subject) };
  return { path: failure, message: `${message} Missing: ${subject}.` };
};

const explainRegion = (region: string): string => {
  if (region === 'global')
    return 'The OpenAI project of this key belongs to no region. Set data_residency to global.';
  return (DATA_RESIDENCIES as readonly string[]).includes(region)
    ? `The OpenAI project of this key keeps its data in one region. Set data_residency to ${region}.`
    : `The OpenAI project of this key keeps its data in the region ${region}, which this service does not offer. Use a key of a project in another region.`;
};

/** The wait if OpenAI refused because of load and named no time, seconds. */
const DEFAULT_BUSY_SECONDS = 5;
const DEFAULT_RETRY_SECONDS = 10;

/** The contract's refusal for a failed mint, with the wait of the failure if it has one. */
export const brokerErrorOfOpenAiFailure = (failure: OpenAiFailure): BrokerError => {
  const details = [explainOpenAiFailure(failure)];
  const { retryAfterSeconds } = failure;
  const facts = { details, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
  switch (failure.reason) {
    case 'rate_limited':
      return new BrokerError('busy', {
        details,
        retryAfterSeconds: failure.retryAfterSeconds ?? DEFAULT_BUSY_SECONDS,
      });
    case 'quota_exhausted':
    case 'spend_limit_reached':
    case 'billing_inactive':
      return new BrokerError('openai_quota_exhausted', facts);
    case 'timeout':
      return new BrokerError('openai_timeout', { details, retryAfterSeconds: DEFAULT_RETRY_SECONDS });
    case 'request_refused':
    case 'upstream_error':
    case 'unreadable_answer':
    case 'unreachable':
      return new BrokerError('openai_error', {
        details,
        retryAfterSeconds: failure.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS,
      });
    default:
      return new BrokerError('openai_key_rejected', facts);
  }
};

/** True for `nobody`: OpenAI was busy, broken or unreachable, and the key may be valid. */
export const attributionOf = (failure: OpenAiFailure): 'key' | 'account' | 'nobody' => blamed(failure.reason);
