/**
 * The codes of all refusals of this product. The names are stable; status, public code and sentences are in the
 * problem catalogue of the contract, which the type checker holds complete.
 */
export const BROKER_ERROR_CODES = [
  'invalid_request',
  'invalid_site_id',
  'invalid_offer',
  'unauthorized',
  'recent_sign_in_required',
  'forbidden',
  'origin_not_allowed',
  'calls_only',
  'embed_token_invalid',
  'visitor_limit',
  'embed_key_not_found',
  'not_through_the_edge',
  'route_not_found',
  'workspace_not_found',
  'site_not_found',
  'member_not_found',
  'invitation_not_found',
  'already_member',
  'api_token_invalid',
  'api_token_not_allowed',
  'api_token_not_found',
  'api_token_limit_reached',
  'session_not_found',
  'webhook_not_found',
  'delivery_not_found',
  'webhook_limit_reached',
  'mail_unavailable',
  'alert_email_missing',
  'mail_code_wrong',
  'invalid_signature',
  'openai_key_not_stored',
  'openai_key_missing',
  'openai_key_unreadable',
  'openai_key_rejected',
  'openai_key_suspended',
  'openai_key_unverified',
  'openai_quota_exhausted',
  'openai_error',
  'openai_timeout',
  'minutes_exhausted',
  'budget_exhausted',
  'budget_not_found',
  'budget_needs_own_key',
  'control_required',
  'watch_required',
  'price_required',
  'platform_key_missing',
  'managed_unavailable',
  'rate_limited',
  'busy',
  'last_owner',
  'site_limit_reached',
  'no_previous_version',
  'changed_meanwhile',
  'version_conflict',
  'not_endable',
  'stopped',
  'unavailable',
] as const;

export type BrokerErrorCode = (typeof BROKER_ERROR_CODES)[number];

export interface BrokerErrorDetail {
  /** The subject of the detail: a path in the request, or a machine-readable reason. */
  readonly path: string;
  readonly message: string;
}

/** The error for a cursor that the list has not issued. */
export const invalidCursor = (): BrokerError =>
  new BrokerError('invalid_request', {
    details: [
      { path: 'cursor', message: 'This cursor does not belong to this list. Request the first page again.' },
    ],
  });

/**
 * A refusal with its facts as fields. `message` is for logs and contains only the name: no text from a caller, a
 * customer or OpenAI.
 */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly details: readonly BrokerErrorDetail[];

  constructor(
    refusal: BrokerErrorCode,
    facts: { readonly retryAfterSeconds?: number; readonly details?: readonly BrokerErrorDetail[] } = {},
  ) {
    super(refusal);
    this.code = refusal;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.details = facts.details ?? [];
  }
}
