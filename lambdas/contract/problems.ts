/**
 * Every error that a caller can receive: stable code, status, a sentence for a person and a next step. The key is the
 * internal error code; two of them share a public code, because the contract gives it two statuses.
 */
export interface Problem {
  readonly status: 400 | 401 | 402 | 403 | 404 | 409 | 422 | 423 | 429 | 502 | 503 | 504;
  readonly code: string;
  readonly message: string;
  /** Sent as Retry-After if the error itself has no time. 429 and 503 always have one. */
  readonly retryAfterSeconds?: number;
}

export const PROBLEMS = {
  invalid_request: {
    status: 400,
    code: 'invalid_request',
    message: 'The request is not valid. See details.',
  },
  invalid_site_id: {
    status: 400,
    code: 'invalid_site_id',
    message:
      'The site ID is not valid. A site ID has 8 to 32 lowercase letters and digits. Copy it from the embed snippet.',
  },
  invalid_offer: {
    status: 400,
    code: 'invalid_offer',
    message: 'The SDP offer cannot be used. See details, then create a new offer with one audio track.',
  },
  unauthorized: {
    status: 401,
    code: 'unauthorized',
    message: 'The access token is missing, expired or issued for another service. Sign in again.',
  },
  recent_sign_in_required: {
    status: 401,
    code: 'recent_sign_in_required',
    message: 'This change requires a recent sign-in. Sign in again, then repeat the change.',
  },
  forbidden: {
    status: 403,
    code: 'forbidden',
    message: 'Your role in this workspace does not allow this. Ask an owner of the workspace.',
  },
  origin_not_allowed: {
    status: 403,
    code: 'origin_not_allowed',
    message: "This page's origin is not registered for the site. Add it to the site's allowed origins.",
  },
  calls_only: {
    status: 403,
    code: 'calls_only',
    message: 'This site does not issue client secrets. Open a call instead: POST /v1/{siteId}/calls.',
  },
  embed_token_invalid: {
    status: 401,
    code: 'embed_token_invalid',
    message: "This visitor's embed token is not valid. See details for the reason.",
  },
  visitor_limit: {
    status: 429,
    code: 'visitor_limit',
    message: "You have reached today's limit for voice conversations. Try again tomorrow.",
    retryAfterSeconds: 3_600,
  },
  embed_key_not_found: {
    status: 404,
    code: 'embed_key_not_found',
    message: 'No embed key is stored for this site. Store one with PUT.',
  },
  not_through_the_edge: {
    status: 403,
    code: 'forbidden',
    message: 'This address does not accept requests. Use the public address of the service.',
  },
  route_not_found: {
    status: 404,
    code: 'route_not_found',
    message: 'This route does not exist. See docs/openapi.json.',
  },
  workspace_not_found: {
    status: 404,
    code: 'workspace_not_found',
    message: 'This workspace does not exist, or you are not a member of it.',
  },
  site_not_found: {
    status: 404,
    code: 'site_not_found',
    message: 'This site does not exist or has been archived. Check the site ID.',
  },
  member_not_found: {
    status: 404,
    code: 'member_not_found',
    message: 'This person is not a member of the workspace. Check the ID in the list of members.',
  },
  invitation_not_found: {
    status: 404,
    code: 'invitation_not_found',
    message:
      'This invitation does not exist, has expired, or was withdrawn. Ask an owner of the workspace for a new one.',
  },
  already_member: {
    status: 409,
    code: 'already_member',
    message: 'You are already a member of this workspace. An owner can change your role.',
  },
  api_token_invalid: {
    status: 401,
    code: 'api_token_invalid',
    message:
      'The API token cannot be used. See details for the reason, or create a new token in the dashboard.',
  },
  api_token_not_allowed: {
    status: 403,
    code: 'api_token_not_allowed',
    message:
      'The role or the sites of this API token do not allow this request. See details, then use a token that allows it.',
  },
  api_token_not_found: {
    status: 404,
    code: 'api_token_not_found',
    message:
      'This API token does not exist, or it was revoked. List the API tokens of the workspace to find the right ID.',
  },
  api_token_limit_reached: {
    status: 409,
    code: 'api_token_limit_reached',
    message: 'This workspace already has 20 API tokens, the maximum. Revoke one that you no longer need.',
  },
  session_not_found: {
    status: 404,
    code: 'session_not_found',
    message: 'This session does not exist, or its record has expired. Check the session ID.',
  },
  webhook_not_found: {
    status: 404,
    code: 'webhook_not_found',
    message: 'This webhook does not exist. List the webhooks of the workspace to find the right ID.',
  },
  delivery_not_found: {
    status: 404,
    code: 'delivery_not_found',
    message:
      'This delivery does not exist, or it is older than 30 days. List the deliveries to find the right ID.',
  },
  mail_unavailable: {
    status: 409,
    code: 'mail_unavailable',
    message: 'This deployment does not send email. Use a webhook, or ask the operator to set alertMail.',
  },
  alert_email_missing: {
    status: 409,
    code: 'alert_email_missing',
    message: 'The workspace has no email address for alerts. Set alert_email first.',
  },
  mail_code_wrong: {
    status: 409,
    code: 'mail_code_wrong',
    message: 'The code is wrong or has expired. Check the code, or request a new one.',
  },
  webhook_limit_reached: {
    status: 409,
    code: 'webhook_limit_reached',
    message: 'This workspace already has 10 webhooks, the maximum. Remove one that you no longer need.',
  },
  invalid_signature: {
    status: 401,
    code: 'invalid_signature',
    message:
      "The signature is wrong or more than five minutes old. Sign the report again with this session's signing secret and resend it.",
  },
  openai_key_not_stored: {
    status: 404,
    code: 'openai_key_missing',
    message: 'No OpenAI key is stored here. Store one with PUT.',
  },
  openai_key_missing: {
    status: 422,
    code: 'openai_key_missing',
    message:
      'Voice is not set up: neither the site nor its workspace has an OpenAI key. Store a key for one of them.',
  },
  openai_key_unreadable: {
    status: 422,
    code: 'openai_key_missing',
    message: 'The stored OpenAI key can no longer be read. Store it again.',
  },
  openai_key_rejected: {
    status: 422,
    code: 'openai_key_rejected',
    message: 'OpenAI refused the key. See details.',
  },
  openai_key_suspended: {
    status: 423,
    code: 'openai_key_suspended',
    message: 'The OpenAI key is suspended. Ask an admin to resume it.',
  },
  openai_key_unverified: {
    status: 409,
    code: 'openai_key_unverified',
    message:
      'OpenAI could not be reached to check the new key, so the current key was kept. Try again, or send "confirm_unverified": true to replace it anyway.',
  },
  openai_quota_exhausted: {
    status: 402,
    code: 'openai_quota_exhausted',
    message:
      'The OpenAI account has no credit left or has reached a spend limit. Add credit or raise the limit.',
  },
  openai_error: {
    status: 502,
    code: 'openai_error',
    message: 'OpenAI could not start a voice session. Try again in a moment.',
  },
  openai_timeout: {
    status: 504,
    code: 'openai_timeout',
    message: 'OpenAI did not answer in time. Try again in a moment.',
  },
  minutes_exhausted: {
    status: 402,
    code: 'minutes_exhausted',
    message:
      "This month's minutes are used up. Wait for the next billing period, choose a larger plan, or use your own OpenAI key.",
  },
  budget_exhausted: {
    status: 402,
    code: 'budget_exhausted',
    message: 'The voice assistant is not available at the moment. Try again later.',
  },
  budget_not_found: {
    status: 404,
    code: 'budget_not_found',
    message: 'No budget is set here. Set one with PUT.',
  },
  budget_needs_own_key: {
    status: 409,
    code: 'budget_needs_own_key',
    message:
      'A budget limits the cost of your own OpenAI key, but this workspace is in managed mode. Change billing_mode to byok first.',
  },
  control_required: {
    status: 409,
    code: 'control_required',
    message:
      'The action of the budget needs stricter control: brokered or locked for end_calls, locked for never_exceed. Change control of the sites in details, or choose another action.',
  },
  watch_required: {
    status: 409,
    code: 'watch_required',
    message:
      'The actions end_calls and never_exceed need watched calls, and this deployment does not watch calls. Choose refuse or notify, or ask its operator to set watch to eager or strict.',
  },
  price_required: {
    status: 409,
    code: 'price_required',
    message:
      'The action never_exceed needs the price of each model, and the price of a model in details is not known. Choose another model for the site, turn transcription off, or choose another action for the budget.',
  },
  platform_key_missing: {
    status: 503,
    code: 'unavailable',
    message:
      'Managed voice is not set up on this deployment. Its operator must store the platform key (npm run platform-key).',
    retryAfterSeconds: 60,
  },
  managed_unavailable: {
    status: 409,
    code: 'managed_unavailable',
    message:
      'Managed mode is not set up on this deployment: no platform key is stored. Keep using your own OpenAI key.',
  },
  rate_limited: {
    status: 429,
    code: 'rate_limited',
    message: 'Too many requests. Try again after the time in Retry-After.',
    retryAfterSeconds: 60,
  },
  busy: {
    status: 429,
    code: 'busy',
    message: 'Voice is busy. Try again after the time in Retry-After.',
    retryAfterSeconds: 5,
  },
  last_owner: {
    status: 409,
    code: 'last_owner',
    message: 'A workspace must have an owner. Make another member an owner first.',
  },
  site_limit_reached: {
    status: 409,
    code: 'site_limit_reached',
    message:
      'The plan does not allow another site. Archive a site that you no longer need, or choose a larger plan.',
  },
  no_previous_version: {
    status: 409,
    code: 'no_previous_version',
    message: 'There is no previous version to roll back to. Store the key again.',
  },
  version_conflict: {
    status: 409,
    code: 'version_conflict',
    message: 'Another request changed this at the same time. Read it again, then repeat your change.',
  },
  changed_meanwhile: {
    status: 409,
    code: 'changed_meanwhile',
    message: 'This was changed after you read it. Read it again, then repeat your change.',
  },
  not_endable: {
    status: 409,
    code: 'not_endable',
    message:
      'This session was opened with a client secret, which cannot be revoked, so it cannot be ended from here. To end later sessions from here, set control of the site to brokered.',
  },
  stopped: {
    status: 503,
    code: 'stopped',
    message: 'The operator of this service has stopped voice. Try again later.',
    retryAfterSeconds: 60,
  },
  unavailable: {
    status: 503,
    code: 'unavailable',
    message: 'The service is temporarily unavailable. Try again in a few seconds.',
    retryAfterSeconds: 5,
  },
} as const satisfies Readonly<Record<string, Problem>>;

export type ProblemName = keyof typeof PROBLEMS;
