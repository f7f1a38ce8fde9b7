import { BrokerError } from '../../domain/broker-error.ts';
import type { CallId, WatchMode } from '../../domain/calls/call.ts';
import type { SessionId, SiteId } from '../../domain/identifiers.ts';
import type { WatcherInvoker } from '../ports/calls.ts';
import type { Pause } from '../ports/runtime.ts';
import type { SessionReader } from '../ports/sessions.ts';

export interface StartWatchPorts {
  readonly monotonicMs: () => number;
  readonly pause: Pause;
  readonly watchers: WatcherInvoker;
  readonly meterReader: Pick<SessionReader, 'readSessionUsage'>;
}

/** Longest time that an answer waits for the watcher, milliseconds of real time. */
const LONGEST_WAIT_MS = 3_000;

/**
 * Pause before the first check for the watcher, milliseconds. The watcher makes ten AWS calls in a row and connects to OpenAI before it
 * sees the call: 250 ms with 5 ms for each AWS call and 200 ms for OpenAI (docs/performance.md#first-sound).
 */
const FIRST_PAUSE_MS = 150;

/** Pause before each later check, milliseconds: the answer leaves at most this and one read after the watcher sees the call. */
const NEXT_PAUSE_MS = 10;

/** The wait before a visitor's next attempt, seconds. */
const RETRY_SECONDS = 5;

/**
 * Starts the watcher of a created call. `strict` returns when the watcher sees the call. @throws BrokerError `busy` when
 * it does not within three seconds. `eager` never refuses: an unwatched call uses the reports of its page.
 */
export const startWatch = async (
  { monotonicMs, pause, watchers, meterReader }: StartWatchPorts,
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
    await pause(FIRST_PAUSE_MS);
    while (monotonicMs() < deadline) {
      const usage = (await meterReader.readSessionUsage(call.siteId, [call.sessionId])).get(call.sessionId);
      if (usage?.watch?.attached === true) return;
      await pause(NEXT_PAUSE_MS);
    }
  } catch {
    // Without its watcher the call must not begin, whatever the cause.
  }
  throw new BrokerError('busy', { retryAfterSeconds: RETRY_SECONDS });
};
