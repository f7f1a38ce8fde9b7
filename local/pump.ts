export interface Pump {
  /** Delivers until a round moves nothing. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Runs `deliver` in rounds until it is closed. One round at a time, for all callers: two parallel rounds would hand
 * over the same messages twice. `deliver` returns whether it moved anything; after a round that moved nothing the pump
 * waits `idleMs` milliseconds.
 */
export const startPump = (idleMs: number, deliver: () => Promise<boolean>): Pump => {
  let closed = false;
  let round: Promise<unknown> = Promise.resolve();
  const pumpOnce = (): Promise<boolean> => {
    const next = round.then(deliver);
    round = next.catch(() => undefined);
    return next;
  };
  const loop = async (): Promise<void> => {
    while (!closed) {
      const moved = await pumpOnce().catch(() => false);
      if (!moved) await new Promise((resolve) => setTimeout(resolve, idleMs));
    }
  };
  const running = loop();
  return {
    drain: async () => {
      while (await pumpOnce());
    },
    close: async () => {
      closed = true;
      await running;
    },
  };
};
