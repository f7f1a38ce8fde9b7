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
    message: 'The request is not valid. The details name each field and what it should be.',
  },
  invalid_site_id: {
    status: 400,
    code: 'invalid_site_id',
    message: 'This is not a site id: 8 to 32 lower-case letters and digits. Copy it from the embed snippet.',
  },
  unauthorized: {
    status: 401,
    code: 'unauthorized',
    message: 'Sign in: the access token is missing, expired or not meant for this service.',
  },
  forbidden: {
    status: 403,
    code: 'forbidden',
    message: 'Your role in this workspace does not allow this. Ask an owner.',
  },
  origin_not_allowed: {
    status: 403,
    code: 'origin_not_allowed',
    message: "This page's origin is not registered for the site. Add it to the site's allowed origins.",
  },
  not_through_the_edge: {
    status: 403,
    code: 'forbidden',
    message: 'Use the public address of this service. It does not answer here.',
  },
  route_not_found: {
    status: 404,
    code: 'route_not_found',
    message: 'There is no such route. See docs/openapi.json.',
  },
  workspace_not_found: {
    status: 404,
    code: 'workspace_not_found',
    message: 'There is no such workspace, or you are not a member of it.',
  },
  site_not_found: {
    status: 404,
    code: 'site_not_found',
    message: 'There is no such site. It may have been archived; check the site id.',
  },
  member_not_found: {
    status: 404,
    code: 'member_not_found',
    message: 'This person is not a member of the workspace.',
  },
  session_not_found: {
    status: 404,
    code: 'session_not_found',
    message: 'There is no such session of this site, or it is too long ago.',
  },
  invalid_signature: {
    status: 401,
    code: 'invalid_signature',
    message:
      "The report is not signed with this session's secret, or was signed more than five minutes ago. Sign it anew and send it again.",
  },
  openai_key_not_stored: {
    status: 404,
    code: 'openai_key_missing',
    message: 'No OpenAI key is stored here. Store one with PUT.',
  },
  openai_key_missing: {
    status: 422,
    code: 'openai_key_missing',
    message: 'Voice is not set up yet: neither the site nor its workspace has an OpenAI key.',
  },
  openai_key_unreadable: {
    status: 422,
    code: 'openai_key_missing',
    message: 'The stored OpenAI key can no longer be read. Its owner has to enter it again.',
  },
  openai_key_rejected: {
    status: 422,
    code: 'openai_key_rejected',
    message: 'OpenAI refused the key. The details say why and what to change.',
  },
  openai_key_suspended: {
    status: 423,
    code: 'openai_key_suspended',
    message: 'Voice is switched off: the OpenAI key is suspended. An admin can resume it.',
  },
  openai_key_unverified: {
    status: 409,
    code: 'openai_key_unverified',
    message:
      'OpenAI could not be asked about the new key, so the current key was kept. Try again, or send "confirm_unverified": true to replace it anyway.',
  },
  openai_quota_exhausted: {
    status: 402,
    code: 'openai_quota_exhausted',
    message: 'The OpenAI account behind this site has no credit left or has reached a spend limit.',
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
      "This month's minutes are used up. Voice returns with the next billing period, a larger plan, or an own OpenAI key.",
  },
  platform_key_missing: {
    status: 503,
    code: 'unavailable',
    message:
      'Managed voice is not set up on this deployment: its operator has to store the platform key (npm run platform-key).',
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
    message: 'Too many requests. Try again after the time given.',
    retryAfterSeconds: 60,
  },
  busy: {
    status: 429,
    code: 'busy',
    message: 'Every voice line is in use. Try again after the time given.',
    retryAfterSeconds: 5,
  },
  last_owner: {
    status: 409,
    code: 'last_owner',
    message: 'A workspace keeps at least one owner. Make somebody else an owner first.',
  },
  site_limit_reached: {
    status: 409,
    code: 'site_limit_reached',
    message:
      'The plan has no room for another site. Archive one that is no longer needed, or move to a larger plan.',
  },
  no_previous_version: {
    status: 409,
    code: 'no_previous_version',
    message: 'There is no earlier version to go back to: it is no longer retained. Store the key again.',
  },
  version_conflict: {
    status: 409,
    code: 'version_conflict',
    message: 'Somebody else changed this at the same time. Read it again, then repeat your change.',
  },
  unavailable: {
    status: 503,
    code: 'unavailable',
    message: 'The service cannot answer safely at the moment. Try again in a few seconds.',
    retryAfterSeconds: 5,
  },
} as const satisfies Readonly<Record<string, Problem>>;

export type ProblemName = keyof typeof PROBLEMS;
