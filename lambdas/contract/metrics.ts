/**
 * Every metric that a function may write, in one list for the functions, the dashboard and the alarms. Each also has
 * the dimensions `service` (the function) and `stage`. Dimensions are closed sets: never an ID or a text from a
 * request.
 */

export const METRIC_NAMESPACE = 'SpeloByok';

export interface MetricDefinition {
  readonly unit: 'Count' | 'Milliseconds' | 'None';
  readonly dimensions: readonly ('route' | 'code' | 'tier' | 'mode')[];
}

export const METRICS = {
  /** Answers of a route; `code` is `ok` or the public code of the problem. */
  Answers: { unit: 'Count', dimensions: ['route', 'code'] },
  /** Time from the start of the handler to its response, including the services that it called. */
  LatencyMs: { unit: 'Milliseconds', dimensions: ['route'] },
  /** The part of LatencyMs without a pending call to another service. */
  OwnMs: { unit: 'Milliseconds', dimensions: [] },
  /** Each call to a service, with its retries. */
  DynamoDbMs: { unit: 'Milliseconds', dimensions: [] },
  KmsMs: { unit: 'Milliseconds', dimensions: [] },
  OpenAiMs: { unit: 'Milliseconds', dimensions: [] },
  OtherServiceMs: { unit: 'Milliseconds', dimensions: [] },
  /** Calls that a service throttled until no attempt was left. */
  ThrottledCalls: { unit: 'Count', dimensions: [] },
  /** Calls that failed for another reason. A failed condition is a valid response, not a failure. */
  FailedCalls: { unit: 'Count', dimensions: [] },
  /** Data keys that KMS opened for us. */
  Decrypts: { unit: 'Count', dimensions: [] },
  /** Rows of the audit trail with the KMS request ID of a decrypt. */
  DecryptRows: { unit: 'Count', dimensions: [] },
  /** Sessions that found every slot taken, or OpenAI's rate limit reached, by the OpenAI tier of the workspace. */
  Busy: { unit: 'Count', dimensions: ['tier'] },
  /** The cost of sessions at OpenAI's prices, US cents, by who pays. */
  CostCents: { unit: 'None', dimensions: ['mode'] },
  /** Stream records that a function could not handle; a metric filter counts them in the log. */
  FailedRecords: { unit: 'Count', dimensions: [] },
  /** Incidents that the anomaly detector began. */
  Incidents: { unit: 'Count', dimensions: [] },
  /** Heartbeats that have arrived at a function behind a stream. */
  Heartbeats: { unit: 'Count', dimensions: [] },
  /** Days that the reconciliation has completed. */
  ReconciledDays: { unit: 'Count', dimensions: [] },
  /** Calls that could not be hung up, because OpenAI no longer accepts any of their keys. */
  LostCalls: { unit: 'Count', dimensions: [] },
  /** Sessions refused because OpenAI does not accept the platform's key, or because the key cannot be opened. */
  PlatformKeyFailures: { unit: 'Count', dimensions: [] },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
