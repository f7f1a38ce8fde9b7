import { describe, expect, it } from '@jest/globals';
import { startPump } from '../../local/pump.ts';

/** Longer than the test may take: a pump that waits this long fails it. */
const FOREVER_MS = 3_600_000;

/** Rounds that end when the test says so. */
const heldRounds = () => {
  const begun: PromiseWithResolvers<boolean>[] = [];
  let tell = (): void => undefined;
  return {
    deliver: (): Promise<boolean> => {
      const round = Promise.withResolvers<boolean>();
      begun.push(round);
      tell();
      return round.promise;
    },
    /** The nth round, counted from 1, once it has begun. */
    nth: async (n: number): Promise<PromiseWithResolvers<boolean>> => {
      while (begun[n - 1] === undefined) await new Promise<void>((resolve) => (tell = resolve));
      return begun[n - 1] as PromiseWithResolvers<boolean>;
    },
  };
};

describe('a pump', () => {
  it('starts a round when it is woken, even in a long idle time', async () => {
    const { deliver, nth } = heldRounds();
    const pump = startPump({ idleMs: FOREVER_MS }, deliver);
    (await nth(1)).resolve(false);
    await new Promise(setImmediate);
    pump.wake();
    (await nth(2)).resolve(false);
    await pump.close();
  });

  it('starts another round if it was woken during a round that moved nothing', async () => {
    const { deliver, nth } = heldRounds();
    const pump = startPump({ idleMs: FOREVER_MS }, deliver);
    const first = await nth(1);
    pump.wake();
    first.resolve(false);
    (await nth(2)).resolve(false);
    await pump.close();
  });

  it('starts another round after a failed one', async () => {
    const { deliver, nth } = heldRounds();
    const pump = startPump({ idleMs: FOREVER_MS }, deliver);
    (await nth(1)).reject(new Error('The table is away.'));
    (await nth(2)).resolve(false);
    await pump.close();
  });

  it('drains without pauses until a round moves nothing', async () => {
    const moved = [false, true, true, false];
    let rounds = 0;
    const pump = startPump(
      { idleMs: FOREVER_MS, gatherMs: FOREVER_MS },
      async () => moved[rounds++] ?? false,
    );
    await new Promise(setImmediate);
    await pump.drain();
    expect(rounds).toBe(4);
    await pump.close();
  });

  it('ends its pause when it is closed', async () => {
    const { deliver, nth } = heldRounds();
    const pump = startPump({ idleMs: FOREVER_MS, gatherMs: FOREVER_MS }, deliver);
    (await nth(1)).resolve(true);
    await new Promise(setImmediate);
    await expect(pump.close()).resolves.toBeUndefined();
  });
});
