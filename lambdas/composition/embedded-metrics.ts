import { Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import { METRIC_NAMESPACE, METRICS, type MetricName } from '../contract/metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** A container handles one request at a time, so everything collected between two responses belongs to the second. */
interface Collected {
  readonly values: [MetricName, number][];
  inFlight: number;
  waitingSinceMs: number;
  waitedMs: number;
}

const MICRO_CENTS_PER_CENT = 1_000_000;

/**
 * Maximum number of values written together. At a hundred values of one metric, Powertools writes by itself, and later
 * warns in the log that there is nothing to write.
 */
const VALUES_AT_ONCE = 99;

const METRIC_OF_SERVICE: Readonly<Record<string, MetricName>> = {
  dynamodb: 'DynamoDbMs',
  kms: 'KmsMs',
  openai: 'OpenAiMs',
};

/**
 * Metrics on standard output, in the format that CloudWatch extracts from a log. At most three lines for a request: the
 * response, its latency, and all its calls together.
 */
export const embeddedMetrics = (service: string, stage: string, monotonicMs: () => number): Metrics => {
  const metrics = new PowertoolsMetrics({
    namespace: METRIC_NAMESPACE,
    serviceName: service,
    defaultDimensions: { stage },
  });
  const write = (
    values: readonly (readonly [MetricName, number])[],
    dimensions: Readonly<Record<string, string>> = {},
  ): void => {
    for (let start = 0; start < values.length; start += VALUES_AT_ONCE) {
      for (const [name, value] of Object.entries(dimensions)) metrics.addDimension(name, value);
      for (const [name, value] of values.slice(start, start + VALUES_AT_ONCE))
        metrics.addMetric(name, METRICS[name].unit, value);
      metrics.publishStoredMetrics();
    }
  };

  const nothing = (): Collected => ({ values: [], inFlight: 0, waitingSinceMs: 0, waitedMs: 0 });
  let collected = nothing();
  const collect = (name: MetricName, value: number): void => {
    collected.values.push([name, value]);
  };
  const writeCalls = (): void => {
    write(collected.values);
    collected = nothing();
  };

  return {
    startCall: (called, operation) => {
      const startedAtMs = monotonicMs();
      // Not `collected`: a call that outlives its request must not be counted in the next.
      const own = collected;
      if (own.inFlight++ === 0) own.waitingSinceMs = startedAtMs;
      return (outcome) => {
        const endedAtMs = monotonicMs();
        if (--own.inFlight === 0) own.waitedMs += endedAtMs - own.waitingSinceMs;
        own.values.push([METRIC_OF_SERVICE[called] ?? 'OtherServiceMs', Math.round(endedAtMs - startedAtMs)]);
        if (outcome === 'throttled') own.values.push(['ThrottledCalls', 1]);
        if (outcome === 'failed') own.values.push(['FailedCalls', 1]);
        if (outcome === 'answered' && operation === 'Decrypt') own.values.push(['Decrypts', 1]);
      };
    },
    recordRequest: (route, code, latencyMs, tier) => {
      write([['Answers', 1]], { route, code });
      write([['LatencyMs', latencyMs]], { route });
      if (code === 'busy' && tier !== undefined) write([['Busy', 1]], { tier: String(tier) });
      collect('OwnMs', Math.max(0, Math.round(latencyMs - collected.waitedMs)));
      writeCalls();
    },
    flush: writeCalls,
    recordAuditedDecrypt: () => collect('DecryptRows', 1),
    recordCost: (mode, costMicroCents) =>
      write([['CostCents', costMicroCents / MICRO_CENTS_PER_CENT]], { mode }),
    recordIncidents: (count) => collect('Incidents', count),
    recordHeartbeat: () => collect('Heartbeats', 1),
    recordReconciledDay: () => collect('ReconciledDays', 1),
    callsLost: (count) => collect('LostCalls', count),
    recordPlatformKeyFailure: () => collect('PlatformKeyFailures', 1),
  };
};
