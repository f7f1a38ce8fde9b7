/**
 * Every failure a caller can meet: stable code, status, a sentence for a person and what to do next. The key is the
 * name of the refusal inside; two of them share a public code because the contract gives it two statuses.
 */
export interface Problem {
  readonly status: 400 | 401 | 402 | 403 | 404 | 409 | 422 | 423 | 429 | 502 | 503 | 504;
  readonly code: string;
  readonly message: string;
  /** Sent as Retry-After when the refusal itself names no time. 429 and 503 always carry one. */
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
      'The site ID is not valid. It has 8 to 32 lower-case letters and digits. Copy it from the embed snippet.',
  },
  invalid_offer: {
    status: 400,
    code: 'invalid_offer',
    message: 'The SDP offer cannot be used. The details say why; create a new offer with one audio track.',
  },
  unauthorized: {
    status: 401,
    code: 'unauthorized',
    message: 'The access token is missing, expired or issued for another service. Sign in again.',
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
    message: 'This site gives out no client secrets. Open a call instead: POST /v1/{siteId}/calls.',
  },
  embed_token_invalid: {
    status: 401,
    code: 'embed_token_invalid',
    message: 'The embed token of this visitor is not valid. See details.',
  },
  visitor_limit: {
    status: 429,
    code: 'visitor_limit',
    message: 'You have reached the limit of conversations for today. Come back tomorrow.',
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
    message: 'This person is not a member of the workspace.',
  },
  session_not_found: {
    status: 404,
    code: 'session_not_found',
    message: 'This session does not exist, or it is no longer kept.',
  },
  webhook_not_found: {
    status: 404,
    code: 'webhook_not_found',
    message: 'This webhook does not exist. List the webhooks of the workspace to see those that do.',
  },
  delivery_not_found: {
    status: 404,
    code: 'delivery_not_found',
    message:
      'This delivery does not exist, or it is older than 30 days. List the deliveries to see those that are kept.',
  },
  mail_unavailable: {
    status: 409,
    code: 'mail_unavailable',
    message: 'This deployment sends no mail. Use a webhook, or ask its operator to set alertMail.',
  },
  alert_email_missing: {
    status: 409,
    code: 'alert_email_missing',
    message: 'The workspace has no mail address for alerts. Set alert_email first.',
  },
  mail_code_wrong: {
    status: 409,
    code: 'mail_code_wrong',
    message: 'The code is wrong or has expired. Request another code and enter that one.',
  },
  webhook_limit_reached: {
    status: 409,
    code: 'webhook_limit_reached',
    message: 'A workspace can have 10 webhooks. Remove one that you no longer need.',
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
    message: 'Voice is not set up: neither the site nor its workspace has an OpenAI key. Store one.',
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
    message: 'The OpenAI key is suspended. An admin can resume it.',
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
      'A budget limits the cost of your own OpenAI key, and this workspace is in managed mode. Change billing_mode to byok first.',
  },
  control_required: {
    status: 409,
    code: 'control_required',
    message:
      'The budget needs a stricter control of its sites: brokered or locked for end_calls, locked for never_exceed. Change control of the sites in details, or choose another action.',
  },
  watch_required: {
    status: 409,
    code: 'watch_required',
    message:
      'This deployment does not watch calls, so it cannot enforce this action. Choose notify or refuse.',
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
    message: 'All voice lines are in use. Try again after the time in Retry-After.',
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
    message: 'The plan allows no more sites. Archive one that you no longer need, or choose a larger plan.',
  },
  no_previous_version: {
    status: 409,
    code: 'no_previous_version',
    message: 'There is no previous version to roll back to. Store the key again.',
  },
  version_conflict: {
    status: 409,
    code: 'version_conflict',
    message: 'This was changed by another request at the same time. Read it again, then repeat your change.',
  },
  not_endable: {
    status: 409,
    code: 'not_endable',
    message:
      'This session was opened with a client secret, which nobody can take back. It ends by itself; set control to brokered to end sessions from here.',
  },
  stopped: {
    status: 503,
    code: 'stopped',
    message: 'Voice is stopped by the operator of this service. Try again later.',
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
