/** One span over which sessions are counted. */
export interface BurstWindow {
  /** Length in buckets of 5 minutes; the newest bucket is the current one. */
  readonly buckets: number;
  /** Fewer sessions than this are never a burst, however quiet the night. */
  readonly floor: number;
  /** Multiple of what the key does at this time of the week. */
  readonly factor: number;
}

/** Every parameter of the detection. Chosen by bench/anomaly.ts; docs/anomaly.md explains the effect of each. */
export interface AnomalyParameters {
  readonly burst: {
    /** Hours since the key was first seen before a burst can be distinguished from a start. */
    readonly minHistoryHours: number;
    /** Until then not every weekday has been seen, and thresholds are multiplied by `youngScale`. */
    readonly youngUntilHours: number;
    readonly youngScale: number;
    /** A flood shows in minutes, a stream in an hour, a trickle that does not stop in six. */
    readonly windows: readonly BurstWindow[];
    /** Deviations above the expectation, in units of the key's own noise. */
    readonly deviations: number;
    /** Weight of the newest hour in the mean of its slot (weekday or weekend, by hour of day) when it was busier. */
    readonly learningRate: number;
    /** The same when it was quieter: slower, so that a holiday does not erase the usual load. */
    readonly unlearningRate: number;
    readonly coolDownHours: number;
  };
  readonly days: {
    /** Whole days that daily totals are compared with. */
    readonly remembered: number;
    /** Whole days before daily totals are compared: a week and a day, so that every weekday is included. */
    readonly minimum: number;
  };
  readonly originSpread: {
    /** Origins never seen before, within one UTC day. */
    readonly floor: number;
    readonly factor: number;
    readonly coolDownHours: number;
  };
  readonly addressSpread: {
    readonly floor: number;
    /** Multiple of the addresses that a day with this many sessions would have. */
    readonly factor: number;
    readonly coolDownHours: number;
  };
  readonly authFailures: {
    /** Sessions in a row that OpenAI refused because of the key. */
    readonly run: number;
    readonly coolDownHours: number;
  };
  readonly refusedOrigins: {
    readonly floorPerHour: number;
    readonly factor: number;
    readonly learningRate: number;
    readonly coolDownHours: number;
  };
  readonly falseClaims: {
    /** Calls whose page claims more tokens than the watcher counted. Even one does not happen by chance. */
    readonly calls: number;
    readonly coolDownHours: number;
  };
  readonly costSpike: {
    /** Seconds of voice within one UTC day. */
    readonly floorSeconds: number;
    readonly factor: number;
    readonly coolDownHours: number;
  };
}

export const ANOMALY_PARAMETERS: AnomalyParameters = {
  burst: {
    minHistoryHours: 72,
    youngUntilHours: 192,
    youngScale: 2.5,
    windows: [
      { buckets: 1, floor: 12, factor: 6 },
      { buckets: 12, floor: 24, factor: 4 },
      { buckets: 72, floor: 48, factor: 3 },
    ],
    deviations: 7,
    learningRate: 0.2,
    unlearningRate: 0.05,
    coolDownHours: 12,
  },
  days: { remembered: 28, minimum: 8 },
  originSpread: { floor: 5, factor: 3, coolDownHours: 24 },
  addressSpread: { floor: 20, factor: 3, coolDownHours: 24 },
  authFailures: { run: 3, coolDownHours: 6 },
  refusedOrigins: { floorPerHour: 30, factor: 5, learningRate: 0.1, coolDownHours: 24 },
  falseClaims: { calls: 1, coolDownHours: 24 },
  costSpike: { floorSeconds: 14_400, factor: 3, coolDownHours: 24 },
};

/** Bounds of the state. Entries beyond a bound are dropped, oldest first, or counted as "at least this many". */
export const ANOMALY_BOUNDS = {
  /** Observations that are recognised when they are delivered again. */
  seen: 200,
  addressesPerDay: 128,
  knownOrigins: 64,
  /** Longest gap that is learned as silence, hours. */
  gapHours: 24 * 28,
} as const;
