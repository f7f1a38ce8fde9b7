/** Every message that a function may log, so that on-call can search for them. Facts go into fields, never into the text. */
export type LogMessage =
  | 'request answered'
  | 'request refused'
  | 'dependency unavailable'
  | 'unexpected error'
  | 'audit record failed'
  | 'anomaly record failed'
  | 'anomaly detected'
  | 'rotation request answered'
  | 'silent sessions closed'
  | 'hang-up handled'
  | 'hang-up failed';
