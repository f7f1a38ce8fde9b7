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

/** What to do next, beside the message of the API, which says what happened. A code without one does not compile. */
const NEXT_STEPS: Readonly<Record<FailureCode, string>> = {
  invalid_request: 'Correct the fields that are named, then try again.',
  invalid_site_id: 'Copy the site id again from the site’s embed snippet.',
  unauthorized: 'Sign in again. Nothing that you stored is lost.',
  forbidden: 'Ask an owner of this workspace to do it, or to give you another role under Members.',
  invalid_signature: 'Reload the page: the session’s signing secret is no longer good.',
  session_not_found: 'Reload the list; sessions are kept for their retention only.',
  origin_not_allowed: 'Add the page’s origin to the site under Sites, then reload the page.',
  calls_only: 'Use the widget of this deployment, which opens calls, or set control of the site to open.',
  invalid_offer: 'Reload the page; a site that is locked takes no data channel.',
  not_endable: 'Set control of the site to brokered, so that later sessions can be ended.',
  stopped: 'Ask whoever runs this service when voice comes back.',
  route_not_found: 'The dashboard and the API are of different versions. Reload; if it stays, redeploy both.',
  workspace_not_found: 'Choose another workspace, or ask its owner to add you under Members.',
  site_not_found: 'Go back to Sites and choose one that is listed.',
  member_not_found: 'Reload the list: somebody else may have removed this person.',
  site_limit_reached: 'Archive a site that you no longer need, or ask for a larger plan.',
  openai_key_missing: 'Store an OpenAI key under Billing.',
  openai_key_rejected: 'Follow what the details say in your OpenAI dashboard, then paste the key again.',
  openai_key_suspended: 'Resume the key under Billing when you know why it was suspended.',
  openai_key_unverified: 'Try again in a minute, or paste the key again and replace the current one anyway.',
  openai_quota_exhausted:
    'Add credit or raise the limit in your OpenAI dashboard under Billing, then test again.',
  openai_error: 'Wait a minute and test again; status.openai.com says whether others are affected.',
  openai_timeout: 'Test again in a moment; status.openai.com says whether OpenAI is slow for everybody.',
  minutes_exhausted: 'Switch to your own OpenAI key under Billing, or ask for a larger plan.',
  rate_limited: 'Wait for the time given, then try again.',
  busy: 'Wait for a line to become free, or raise the limit under Settings if your OpenAI tier allows more.',
  last_owner: 'Make somebody else an owner first, then repeat this.',
  no_previous_version: 'Paste the earlier key again; it is stored as a new version.',
  version_conflict: 'Reload to see what changed, then repeat your change.',
  unavailable:
    'Wait a few seconds and try again. If it stays, give the request id to whoever runs this service.',
  unreachable: 'Check your connection, then try again.',
  unreadable: 'Try again. If it stays, give the request id to whoever runs this service.',
};

export const nextStepFor = (code: string): string =>
  (NEXT_STEPS as Readonly<Record<string, string>>)[code] ?? NEXT_STEPS.unreadable;
