import type { Hint } from './extras/hints.ts';
import type { MORE_PROBLEMS, MORE_STRINGS } from './extras/sentences.ts';

/**
 * The sentences that a visitor needs before the extras are there, or without them. A page can replace any of them through
 * the element's `strings` property, to translate the widget or to use its own wording. `{time}` is replaced by the rest of
 * the wait, such as 0:07.
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
  sound_blocked: 'Your browser has paused the sound.',
  hear: 'Tap to hear',
  mute: 'Mute the microphone',
  hang_up: 'Hang up',
  cancel: 'Cancel',
  retry: 'Try again',
  again: 'Talk again',
  close: 'Close',
  ended_title: 'Call ended',
  ended_after: 'It lasted {time}.',
  busy_title: 'All lines are busy',
  error_title: 'Voice is not available',
  call_failed_title: 'The call failed',
  wait_busy: 'A line should be free in {time}, often sooner.',
  wait: 'You can try again in {time}.',
  wait_over: 'You can try again now.',
} as const;

/** The sentences for failures that can keep the extras from loading, or come before them. */
export const PROBLEMS = {
  invalid_site_id: 'Voice is not set up for this page.',
  site_not_found: 'Voice is not set up for this page.',
  origin_not_allowed: 'Voice is not set up for this page.',
  invalid_request: 'Voice is not set up for this page.',
  embed_token_invalid: 'Voice is not set up for this page.',
  invalid_offer: 'Voice is not set up for this page.',
  invalid_signature: 'The connection was lost.',
  busy: 'Please give us a moment.',
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

export type ProblemCode = keyof typeof PROBLEMS | keyof typeof MORE_PROBLEMS;
export type StringName = keyof typeof STRINGS | keyof typeof MORE_STRINGS | ProblemCode;
/** Every sentence by its name; those of the extras are missing until these are loaded. */
export type Strings = Readonly<Record<keyof typeof STRINGS | keyof typeof PROBLEMS, string>> &
  Readonly<Partial<Record<StringName, string>>>;

export const DEFAULT_STRINGS: Strings = { ...STRINGS, ...PROBLEMS };

/** A failure as the visitor and the page see it. */
export interface Problem {
  readonly code: ProblemCode;
  /** Seconds to wait before another try makes sense. */
  readonly retryAfter?: number | undefined;
  /** The broker's id of the request, for the owner of the site. */
  readonly requestId?: string | undefined;
}

/** Carries a problem through code that can fail. */
export class Failure extends Error {
  readonly problem: Problem;
  /** OpenAI's or the browser's name for it, for the report. */
  readonly reported: string | null;
  /** Advice for the developer of the page, for the console. */
  readonly hint: Hint | undefined;

  constructor(problem: Problem, reported: string | null = null, hint?: Hint) {
    super(problem.code);
    this.problem = problem;
    this.reported = reported;
    this.hint = hint;
  }
}
