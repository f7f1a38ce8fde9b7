import { lambdaRuntime } from '../../../lambdas/composition/runtime.ts';
import type { LogFacts } from '../../../lambdas/telemetry/log.ts';

/** Logs each of the facts in FACTS at every level, and one metric, as a deployed function would. */
const { log, metrics } = lambdaRuntime('custody', 'test');
for (const facts of JSON.parse(process.env['FACTS'] ?? '[]') as LogFacts[]) {
  log.info('request answered', facts);
  log.warn('request refused', facts);
  log.error('unexpected error', facts);
}
metrics.recordRequest('POST /v1/{siteId}/token', 'ok', 12);
