import type { AnomalyKind } from './incident.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
export const BUCKET_MS = 5 * MINUTE_MS;
export const BUCKETS_PER_HOUR = 12;
export const REMEMBERED_BUCKETS = 72;

export type Observation =
  | {
      /** A session was reserved. */
      readonly type: 'session';
      readonly sessionId: string;
      /** Unix milliseconds, as everywhere here. */
      readonly at: number;
      /** Keyed hash of the address; it differs on each UTC day. */
      readonly ipHash: string;
      readonly origin: string | undefined;
      /** The longest allowed duration of the session. */
      readonly maxSeconds: number;
    }
  | {
      /** A session was issued or refused. */
      readonly type: 'outcome';
      readonly sessionId: string;
      readonly at: number;
      readonly issued: boolean;
      /** Name of OpenAI's failure. */
      readonly openAiFailure: string | undefined;
      readonly maxSeconds: number;
    }
  | {
      /** A session's real length is known; it replaces the longest possible one. */
      readonly type: 'usage';
      readonly sessionId: string;
      readonly at: number;
      readonly usedSeconds: number;
      readonly maxSeconds: number;
    }
  | {
      /** A watched call has ended whose page claims more than OpenAI counted. */
      readonly type: 'false_claim';
      readonly sessionId: string;
      readonly at: number;
      readonly maxSeconds: number;
    }
  | {
      /** A row that counts refused origins of one minute, with its count so far. */
      readonly type: 'refused_origins';
      readonly at: number;
      readonly count: number;
      /** The row of the minute, 0 to 7. Each origin has its own row while there are enough. */
      readonly slot?: number | undefined;
    };

type Unlimited<Kind> = Kind extends Observation ? Omit<Kind, 'maxSeconds'> : never;

/** As recorded, without the site's longest session, which the records do not contain. */
export type BareObservation = Unlimited<Observation>;

/** `bare`, on a site that allows sessions of `maxSeconds`. */
export const limitedBy = (bare: BareObservation, maxSeconds: number): Observation =>
  bare.type === 'refused_origins' ? bare : { ...bare, maxSeconds };

export interface Detection {
  readonly kind: AnomalyKind;
  /** Time of the observation that triggered it. */
  readonly at: number;
  readonly observed: number;
  readonly expected: number;
  readonly threshold: number;
  readonly windowSeconds: number;
}

/** Totals of one UTC day. */
export type DayTotals = readonly [
  sessions: number,
  addresses: number,
  newOrigins: number,
  costSeconds: number,
];

/** [start, count], ascending, sparse. */
export type Counts = readonly (readonly [start: number, count: number])[];

/** Everything that is stored about a key. About 5 KB at most. */
export interface AnomalyState {
  /** Unix hour of the first observation and of the newest; undefined: none yet. */
  readonly firstHour: number | undefined;
  readonly hour: number;
  /** Marks of the latest observations, oldest first. */
  readonly seen: readonly string[];
  /** Sessions per 5 minutes of the last six hours. */
  readonly buckets: Counts;
  /** Sessions of the current clock hour. */
  readonly hourCount: number;
  /** Sessions of the previous hours that are not learned yet, oldest first: an hour must not be compared with itself. */
  readonly unlearned: readonly number[];
  /** Mean sessions per hour: 24 hours of a weekday, then 24 of a weekend day (UTC). */
  readonly means: readonly number[];
  /** How often each slot was learned, up to the inverse of the learning rate. */
  readonly visits: readonly number[];
  /** Variance of an hour's count in units of its mean; 1 is Poisson. */
  readonly noise: number;
  /** Marks of the day's addresses and new origins. */
  readonly addresses: readonly string[];
  readonly newOrigins: readonly string[];
  readonly knownOrigins: readonly string[];
  readonly daySessions: number;
  readonly dayCostSeconds: number;
  /** Earlier days, oldest first. */
  readonly days: readonly DayTotals[];
  /** Sessions in a row that OpenAI refused because of the key, and when the last of them was. */
  readonly authRun: number;
  readonly deniedAt: number;
  /** Refused origins per minute of the last hour. */
  readonly refused: Counts;
  readonly refusedMean: number;
  /** Until when a kind stays silent, unix milliseconds. */
  readonly silentUntil: Readonly<Partial<Record<AnomalyKind, number>>>;
}

/** The state of a key without observations. */
export const initialAnomalyState: AnomalyState = {
  firstHour: undefined,
  hour: 0,
  seen: [],
  buckets: [],
  hourCount: 0,
  unlearned: [],
  means: [],
  visits: [],
  noise: 1,
  addresses: [],
  newOrigins: [],
  knownOrigins: [],
  daySessions: 0,
  dayCostSeconds: 0,
  days: [],
  authRun: 0,
  deniedAt: 0,
  refused: [],
  refusedMean: 0,
  silentUntil: {},
};

export interface Candidate extends Omit<Detection, 'at'> {
  readonly coolDownHours: number;
}

export const total = (counts: Counts): number => counts.reduce((sum, [, count]) => sum + count, 0);

/** Weekday or weekend, by hour of day: a week's rhythm in 48 numbers that are learned within days. */
export const slotOf = (hour: number): number => {
  const weekday = (Math.floor(hour / 24) + 4) % 7;
  return (hour % 24) + (weekday === 0 || weekday === 6 ? 24 : 0);
};

export const SLOTS = 48;

/** Usual sessions of this key in that hour of the week. A slot without data uses that of the other kind of day. */
export const meanOf = (state: AnomalyState, hour: number): number => {
  const slot = slotOf(hour);
  const known = (state.visits[slot] ?? 0) > 0 ? slot : (slot + 24) % SLOTS;
  return state.means[known] ?? 0;
};

export const ageHours = (state: AnomalyState): number => state.hour - (state.firstHour ?? state.hour);

export const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
