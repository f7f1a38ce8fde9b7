import { entryOf } from '../domain/sessions/session-usage.ts';
import { entryDifference } from '../domain/usage/ledger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { SessionUsageStore } from '../use-cases/ports/sessions.ts';

/** The store of session usage, which also writes each part of the cost as a metric after it is posted. */
export const recordingCost = (sessionUsage: SessionUsageStore, metrics: Metrics): SessionUsageStore => ({
  ...sessionUsage,
  saveUsage: async (session, budgets, capSeconds) => {
    await sessionUsage.saveUsage(session, budgets, capSeconds);
    const { costMicroCents } = entryDifference(entryOf(session), session.posted);
    if (costMicroCents !== 0) metrics.recordCost(session.mode, costMicroCents);
  },
});
