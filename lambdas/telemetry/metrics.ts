import type { CallObserver } from '../domain/call-observer.ts';

/** Writes the metrics of lambdas/contract/metrics.ts, which explains each of them. */
export interface Metrics extends CallObserver {
  /** One response of one route, and the calls since the previous response. `tier`: the workspace's tier, if known. */
  recordRequest(route: string, code: string, latencyMs: number, tier?: number): void;
  /** A batch of a stream, or an event, was processed; writes its calls. */
  flush(): void;
  /** A row of the audit trail that reports a decrypt has been written. */
  recordAuditedDecrypt(): void;
  recordIncidents(count: number): void;
  /** The heartbeat has arrived at this function and was processed. */
  recordHeartbeat(): void;
  /** The reconciliation of a day is complete. */
  recordReconciledDay(): void;
  /** Calls that can no longer be hung up. */
  callsLost(count: number): void;
  /** A managed session was refused because the platform's key fails. */
  recordPlatformKeyFailure(): void;
  /** The cost of sessions at OpenAI, micro-cents; negative where an estimate was too high. */
  recordCost(mode: 'byok' | 'managed', costMicroCents: number): void;
}
