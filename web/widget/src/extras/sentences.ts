/** Sentences that a visitor can read only in a call, or after the broker has answered. */
export const MORE_STRINGS = {
  reconnect_hint: 'The connection was lost for a moment.',
  still_there: 'Are you still there? The call ends soon.',
  time_nearly_up: 'The call ends in less than a minute.',
  response_busy: 'The assistant is overloaded. Please say that again in a moment.',
  response_failed: 'The assistant could not answer. Please say that again.',
  response_filtered: 'The assistant cannot answer that. Please rephrase it.',
  response_cut: 'The answer was too long and was cut off.',
  microphone_silent: 'Your microphone is silent. Your system or a headset may have muted it.',
  captions_hint: 'Say something. Captions appear here.',
  captions: 'Captions',
  minimise: 'Minimise',
  you: 'You',
  assistant: 'Assistant',
  ended_idle: 'Nobody spoke for a while.',
  ended_max_duration: 'The call reached its maximum length.',
  ended_by_owner: 'The owner of this site ended the call.',
  ended_limit: 'Voice has reached its limit.',
  ended_by_service: 'The call was ended by the service.',
  type_instead: 'Type instead',
  typing: 'Type your message',
  send: 'Send',
} as const;

/** The sentences for the broker's refusals. */
export const MORE_PROBLEMS = {
  rate_limited: 'Too many attempts.',
  minutes_exhausted: 'The voice minutes for this month are used up.',
  openai_key_missing: 'Voice is not set up here yet.',
  openai_key_rejected: 'Voice is not available. The owner of this site must fix it.',
  openai_key_suspended: 'Voice is switched off at the moment.',
  stopped: 'Voice is switched off at the moment.',
  visitor_limit: 'You have used up your voice minutes.',
  budget_exhausted: 'Voice has reached its limit. The owner of this site must raise it.',
  openai_quota_exhausted: 'Voice has reached its limit. The owner of this site must raise it.',
  openai_error: 'The voice service had a problem. Please try again.',
  openai_timeout: 'The voice service took too long to answer. Please try again.',
} as const;

export const SENTENCES = { ...MORE_STRINGS, ...MORE_PROBLEMS };
