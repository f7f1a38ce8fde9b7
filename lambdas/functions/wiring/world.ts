import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { RandomBytes } from '../../domain/identifiers.ts';
import { type Log, loggable, type Meter } from '../../http/log.ts';
import type { Clock } from '../../use-cases/ports.ts';

/**
 * What a function takes from the world beside its environment. The local run and the tests give their own clock and log;
 * everything else is the same code.
 */
export interface World {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly monotonicMs: () => number;
  readonly log: Log;
  readonly meter: Meter;
}

export const strongRandom: RandomBytes = (size) => randomBytes(size);

/** The world of a deployed function: structured logs and embedded metrics on standard output. */
export const lambdaWorld = (service: string, stage: string): World => {
  const logger = new Logger({ serviceName: service, persistentKeys: { stage }, jsonReplacerFn: loggable });
  return {
    clock: () => new Date(),
    random: strongRandom,
    monotonicMs: () => performance.now(),
    log: {
      info: (message, facts) => logger.info(message, facts),
      warn: (message, facts) => logger.warn(message, facts),
      error: (message, facts) => logger.error(message, facts),
    },
    meter: embeddedMetrics(service, stage),
  };
};

const embeddedMetrics = (service: string, stage: string): Meter => {
  const metrics = new Metrics({ namespace: 'SpeloByok', serviceName: service, defaultDimensions: { stage } });
  return {
    answered: (route, code, latencyMs) => {
      const single = metrics.singleMetric();
      single.addDimensions({ route, code });
      single.addMetric('Answers', MetricUnit.Count, 1);
      const latency = metrics.singleMetric();
      latency.addDimensions({ route, code });
      latency.addMetric('LatencyMs', MetricUnit.Milliseconds, latencyMs);
    },
  };
};
