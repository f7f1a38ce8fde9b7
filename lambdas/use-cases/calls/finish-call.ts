import type { EndedBy } from '../../domain/calls/call.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import { hasReleasedHold } from '../../domain/sessions/session-usage.ts';
import { withCallClosed } from '../../domain/sessions/watched-usage.ts';
import type { CallRecords, LiveSessions } from '../ports/calls.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type { SessionEndRecorder, SessionReader, SessionUsageStore, SlotLeases } from '../ports/sessions.ts';

export interface FinishPorts {
  readonly clock: Clock;
  readonly backOff: BackOff;
  readonly records: Pick<CallRecords, 'noteEndedBy'>;
  readonly slots: Pick<SlotLeases, 'release'>;
  readonly live: Pick<LiveSessions, 'removeLive'>;
  readonly meterReader: Pick<SessionReader, 'readSessionUsage'>;
  readonly sessionUsage: Pick<SessionUsageStore, 'saveUsage'>;
  readonly ends: SessionEndRecorder;
}

/** Conflicting writes of the session usage before the call is left to the next delivery. */
const MAX_ATTEMPTS = 8;

/**
 * Records who ended a call, and releases its slots, its minutes and its live entry, each exactly once.
 * Idempotent: the next run completes an interrupted one. A call that nobody could hang up keeps its slots until
 * its lease expires, because it may still continue. `by` is undefined for a call that was never handed out.
 */
export const finishCall = async (
  ports: FinishPorts,
  session: ReservedSession & { readonly siteId: SiteId },
  by: EndedBy | undefined,
): Promise<void> => {
  const { workspaceId, siteId, sessionId, admission } = session;
  if (by !== undefined) await ports.records.noteEndedBy(siteId, sessionId, by, ports.clock().toISOString());
  const places = admission?.slots ?? [];
  if (by !== 'lost')
    await ports.slots.release(
      workspaceId,
      places.map((place) => ({ ...place, sessionId })),
    );
  await closeMeter(ports, session, by !== 'lost');
  // Last, because a repeated kill switch finds the call by this item.
  if (by !== 'lost') await ports.live.removeLive(workspaceId, sessionId);
};

const closeMeter = async (
  { clock, meterReader, sessionUsage, ends, backOff }: FinishPorts,
  { siteId, sessionId }: ReservedSession & { readonly siteId: SiteId },
  hasEnded: boolean,
): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    const usage = (await meterReader.readSessionUsage(siteId, [sessionId])).get(sessionId);
    if (usage === undefined) return;
    const ended = hasEnded ? withCallClosed(usage, clock()) : usage;
    const closed = hasReleasedHold(ended) ? ended : { ...ended, silent: true };
    try {
      if (closed !== usage) await sessionUsage.saveUsage(closed);
      await ends.recordEnd(closed);
      return;
    } catch (error) {
      // It sent a report meanwhile.
      if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error;
      await backOff(attempt);
    }
  }
};
