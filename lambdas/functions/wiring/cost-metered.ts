import { entryDifference } from '../../domain/ledger.ts';
import { entryOf } from '../../domain/session-meter.ts';
import type { Meter } from '../../http/log.ts';
import type { SessionMeters } from '../../use-cases/ports.ts';

/** The meters of sessions, whose cost is written as a metric as well, each part of it once it has been booked. */
export const costMetered = (meters: SessionMeters, meter: Meter): SessionMeters => ({
  ...meters,
  saveMeter: async (session) => {
    await meters.saveMeter(session);
    const { costMicroCents } = entryDifference(entryOf(session), session.posted);
    if (costMicroCents !== 0) meter.spent(session.mode, costMicroCents);
  },
});
