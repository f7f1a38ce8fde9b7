import type { CallObserver } from '../domain/call-observer.ts';

/** Writes the metrics of lambdas/contract/metrics.ts, which says what each of them means. */
export interface Metrics extends CallObserver {
  /** One answer of one route, and with it the calls since the previous one. `tier`: of the workspace, where it is known. */
  recordRequest(route: string, code: string, latencyMs: number, tier?: number): void;
  /** A batch of a stream or an event is done with; writes the calls of it. */
  flush(): void;
  /** A row of the audit trail that reports a decrypt has been written. */
  recordAuditedDecrypt(): void;
  recordIncidents(count: number): void;
  /** The heartbeat has arrived at this function, and was handled. */
  recordHeartbeat(): void;
  /** The reconciliation of a day is complete. */
  recordReconciledDay(): void;
  /** Calls that nobody can hang up any more. */
  callsLost(count: number): void;
  /** A managed session was refused because the platform's key fails. */
  recordPlatformKeyFailure(): void;
  /** The cost of sessions at OpenAI, micro-cents; negative where an estimate was too high. */
  recordCost(mode: 'byok' | 'managed', costMicroCents: number): void;
}
