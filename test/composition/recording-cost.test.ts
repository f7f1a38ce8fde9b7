import { expect, it } from '@jest/globals';
import { recordingCost } from '../../lambdas/composition/recording-cost.ts';
import type { SessionUsage } from '../../lambdas/domain/sessions/session-usage.ts';
import type { Metrics } from '../../lambdas/telemetry/metrics.ts';
import type { SessionUsageStore } from '../../lambdas/use-cases/ports/sessions.ts';
import {
  aSessionUsage,
  connected,
  onTime,
  responseUsage,
  take,
} from '../domain/sessions/session-usage-fixture.ts';

it('the cost recorder saves the usage with its budgets and its cap unchanged, and then records the added cost', async () => {
  const steps: unknown[] = [];
  const { usage } = take(aSessionUsage(), onTime([connected(0), responseUsage(9, { audioOut: 20 })]));
  const store: Pick<SessionUsageStore, 'saveUsage'> = {
    saveUsage: async (...given) => {
      steps.push(given);
    },
  };
  const metrics: Pick<Metrics, 'recordCost'> = {
    recordCost: (mode, microCents) => {
      steps.push([mode, microCents > 0]);
    },
  };
  const { saveUsage } = recordingCost(store as SessionUsageStore, metrics as Metrics);
  await saveUsage(usage satisfies SessionUsage, [], 6_000);
  expect(steps).toEqual([
    [usage, [], 6_000],
    ['managed', true],
  ]);
});
