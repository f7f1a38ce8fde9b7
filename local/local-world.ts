import { createWriteStream } from 'node:fs';
import { jitteredBackOff, strongRandom, type World } from '../lambdas/functions/wiring/world.ts';
import { type LogFacts, type LogMessage, loggable, type Meter } from '../lambdas/http/log.ts';

/** Nobody looks at metrics here. */
export const NO_METRICS: Meter = {
  started: () => () => undefined,
  answered: () => undefined,
  handled: () => undefined,
  decryptRecorded: () => undefined,
  incidentsBegan: () => undefined,
  spent: () => undefined,
};

/** The world of the local run: logs as JSON lines through `write`, no metrics. */
export const localWorld = (write: (line: string) => void): World => {
  const line = (level: string) => (message: LogMessage, facts: LogFacts) => {
    write(JSON.stringify({ level, message, timestamp: new Date().toISOString(), ...facts }, loggable));
  };
  return {
    clock: () => new Date(),
    random: strongRandom,
    monotonicMs: () => performance.now(),
    backOff: jitteredBackOff,
    log: { info: line('INFO'), warn: line('WARN'), error: line('ERROR') },
    meter: NO_METRICS,
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
