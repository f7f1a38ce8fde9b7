import type { PROBLEMS, ProblemName } from '../../../../lambdas/contract/problems.ts';

/** Every public code of the contract, and what only a browser can meet. */
export type FailureCode = (typeof PROBLEMS)[ProblemName]['code'] | 'unreachable' | 'unreadable';

export interface FailureDetail {
  readonly path: string;
  readonly message: string;
}

/** A refusal of the API in the contract's shape, or one of the two above. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: string;
  /** 0 when no answer came. */
  readonly status: number;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly details: readonly FailureDetail[];

  constructor(
    code: string,
    message: string,
    facts: {
      readonly status: number;
      readonly requestId?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly details?: readonly FailureDetail[] | undefined;
    },
  ) {
    super(message);
    this.code = code;
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.details = facts.details ?? [];
  }

  /** The message of the detail about one field, for a form. */
  detail(path: string): string | undefined {
    return this.details.find((detail) => detail.path === path || detail.path.startsWith(`${path}.`))?.message;
  }
}

/** For a failure that nothing more is known of. */
export const UNKNOWN_STEP =
  'Try again. If it continues, give the request ID to the operator of this service.';

/**
 * Where in the dashboard to act on a refusal; null if the message of the API already says all that can be done. A code
 * without an entry does not compile.
 */
const NEXT_STEPS: Readonly<Record<FailureCode, string | null>> = {
  invalid_request: null,
  invalid_site_id: 'Copy the site ID again from the site’s embed snippet.',
  unauthorized: 'Nothing that you stored is lost.',
  recent_sign_in_required:
    'Unsaved settings are kept. Fill in a dialog or an invitation again, and paste a key again.',
  forbidden: null,
  invalid_signature: 'Reload the page. The session’s signing secret is no longer valid.',
  session_not_found: 'Reload the list. Sessions are deleted at the end of their retention period.',
  webhook_not_found: 'Reload the page to see the current webhooks.',
  delivery_not_found: 'Reload the page. Deliveries are kept for 30 days.',
  webhook_limit_reached: null,
  mail_unavailable: null,
  alert_email_missing: null,
  mail_code_wrong: null,
  origin_not_allowed: null,
  calls_only:
    'Use the widget of this deployment, which opens calls. Client secrets need control open and sessions that report.',
  invalid_offer: 'Reload the page. A locked site does not accept a data channel.',
  embed_token_invalid: null,
  visitor_limit: null,
  embed_key_not_found: null,
  budget_exhausted: 'Raise the budget, or wait until its period ends.',
  budget_not_found: null,
  budget_needs_own_key: null,
  control_required: null,
  watch_required: null,
  price_required: null,
  not_endable: null,
  stopped: 'Ask the operator of this service when voice is available again.',
  route_not_found:
    'The dashboard and the API have different versions. Reload the page. If that does not help, redeploy both.',
  workspace_not_found: 'Choose another workspace, or ask its owner to add you under Members.',
  site_not_found: 'Go back to Sites and choose one that is listed.',
  member_not_found: 'Reload the list. Another owner may have removed this person.',
  invitation_not_found: null,
  already_member: null,
  api_token_invalid: null,
  api_token_not_allowed: null,
  api_token_not_found: 'Reload the list. Another owner may have revoked this token.',
  api_token_limit_reached: null,
  site_limit_reached: null,
  openai_key_missing: 'Store an OpenAI key under Billing.',
  openai_key_rejected: 'Then paste the key again.',
  openai_key_suspended: 'Resume it under Billing when you know why it was suspended.',
  openai_key_unverified: 'Try again in a minute, or paste the key again and choose Replace anyway.',
  openai_quota_exhausted:
    'Add credit or raise the limit in your OpenAI dashboard under Billing, then test again.',
  openai_error: 'status.openai.com shows whether others are affected.',
  openai_timeout: 'status.openai.com shows whether OpenAI is slow for everyone.',
  minutes_exhausted: null,
  managed_unavailable: null,
  rate_limited: null,
  busy: 'If your OpenAI tier allows more sessions, raise the limit under Settings.',
  last_owner: null,
  no_previous_version: null,
  version_conflict: null,
  unavailable: 'If it continues, give the request ID to the operator of this service.',
  unreachable: 'Check your connection, then try again.',
  unreadable: UNKNOWN_STEP,
  changed_meanwhile: 'Save again to replace their change, or reload the page to see it.',
};

/** The step for a code of the catalogue, or null if there is none; undefined for a code that this build does not know. */
export const nextStepFor = (code: string): string | null | undefined =>
  (NEXT_STEPS as Readonly<Record<string, string | null>>)[code];
