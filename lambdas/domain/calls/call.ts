declare const brand: unique symbol;

/**
 * OpenAI's id of a call. It goes to tables, to the watcher of the call and to OpenAI, and never into an answer, a log or a
 * queue of SQS. A member who has it from OpenAI can search for it.
 */
export type CallId = string & { readonly [brand]: 'CallId' };

/** Source: openai-agents-js, examples/realtime-server-controlled. */
const CALL_ID = /^rtc_[A-Za-z0-9_-]{1,200}$/;

export const isCallId = (text: string): text is CallId => CALL_ID.test(text);

/**
 * The call id that a `Location` header names: exactly `/v1/realtime/calls/<id>`, alone or behind an https origin.
 * undefined for anything else, so that no text of a header gets into a URL.
 */
export const callIdOf = (location: string | null): CallId | undefined => {
  const id = /^(?:https?:\/\/[^/?#\s]+)?\/v1\/realtime\/calls\/([^/?#]+)$/.exec(location ?? '')?.[1];
  return id !== undefined && isCallId(id) ? id : undefined;
};

/** Who ended a session. `lost`: nobody, because the broker could not hang it up. */
export const ENDED_BY = [
  'visitor',
  'openai',
  'operator',
  'budget',
  'max_duration',
  'no_heartbeat',
  'key_suspended',
  'key_deleted',
  'key_replaced',
  'site_archived',
  'workspace_deleted',
  'anomaly',
  'tampered',
  'unwatched',
  'lost',
] as const;
export type EndedBy = (typeof ENDED_BY)[number];

/** Where the usage of a session comes from. */
export const USAGE_SOURCES = ['browser', 'watched'] as const;
export type UsageSource = (typeof USAGE_SOURCES)[number];

/**
 * How a stage watches its calls. `strict`: the answer leaves after the watcher sees the call. `eager`: at once. `off`: no
 * call is watched.
 */
export const WATCH_MODES = ['strict', 'eager', 'off'] as const;
export type WatchMode = (typeof WATCH_MODES)[number];

/**
 * How long an admitted call holds its slot before OpenAI has answered, seconds. Longer than the function may run, so a
 * function that dies in between cannot still hand the call out.
 */
export const OPENING_LEASE_SECONDS = 90;

/** How long a call that was handed out holds its slot at most, from its admission, seconds: OpenAI ends it after an hour. */
export const CALL_LEASE_SECONDS = 61 * 60;

/** SQS delays a message by this much at most, seconds. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export const MAX_DELAY_SECONDS = 900;

/** Whole seconds from now until `dueAtMs`, as a queue can delay them. */
export const delayUntil = (dueAtMs: number, now: Date): number =>
  Math.min(MAX_DELAY_SECONDS, Math.max(0, Math.ceil((dueAtMs - now.getTime()) / 1_000)));
