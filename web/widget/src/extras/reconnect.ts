/** Longest time to wait for a lost network. */
const RECONNECT_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 4_000;

/**
 * Tries to connect until `attempt` answers that it is done, after growing pauses and at once when the network changes, also
 * when it changed during a try. Returns false when the network has not come back in time, or the signal has ended it. Some
 * systems report that they are offline although they are not, so `navigator.onLine` keeps no try back.
 */
export const retryWhileOffline = async (
  attempt: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> => {
  const { connection } = navigator as { connection?: EventTarget };
  let hasChanged = false;
  let wake = (): void => {};
  const onChange = (): void => {
    hasChanged = true;
    wake();
  };
  addEventListener('online', onChange);
  connection?.addEventListener('change', onChange);
  signal.addEventListener('abort', onChange);
  try {
    const untilMs = performance.now() + RECONNECT_MS;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
      hasChanged = false;
      if (await attempt()) return true;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return false;
      if (hasChanged) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(pauseMs, leftMs));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return false;
  } finally {
    removeEventListener('online', onChange);
    connection?.removeEventListener('change', onChange);
    signal.removeEventListener('abort', onChange);
  }
};
