import type { Clock } from '../../lambdas/use-cases/ports/runtime.ts';

/** A clock that stands still until the test moves it, and with it minutes, leases and budgets. */
export interface FrozenClock {
  /** For `startTestStack({ world: { clock } })`. */
  readonly clock: Clock;
  readonly advance: (milliseconds: number) => void;
}

/** Starts ten seconds into a minute, on a day on which every model of the stand-in is still served. */
export const frozenClock = (start = '2026-11-23T12:00:10.000Z'): FrozenClock => {
  let nowMs = Date.parse(start);
  return {
    clock: () => new Date(nowMs),
    advance: (milliseconds) => {
      nowMs += milliseconds;
    },
  };
};
