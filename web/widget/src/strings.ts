/**
 * Every sentence that a visitor can read. A page replaces any of them through the element's `strings` property, to
 * translate the widget or to speak with its own voice. `{time}` becomes what is left of the wait, such as 0:07.
 */
export const STRINGS = {
  launch: 'Talk to us',
  region: 'Voice assistant',
  notice_title: 'Before you speak',
  notice:
    'An AI assistant will talk with you. Your voice goes from this browser to OpenAI. This site keeps no recording, only when you called, for how long, and what it cost.',
  notice_link: 'Privacy policy',
  agree: 'Agree and start',
  decline: 'Not now',

  connecting: 'Connecting',
  permission: 'Allow the microphone if your browser asks.',
  listening: 'Listening',
  thinking: 'Thinking',
  speaking: 'Speaking',
  muted: 'Muted',
  reconnecting: 'Reconnecting',
  reconnect_hint: 'The connection was lost for a moment.',
  still_there: 'Are you still there? The call ends soon.',
  time_nearly_up: 'The call ends in less than a minute.',
  response_busy: 'The assistant is overloaded. Please say that again in a moment.',
  response_failed: 'The assistant could not answer. Please say that again.',
  response_filtered: 'The assistant cannot answer that. Please rephrase it.',
  response_cut: 'The answer was too long and was cut off.',
  microphone_silent: 'Your microphone is silent. Your system or a headset may have muted it.',
  sound_blocked: 'Your browser has paused the sound.',
  captions_hint: 'Say something: what is spoken appears here.',

  hear: 'Tap to hear',
  mute: 'Mute the microphone',
  captions: 'Captions',
  hang_up: 'Hang up',
  cancel: 'Cancel',
  retry: 'Try again',
  again: 'Talk again',
  close: 'Close',
  you: 'You',
  assistant: 'Assistant',

  ended_title: 'Call ended',
  ended_after: 'It lasted {time}.',
  ended_idle: 'Nobody spoke for a while.',
  ended_max_duration: 'The call reached its maximum length.',
  ended_by_owner: 'The owner of this site ended the call.',
  ended_limit: 'Voice has reached its limit.',
  ended_by_service: 'The call was ended by the service.',
  busy_title: 'All lines are busy',
  error_title: 'Voice is not available',
  call_failed_title: 'The call failed',
  wait_busy: 'A line should be free in {time}, often sooner.',
  wait: 'You can try again in {time}.',
  wait_over: 'You can try again now.',
} as const;

/** The sentence for each failure: every public code of the call route, then failures in the browser. */
export const PROBLEMS = {
  invalid_site_id: 'Voice is not set up for this page.',
  site_not_found: 'Voice is not set up for this page.',
  origin_not_allowed: 'Voice is not set up for this page.',
  invalid_request: 'Voice is not set up for this page.',
  rate_limited: 'Too many attempts.',
  minutes_exhausted: 'The voice minutes for this month are used up.',
  openai_key_missing: 'Voice is not set up here yet.',
  openai_key_rejected: 'Voice is out of order. The owner of this site must fix it.',
  openai_key_suspended: 'Voice is switched off at the moment.',
  stopped: 'Voice is switched off at the moment.',
  embed_token_invalid: 'Voice is not set up for this page.',
  visitor_limit: 'You have used up your voice minutes.',
  budget_exhausted: 'Voice has reached its limit. The owner of this site must raise it.',
  invalid_offer: 'Voice is not set up for this page.',
  invalid_signature: 'The connection was lost.',
  busy: 'Please give us a moment.',
  openai_quota_exhausted: 'Voice has reached its limit. The owner of this site must raise it.',
  openai_error: 'The voice service had a problem. Please try again.',
  openai_timeout: 'The voice service took too long to answer. Please try again.',
  unavailable: 'The voice service needs a moment.',

  unreachable: 'The voice service cannot be reached from here. Check your connection, then try again.',
  page_policy: 'Voice is not set up for this page.',
  unsupported: 'This browser cannot make voice calls. Use a current browser on a secure page.',
  microphone_blocked: 'The microphone is blocked. Allow it for this page in your browser, then try again.',
  microphone_missing: 'No microphone was found. Connect one, then try again.',
  microphone_failed: 'The microphone does not work. Another app may be using it.',
  connection_failed: 'The call could not be connected. A firewall or VPN may block it.',
  connection_lost: 'The connection was lost.',
} as const;

export type ProblemCode = keyof typeof PROBLEMS;
export type StringName = keyof typeof STRINGS | ProblemCode;
export type Strings = Readonly<Record<StringName, string>>;

export const DEFAULT_STRINGS: Strings = { ...STRINGS, ...PROBLEMS };

/** A failure as the visitor and the page learn of it. */
export interface Problem {
  readonly code: ProblemCode;
  /** Seconds to wait before another try makes sense. */
  readonly retryAfter?: number | undefined;
  /** The broker's own name of the request, for the owner of the site. */
  readonly requestId?: string | undefined;
}

/** Carries a problem through code that can fail. */
export class Failure extends Error {
  readonly problem: Problem;
  /** OpenAI's or the browser's name for it, for the report. */
  readonly reported: string | null;
  /** Advice for the developer of the page, for the console. */
  readonly hint: string | undefined;

  constructor(problem: Problem, reported: string | null = null, hint?: string) {
    super(problem.code);
    this.problem = problem;
    this.reported = reported;
    this.hint = hint;
  }
}

/** The part of an OpenAI error that a report names. Types are not promised: a code can be a number. */
export interface OpenAiError {
  readonly code?: unknown;
  readonly type?: unknown;
}

/** OpenAI's name for its error: the code, else the type. */
export const codeOf = (error: OpenAiError | null | undefined): string | null => {
  const named = [error?.code, error?.type].find(
    (name) => typeof name === 'string' || typeof name === 'number',
  );
  return named === undefined ? null : String(named);
};

/** The problem that an OpenAI error code is to a visitor. Sources: OpenAI's error-code guide. */
export const problemOfOpenAi = (code: string | null): ProblemCode => {
  if (code === 'rate_limit_exceeded' || code === 'slow_down') return 'busy';
  if (/quota|limit_(?:exceeded|reached)|credit|billing|payment/.test(code ?? ''))
    return 'openai_quota_exhausted';
  const isOfTheKey =
    /^(?:model_not_found|invalid_api_key|account_deactivated|not_authorized_invalid_project)$/;
  return isOfTheKey.test(code ?? '') ? 'openai_key_rejected' : 'openai_error';
};
