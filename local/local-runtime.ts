import { createWriteStream } from 'node:fs';
import { jitteredBackOff, type Runtime, strongRandom } from '../lambdas/composition/runtime.ts';
import type { LogMessage } from '../lambdas/contract/log-messages.ts';
import { type LogFacts, redactLogValue } from '../lambdas/telemetry/log.ts';
import type { Metrics } from '../lambdas/telemetry/metrics.ts';

/** The local server discards metrics. */
export const NO_METRICS: Metrics = {
  startCall: () => () => undefined,
  recordRequest: () => undefined,
  flush: () => undefined,
  recordAuditedDecrypt: () => undefined,
  recordIncidents: () => undefined,
  recordHeartbeat: () => undefined,
  recordReconciledDay: () => undefined,
  callsLost: () => undefined,
  recordPlatformKeyFailure: () => undefined,
  recordCost: () => undefined,
};

/** The runtime of the local server: logs as JSON lines through `write`, no metrics. */
export const localRuntime = (write: (line: string) => void): Runtime => {
  const line = (level: string) => (message: LogMessage, facts: LogFacts) => {
    write(JSON.stringify({ level, message, timestamp: new Date().toISOString(), ...facts }, redactLogValue));
  };
  return {
    clock: () => new Date(),
    random: strongRandom,
    monotonicMs: () => performance.now(),
    backOff: jitteredBackOff,
    log: { info: line('INFO'), warn: line('WARN'), error: line('ERROR') },
    metrics: NO_METRICS,
  };
};

/** Appends log lines to a file. */
export const logFile = (path: string): { write(line: string): void; close(): Promise<void> } => {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  return {
    write: (line) => {
      stream.write(`${line}\n`);
    },
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
};
