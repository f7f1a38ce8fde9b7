import { entryOf } from '../domain/sessions/session-usage.ts';
import { entryDifference } from '../domain/usage/ledger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { SessionUsageStore } from '../use-cases/ports/sessions.ts';

/** The meters of sessions, whose cost is written as a metric as well, each part of it once it has been booked. */
export const recordingCost = (sessionUsage: SessionUsageStore, metrics: Metrics): SessionUsageStore => ({
  ...sessionUsage,
  saveUsage: async (session, budgets, capSeconds) => {
    await sessionUsage.saveUsage(session, budgets, capSeconds);
    const { costMicroCents } = entryDifference(entryOf(session), session.posted);
    if (costMicroCents !== 0) metrics.recordCost(session.mode, costMicroCents);
  },
});
