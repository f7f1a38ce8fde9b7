import { BrokerError } from '../../domain/broker-error.ts';
import type { CallId, WatchMode } from '../../domain/calls/call.ts';
import type { SessionId, SiteId } from '../../domain/identifiers.ts';
import type { WatcherInvoker } from '../ports/calls.ts';
import type { BackOff } from '../ports/runtime.ts';
import type { SessionReader } from '../ports/sessions.ts';

export interface StartWatchPorts {
  readonly monotonicMs: () => number;
  readonly backOff: BackOff;
  readonly watchers: WatcherInvoker;
  readonly meterReader: Pick<SessionReader, 'readSessionUsage'>;
}

/** Longest time that an answer waits for the watcher, milliseconds of real time. */
const LONGEST_WAIT_MS = 3_000;

/** Seconds that a visitor waits before another try. */
const RETRY_SECONDS = 5;

/**
 * Starts the watcher of a created call. `strict` returns when the watcher sees the call. @throws BrokerError `busy` when
 * it does not within three seconds. `eager` never refuses: an unwatched call counts what its page reports.
 */
export const startWatch = async (
  { monotonicMs, backOff, watchers, meterReader }: StartWatchPorts,
  mode: WatchMode,
  call: {
    readonly siteId: SiteId;
    readonly sessionId: SessionId;
    readonly callId: CallId;
    readonly openedAtMs: number;
  },
): Promise<void> => {
  if (mode === 'off') return;
  const strict = mode === 'strict';
  const started = watchers.start({ ...call, strict });
  if (!strict) {
    await Promise.allSettled([started]);
    return;
  }
  const deadline = monotonicMs() + LONGEST_WAIT_MS;
  try {
    await started;
    while (monotonicMs() < deadline) {
      const usage = (await meterReader.readSessionUsage(call.siteId, [call.sessionId])).get(call.sessionId);
      if (usage?.watch?.attached === true) return;
      await backOff(1);
    }
  } catch {
    // Without its watcher the call must not begin, whatever kept it away.
  }
  throw new BrokerError('busy', { retryAfterSeconds: RETRY_SECONDS });
};
