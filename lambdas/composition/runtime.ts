import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@aws-lambda-powertools/logger';
import { backoffMs } from '../domain/backoff.ts';
import type { RandomBytes } from '../domain/identifiers.ts';
import { type Log, redactLogValue } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { BackOff, Clock, Pause } from '../use-cases/ports/runtime.ts';
import { embeddedMetrics } from './embedded-metrics.ts';

/**
 * A function's dependencies besides its environment variables. The local server and the tests pass their own clock and
 * log; all other code is the same.
 */
export interface Runtime {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly monotonicMs: () => number;
  readonly backOff: BackOff;
  readonly log: Log;
  readonly metrics: Metrics;
}

export const strongRandom: RandomBytes = (size) => randomBytes(size);

/** Waits in real time, independent of `clock`. */
export const realPause: Pause = (ms) => sleep(ms);

/** Like realPause. */
export const jitteredBackOff: BackOff = (attempt) => sleep(backoffMs(attempt, strongRandom));

/** The runtime of a deployed function: structured logs and embedded metrics on standard output. */
export const lambdaRuntime = (service: string, stage: string): Runtime => {
  const logger = new Logger({
    serviceName: service,
    persistentKeys: { stage },
    jsonReplacerFn: redactLogValue,
  });
  return {
    clock: () => new Date(),
    random: strongRandom,
    monotonicMs: () => performance.now(),
    backOff: jitteredBackOff,
    log: {
      info: (message, facts) => logger.info(message, facts),
      warn: (message, facts) => logger.warn(message, facts),
      error: (message, facts) => logger.error(message, facts),
    },
    metrics: embeddedMetrics(service, stage, () => performance.now()),
  };
};

/** The handler, with its calls written as metrics after each batch or event, also after an error. */
export const flushingMetrics =
  <Event, Result>(
    handler: (event: Event) => Promise<Result>,
    metrics: Metrics,
  ): ((event: Event) => Promise<Result>) =>
  async (event) => {
    try {
      return await handler(event);
    } finally {
      metrics.flush();
    }
  };
