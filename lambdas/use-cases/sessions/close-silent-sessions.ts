import type { WatchMode } from '../../domain/calls/call.ts';
import { ConflictError } from '../../domain/dependency.ts';
import {
  checkForSilence,
  hasLapsedWatch,
  hasLostWatcher,
  isOver,
  type SessionUsage,
} from '../../domain/sessions/session-usage.ts';
import { isUnreported } from '../../domain/sessions/silent-sessions.ts';
import type { CallRecords, HangUpQueue, LiveSessions, WatcherInvoker, WatchRequest } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SessionEndRecorder, SessionUsageStore } from '../ports/sessions.ts';

export interface SweepPorts {
  readonly clock: Clock;
  readonly records: Pick<CallRecords, 'readCall'>;
  readonly sessionUsage: SessionUsageStore;
  readonly ends: SessionEndRecorder;
  readonly live: Pick<LiveSessions, 'removeLive'>;
  readonly hangUps: HangUpQueue;
  readonly watchers: WatcherInvoker;
}

export interface SweepSettings {
  /** How the stage watches its calls. */
  readonly watch: WatchMode;
}

/** Sessions checked in one call of the store. */
const BATCH = 25;

/** At most this many batches in one run; the next run, a minute later, continues. */
const MOST_BATCHES = 200;

export interface Sweep {
  /** Sessions that had fallen silent, and have ended now. */
  readonly closed: number;
  /** Calls that had fallen silent, and are being hung up. */
  readonly ending: number;
  /** Live sessions, which are due again later. */
  readonly alive: number;
  /** Sessions that could not be checked this time; they did not block the others. */
  readonly failed: number;
  /** True if more are due than one run handles. */
  readonly more: boolean;
}

/**
 * Closes every session without a report for too long: it ends with its last sign of life plus one heartbeat, and the
 * minutes that it held are released. A call that fell silent is hung up instead, and closed by the code that hung it
 * up. A live call without a watcher gets another one, even if the first never started. So does an ended call with a
 * reservation that its watcher has not settled. Interrupted or run twice at once it closes each session
 * exactly once.
 */
export const closeSilentSessions =
  ({ clock, ...ports }: SweepPorts, settings: SweepSettings) =>
  async (): Promise<Sweep> => {
    const now = clock();
    let closed = 0;
    let ending = 0;
    let alive = 0;
    let failed = 0;
    let after: Date | undefined;
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const { usages: due, unreadable, last } = await ports.sessionUsage.listDue(now, BATCH, after);
      const looked = await Promise.allSettled(due.map((usage) => closeIfSilent(ports, settings, usage, now)));
      const outcomes = looked.map((one) => (one.status === 'fulfilled' ? one.value : 'failed'));
      const count = (outcome: Outcome): number => outcomes.filter((one) => one === outcome).length;
      closed += count('closed');
      ending += count('ending');
      alive += count('alive');
      const moved = count('closed') + count('ending') + count('alive') > 0;
      // A failed session is again first in the next batch, and is counted if it stays.
      if (last === undefined || !moved) failed += count('failed') + unreadable;
      if (last === undefined) return { closed, ending, alive, failed, more: false };
      // No progress if records cannot be read, the index lags, or another run handles them: the rest must not wait for them.
      if (!moved) after = last;
    }
    return { closed, ending, alive, failed, more: true };
  };

type Outcome = 'closed' | 'alive' | 'ending' | 'unchanged' | 'failed';

const closeIfSilent = async (
  ports: Omit<SweepPorts, 'clock'>,
  settings: SweepSettings,
  usage: SessionUsage,
  now: Date,
): Promise<Outcome> => {
  const { sessionUsage, ends, live, hangUps } = ports;
  const looked = checkForSilence(usage, now);
  if (looked === usage) return 'unchanged';
  if (looked.silent && !usage.silent && usage.openedWith === 'call')
    return endSilentCall({ sessionUsage, hangUps }, usage, now);
  if (!looked.silent || usage.silent) await startLostWatcher(ports, settings, usage, now);
  try {
    await (isUnreported(looked) ? sessionUsage.saveUnreported(looked) : sessionUsage.saveUsage(looked));
    if (!looked.silent || usage.silent) return 'alive';
    await Promise.all([ends.recordEnd(looked), live.removeLive(looked.workspaceId, looked.sessionId)]);
    return 'closed';
  } catch (error) {
    // It sent a report meanwhile, and is checked again when it is due.
    if (error instanceof ConflictError) return 'unchanged';
    throw error;
  }
};

/** A superfluous start is harmless: only one watcher takes the watch. */
const startLostWatcher = async (
  { records, watchers }: Pick<SweepPorts, 'records' | 'watchers'>,
  settings: SweepSettings,
  usage: SessionUsage,
  now: Date,
): Promise<void> => {
  const call =
    usage.watch === null
      ? await readUnwatched(records, settings, usage)
      : needsWatcher(usage, now)
        ? usage.watch
        : undefined;
  if (call === undefined) return;
  const { siteId, sessionId } = usage;
  const { callId, openedAtMs } = call;
  await watchers.start({ siteId, sessionId, callId, openedAtMs, strict: false });
};

/** For an ended call, the successor only settles reservations, because only watchers change budgets. */
const needsWatcher = (usage: SessionUsage, now: Date): boolean =>
  isOver(usage) ? hasLapsedWatch(usage, now) : hasLostWatcher(usage, now);

/** The call of a session whose watch nobody has taken; undefined if the call is unwatched by choice or has ended. */
const readUnwatched = async (
  records: SweepPorts['records'],
  { watch }: SweepSettings,
  { siteId, sessionId, openedWith }: SessionUsage,
): Promise<Pick<WatchRequest, 'callId' | 'openedAtMs'> | undefined> => {
  if (watch === 'off' || openedWith !== 'call') return undefined;
  const call = await records.readCall(siteId, sessionId);
  if (call?.state !== 'issued' || call.endedBy !== undefined || call.endRequested !== undefined)
    return undefined;
  const { callId, openedAt } = call;
  if (callId === undefined || openedAt === undefined) return undefined;
  return { callId, openedAtMs: Date.parse(openedAt) };
};

/** A call that was not hung up by then is checked again this much later, milliseconds. */
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
