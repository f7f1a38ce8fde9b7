export interface Pump {
  /** Delivers until a round moves nothing. */
  drain(): Promise<void>;
  /** Signals new work: the next round begins `gatherMs` from now at the latest. */
  wake(): void;
  close(): Promise<void>;
}

export interface PumpPauses {
  /** Pause after a round that moved nothing, milliseconds. `wake` ends it. */
  readonly idleMs: number;
  /** Pause after a round that moved something, so that more work can gather, milliseconds. @default 0 */
  readonly gatherMs?: number;
}

/** Pause after a failed round, milliseconds. */
const RETRY_MS = 100;

/**
 * Runs `deliver` in rounds until it is closed. One round at a time, for all callers: two parallel rounds would deliver
 * the same messages twice. `deliver` returns whether it moved anything.
 */
export const startPump = ({ idleMs, gatherMs = 0 }: PumpPauses, deliver: () => Promise<boolean>): Pump => {
  let closed = false;
  let woken = false;
  let round: Promise<unknown> = Promise.resolve();
  let shortenPause = (_toMs: number): void => undefined;
  const pumpOnce = (): Promise<boolean> => {
    const next = round.then(deliver);
    round = next.catch(() => undefined);
    return next;
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      shortenPause = (toMs) => {
        clearTimeout(timer);
        setTimeout(resolve, toMs);
        shortenPause = () => undefined;
      };
    });
  const loop = async (): Promise<void> => {
    while (!closed) {
      woken = false;
      const pauseMs = await pumpOnce().then(
        (moved) => (moved || woken ? gatherMs : idleMs),
        () => RETRY_MS,
      );
      if (!closed) await pause(pauseMs);
      shortenPause = () => undefined;
    }
  };
  const running = loop();
  return {
    drain: async () => {
      while (await pumpOnce());
    },
    wake: () => {
      woken = true;
      shortenPause(gatherMs);
    },
    close: async () => {
      closed = true;
      shortenPause(0);
      await running;
    },
  };
};
