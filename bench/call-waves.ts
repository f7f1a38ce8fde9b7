import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** The calls that were in progress at the same time, in the order of the waves. */
export type Waves = readonly (readonly string[])[];

export interface WaveGate {
  /** Holds a call back until its wave is released. Outside of `inWaves`, no call is held. */
  arrived(name: string): Promise<void>;
  /**
   * Runs a request whose calls wait at this gate, and releases them all at once when no further one arrives. A call
   * that needs the response to another is always in a later wave, so there are never fewer waves than sequential calls.
   * `quietMs`: the time without a new call after which a wave is complete. If it is too short, there are more waves,
   * never fewer.
   */
  inWaves<Result>(request: () => Promise<Result>, quietMs: number): Promise<InWaves<Result>>;
}

export interface InWaves<Result> {
  readonly result: Result;
  readonly waves: Waves;
}

export const waveGate = (): WaveGate => {
  let held: { readonly name: string; readonly letGo: () => void }[] | undefined;
  let arrivals = 0;

  const quiet = async (quietMs: number): Promise<void> => {
    for (let before = -1; before !== arrivals; ) {
      before = arrivals;
      await sleep(quietMs);
      // A process that was suspended meanwhile must first read the calls that have arrived.
      for (let turn = 0; turn < 3; turn++) await nextTurn();
    }
  };

  return {
    arrived: async (name) => {
      arrivals += 1;
      const wave = held;
      if (wave !== undefined) await new Promise<void>((letGo) => wave.push({ name, letGo }));
    },
    inWaves: async (request, quietMs) => {
      held = [];
      const waves: (readonly string[])[] = [];
      let settled = false;
      const running = Promise.allSettled([request()]).then(([outcome]) => {
        settled = true;
        return outcome;
      });
      while (!settled) {
        await quiet(quietMs);
        const wave = held;
        if (wave.length === 0) continue;
        held = [];
        waves.push(wave.map(({ name }) => name).toSorted());
        for (const { letGo } of wave) letGo();
      }
      held = undefined;
      const outcome = await running;
      if (outcome.status === 'rejected') throw outcome.reason;
      return { result: outcome.value, waves };
    },
  };
};

/** Sequential round trips to AWS, before and after the call to OpenAI. */
export interface Hops {
  readonly before: number;
  readonly after: number;
}

export const hopsIn = (waves: Waves, isOpenAi: (name: string) => boolean): Hops => {
  const at = waves.findIndex((wave) => wave.some(isOpenAi));
  if (at === -1) throw new Error('OpenAI was not called.');
  return { before: at, after: waves.length - 1 - at };
};

/** When a call began and ended, milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The largest number of these calls that did not overlap, which is the minimum number of sequential calls. */
export const longestChain = (spans: readonly Span[]): number => {
  let [length, freeFrom] = [0, Number.NEGATIVE_INFINITY];
  for (const { from, to } of spans.toSorted((a, b) => a.to - b.to))
    if (from >= freeFrom) [length, freeFrom] = [length + 1, to];
  return length;
};
