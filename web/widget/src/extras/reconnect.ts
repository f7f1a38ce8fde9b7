/** How long a lost network may take to come back. */
const RECONNECT_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 4_000;

/**
 * Tries to connect until `attempt` answers that it is done, after growing pauses and at once when the network changes.
 * Returns false when the network has not come back in time, or the signal has ended it.
 */
export const retryWhileOffline = async (
  attempt: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> => {
  const untilMs = performance.now() + RECONNECT_MS;
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
    if (navigator.onLine && (await attempt())) return true;
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) return false;
    await pause(Math.min(pauseMs, leftMs), signal);
  }
  return false;
};

/** Shorter when the network changes: then another try may work at once. */
const pause = (ms: number, signal: AbortSignal): Promise<void> => {
  const { connection } = navigator as { connection?: EventTarget };
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      connection?.removeEventListener('change', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    connection?.addEventListener('change', done);
    signal.addEventListener('abort', done);
  });
};
