import { ConflictError } from '../../domain/dependency.ts';
import {
  checkForSilence,
  hasLapsedWatch,
  hasLostWatcher,
  isOver,
  type SessionUsage,
} from '../../domain/sessions/session-usage.ts';
import { isUnreported } from '../../domain/sessions/silent-sessions.ts';
import type { HangUpQueue, LiveSessions, WatcherInvoker } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SessionEndRecorder, SessionUsageStore } from '../ports/sessions.ts';

export interface SweepPorts {
  readonly clock: Clock;
  readonly sessionUsage: SessionUsageStore;
  readonly ends: SessionEndRecorder;
  readonly live: Pick<LiveSessions, 'removeLive'>;
  readonly hangUps: HangUpQueue;
  readonly watchers: WatcherInvoker;
}

/** Sessions looked after in one call of the store. */
const BATCH = 25;

/** At most so many batches in one run; the next run, a minute later, goes on. */
const MOST_BATCHES = 200;

export interface Sweep {
  /** Sessions that had fallen silent, and are over now. */
  readonly closed: number;
  /** Calls that had fallen silent, and are being hung up. */
  readonly ending: number;
  /** Sessions that live, and are due again later. */
  readonly alive: number;
  /** Sessions that could not be looked after this time; the others were not held up by them. */
  readonly failed: number;
  /** Whether more are due than one run takes. */
  readonly more: boolean;
}

/**
 * Closes every session without a report for too long: it ends with its last sign of life plus one heartbeat, and the
 * minutes that it held are released. A call that fell silent is hung up instead, and closed by the code that hung it
 * up. A call that lives without its watcher gets another one, and so does an ended
 * call with a reservation that its watcher has not settled. Interrupted or run twice at once it closes each session
 * exactly once.
 */
export const closeSilentSessions =
  ({ clock, ...ports }: SweepPorts) =>
  async (): Promise<Sweep> => {
    const now = clock();
    let closed = 0;
    let ending = 0;
    let alive = 0;
    let failed = 0;
    let after: Date | undefined;
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const { usages: due, unreadable, last } = await ports.sessionUsage.listDue(now, BATCH, after);
      const looked = await Promise.allSettled(due.map((usage) => closeIfSilent(ports, usage, now)));
      const outcomes = looked.map((one) => (one.status === 'fulfilled' ? one.value : 'failed'));
      const count = (outcome: Outcome): number => outcomes.filter((one) => one === outcome).length;
      closed += count('closed');
      ending += count('ending');
      alive += count('alive');
      const moved = count('closed') + count('ending') + count('alive') > 0;
      // What failed is met again at the head of the next batch, and counted where it is left behind.
      if (last === undefined || !moved) failed += count('failed') + unreadable;
      if (last === undefined) return { closed, ending, alive, failed, more: false };
      // Nothing moves where records cannot be read, the index lags, or another run is at it: the rest must not wait for them.
      if (!moved) after = last;
    }
    return { closed, ending, alive, failed, more: true };
  };

type Outcome = 'closed' | 'alive' | 'ending' | 'unchanged' | 'failed';

const closeIfSilent = async (
  { sessionUsage, ends, live, hangUps, watchers }: Omit<SweepPorts, 'clock'>,
  usage: SessionUsage,
  now: Date,
): Promise<Outcome> => {
  const looked = checkForSilence(usage, now);
  if (looked === usage) return 'unchanged';
  if (looked.silent && !usage.silent && usage.openedWith === 'call')
    return endSilentCall({ sessionUsage, hangUps }, usage, now);
  // Of an ended call the successor only settles what is reserved: it alone changes budgets.
  const needsSuccessor = isOver(usage)
    ? hasLapsedWatch(usage, now)
    : !looked.silent && hasLostWatcher(usage, now);
  if (needsSuccessor) await startSuccessor(watchers, usage);
  try {
    await (isUnreported(looked) ? sessionUsage.saveUnreported(looked) : sessionUsage.saveUsage(looked));
    if (!looked.silent || usage.silent) return 'alive';
    await Promise.all([ends.recordEnd(looked), live.removeLive(looked.workspaceId, looked.sessionId)]);
    return 'closed';
  } catch (error) {
    // It reported in between, and is looked after again when it is due.
    if (error instanceof ConflictError) return 'unchanged';
    throw error;
  }
};

/** One start too many does no harm: only one watcher takes the watch. */
const startSuccessor = async (
  watchers: WatcherInvoker,
  { siteId, sessionId, watch }: SessionUsage,
): Promise<void> => {
  if (watch === null) return;
  const { callId, openedAtMs } = watch;
  await watchers.start({ siteId, sessionId, callId, openedAtMs, strict: false });
};

/** A call that was not hung up by then is looked after again this much later, milliseconds. */
const LOOK_AGAIN_MS = 60_000;

const endSilentCall = async (
  { sessionUsage, hangUps }: Pick<SweepPorts, 'sessionUsage' | 'hangUps'>,
  usage: SessionUsage,
  now: Date,
): Promise<Outcome> => {
  const { siteId, sessionId } = usage;
  await hangUps.send({ kind: 'end', siteId, sessionId, by: 'no_heartbeat' });
  try {
    await sessionUsage.saveUsage({ ...usage, dueAtMs: now.getTime() + LOOK_AGAIN_MS });
    return 'ending';
  } catch (error) {
    if (error instanceof ConflictError) return 'unchanged';
    throw error;
  }
};
