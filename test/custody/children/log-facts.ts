import { lambdaWorld } from '../../../lambdas/functions/wiring/world.ts';
import type { LogFacts } from '../../../lambdas/http/log.ts';

/** Logs each of the facts in FACTS at every level, and one metric, as a deployed function would. */
const { log, meter } = lambdaWorld('custody', 'test');
for (const facts of JSON.parse(process.env['FACTS'] ?? '[]') as LogFacts[]) {
  log.info('request answered', facts);
  log.warn('request refused', facts);
  log.error('unexpected error', facts);
}
meter.answered('POST /v1/{siteId}/token', 'ok', 12);
