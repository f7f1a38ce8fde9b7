import type { OpenAiFailureName } from '../openai-failure.ts';

/** One kind of error answer of OpenAI, and its meaning here. docs/openai.md shows these rows as a table. */
export interface OpenAiErrorRow {
  /** An example answer of OpenAI. `message` is its beginning. */
  readonly example: {
    readonly status: number;
    readonly code: string | null;
    readonly type: string;
    readonly message: string;
  };
  readonly means: OpenAiFailureName;
  /** Other values of `code` or `type` that mean the same. */
  readonly aliases?: readonly string[];
  /** Pattern of the message where neither `code` nor `type` decides. Every repetition is bounded. */
  readonly says?: RegExp;
  /** The message decides before the code: OpenAI uses this code for several reasons. */
  readonly vague?: true;
}

const INVALID_REQUEST = 'invalid_request_error';

/**
 * OpenAI's errors, in the order in which they are checked. The classification, the stand-in for OpenAI, the fault
 * matrix and docs/openai.md use these rows. Sources: OpenAI's error-code guide and OpenAPI description; answers that
 * people have published.
 */
export const OPENAI_ERRORS = {
  rate_limit_exceeded: {
    example: {
      status: 429,
      code: 'rate_limit_exceeded',
      type: 'requests',
      message: 'Rate limit reached for gpt-realtime-2.1 on requests per min (RPM)',
    },
    means: 'rate_limited',
    says: /rate limit (?:is )?(?:reached|exceeded)|too many requests/i,
  },
  slow_down: {
    example: { status: 429, code: 'slow_down', type: 'rate_limit_error', message: 'Please slow down.' },
    means: 'rate_limited',
    aliases: ['rate_limit_error'],
  },
  insufficient_quota: {
    example: {
      status: 429,
      code: 'insufficient_quota',
      type: 'insufficient_quota',
      message: 'You exceeded your current quota, please check your plan and billing details.',
    },
    means: 'quota_exhausted',
    aliases: ['quota_exceeded', 'credits_exhausted'],
    says: /exceeded your current quota|(?:no|insufficient|out of|run out of) credits?\b|credit balance is/i,
  },
  credit_balance_exhausted: {
    example: {
      status: 429,
      code: 'credit_balance_exhausted',
      type: 'insufficient_quota',
      message: 'You exceeded your current quota, please check your plan and billing details.',
    },
    means: 'quota_exhausted',
  },
  billing_hard_limit_reached: {
    example: {
      status: 400,
      code: 'billing_hard_limit_reached',
      type: 'billing_limit_user_error',
      message: 'Billing hard limit has been reached.',
    },
    means: 'spend_limit_reached',
    aliases: [
      'billing_limit_user_error',
      'billing_limit_reached',
      'spend_limit_exceeded',
      'usage_limit_reached',
    ],
    says: /billing (?:hard |soft )?limit|(?:spend(?:ing)?|usage) limit (?:has been |is |was )?(?:reached|exceeded)/i,
  },
  organization_spend_limit_exceeded: {
    example: {
      status: 429,
      code: 'organization_spend_limit_exceeded',
      type: 'insufficient_quota',
      message: 'You exceeded your current quota, please check your plan and billing details.',
    },
    means: 'spend_limit_reached',
  },
  project_spend_limit_exceeded: {
    example: {
      status: 429,
      code: 'project_spend_limit_exceeded',
      type: 'insufficient_quota',
      message: 'You exceeded your current quota, please check your plan and billing details.',
    },
    means: 'spend_limit_reached',
  },
  organization_usage_limit_exceeded: {
    example: {
      status: 429,
      code: 'organization_usage_limit_exceeded',
      type: 'insufficient_quota',
      message: 'You exceeded your current quota, please check your plan and billing details.',
    },
    means: 'spend_limit_reached',
  },
  billing_not_active: {
    example: {
      status: 429,
      code: 'billing_not_active',
      type: 'billing_not_active',
      message: 'Your account is not active, please check your billing details on our website.',
    },
    means: 'billing_inactive',
    says: /account is not active|check your billing|payment (?:is )?required/i,
  },
  account_deactivated: {
    example: {
      status: 401,
      code: 'account_deactivated',
      type: INVALID_REQUEST,
      message: 'The OpenAI account associated with this API key has been deactivated.',
    },
    means: 'account_deactivated',
    aliases: ['access_terminated', 'organization_deactivated', 'user_deactivated', 'account_suspended'],
    says: /(?:account|organization)\b.{0,60}\b(?:deactivated|suspended|terminated)|deactivated (?:account|organization)|access was terminated/i,
  },
  not_authorized_invalid_project: {
    example: {
      status: 401,
      code: 'not_authorized_invalid_project',
      type: INVALID_REQUEST,
      message: 'The project you are requesting has been archived and is no longer accessible',
    },
    means: 'project_archived',
    aliases: ['project_archived', 'project_not_found'],
    says: /project\b.{0,60}\b(?:archived|deleted)|archived project/i,
  },
  mismatched_project: {
    example: {
      status: 401,
      code: 'mismatched_project',
      type: INVALID_REQUEST,
      message: 'OpenAI-Project header should match project for API key',
    },
    means: 'project_mismatch',
    says: /header should match (?:project|organization)/i,
  },
  mismatched_organization: {
    example: {
      status: 401,
      code: 'mismatched_organization',
      type: INVALID_REQUEST,
      message: 'OpenAI-Organization header should match organization for API key',
    },
    means: 'project_mismatch',
  },
  organization_unverified: {
    example: {
      status: 403,
      code: null,
      type: INVALID_REQUEST,
      message: 'Your organization must be verified to use the model `gpt-realtime-2.1`.',
    },
    means: 'organization_unverified',
    aliases: ['organization_not_verified', 'organization_unverified', 'organization_must_be_verified'],
    says: /organi[sz]ation must be verified|click on verify organi[sz]ation/i,
  },
  model_not_found: {
    example: {
      status: 403,
      code: 'model_not_found',
      type: INVALID_REQUEST,
      message: 'The model `gpt-realtime-2.1` does not exist or you do not have access to it.',
    },
    means: 'model_unavailable',
    aliases: ['model_not_available'],
    says: /not have access to (?:the )?model|not allowed to sample from this model|\bmodel\b.{0,80}\bdoes not exist/i,
  },
  missing_scope: {
    example: {
      status: 401,
      code: 'missing_scope',
      type: INVALID_REQUEST,
      message: 'You have insufficient permissions for this operation. Missing scopes: api.model.request.',
    },
    means: 'missing_permission',
    aliases: ['insufficient_permissions'],
    says: /missing scopes?:|insufficient permissions/i,
  },
  incorrect_hostname: {
    example: {
      status: 401,
      code: 'incorrect_hostname',
      type: INVALID_REQUEST,
      message:
        'Attempted to access resource with incorrect regional hostname. Please make your request to us.api.openai.com',
    },
    means: 'wrong_region',
    says: /incorrect regional hostname|make your request to (?:https:\/\/)?(?:[a-z]{2}\.)?api\.openai\.com/i,
  },
  ip_not_authorized: {
    example: {
      status: 401,
      code: 'ip_not_authorized',
      type: INVALID_REQUEST,
      message: 'Your IP is not authorized.',
    },
    means: 'ip_not_authorized',
    says: /\bip\b.{0,40}\bnot authorized/i,
  },
  unsupported_country_region_territory: {
    example: {
      status: 403,
      code: 'unsupported_country_region_territory',
      type: 'request_forbidden',
      message: 'Country, region, or territory not supported',
    },
    means: 'country_not_supported',
    says: /country, region, or territory not supported/i,
  },
  no_member: {
    example: {
      status: 401,
      code: null,
      type: INVALID_REQUEST,
      message: 'You must be a member of an organization to use the API',
    },
    means: 'not_a_member',
    says: /member of an organi[sz]ation|access to the organi[sz]ation tied to/i,
  },
  expired_api_key: {
    example: {
      status: 401,
      code: 'expired_api_key',
      type: INVALID_REQUEST,
      message: 'Your API key has expired.',
    },
    means: 'key_expired',
    aliases: ['api_key_expired', 'key_expired'],
    says: /key (?:has |is )?expired/i,
  },
  invalid_api_key: {
    example: {
      status: 401,
      code: 'invalid_api_key',
      type: INVALID_REQUEST,
      message: 'Incorrect API key provided: sk-pr****.',
    },
    means: 'key_invalid',
    aliases: ['invalid_authentication', 'api_key_revoked'],
    says: /incorrect api key provided|key (?:has been |was |is )?(?:revoked|deleted|disabled)/i,
    vague: true,
  },
  server_is_overloaded: {
    example: {
      status: 503,
      code: 'server_is_overloaded',
      type: 'service_unavailable_error',
      message: 'The server is overloaded.',
    },
    means: 'upstream_error',
  },
  server_error: {
    example: {
      status: 500,
      code: null,
      type: 'server_error',
      message: 'The server had an error while processing your request. Sorry about that!',
    },
    means: 'upstream_error',
    aliases: ['server_error'],
  },
} as const satisfies Readonly<Record<string, OpenAiErrorRow>>;

export type OpenAiErrorName = keyof typeof OPENAI_ERRORS;
