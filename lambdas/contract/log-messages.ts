/**
 * Every message that a function may log, so that an on-call engineer can search for it. Facts go into fields, never into the
 * text.
 */
export type LogMessage =
  | 'request answered'
  | 'request refused'
  | 'dependency unavailable'
  | 'unexpected error'
  | 'audit record failed'
  | 'anomaly record failed'
  | 'anomaly detected'
  | 'key does not match its mark'
  | 'tampering detected'
  | 'rotation request answered'
  | 'silent sessions closed'
  | 'the discovery document names another issuer'
  | 'models of sites looked at'
  | 'records compared'
  | 'records differ'
  | 'hang-up handled'
  | 'hang-up failed'
  | 'watch ended'
  | 'budgets not settled'
  | 'notice handled'
  | 'notice failed';

/** Log message of each function for a stream record that it could not handle. Alarms filter on the text. */
export const FAILED_RECORD_MESSAGES = {
  projector: 'audit record failed',
  archiver: 'audit record failed',
  detector: 'anomaly record failed',
} as const satisfies Readonly<Record<string, LogMessage>>;
