import {
  ANOMALY_BOUNDS,
  ANOMALY_PARAMETERS,
  type AnomalyParameters,
  type BurstWindow,
} from './anomaly-parameters.ts';
import type { AnomalyKind } from './incident.ts';

/**
 * Anomalous use of one OpenAI key, judged from its own past. Pure: a state of bounded size goes in with one observation,
 * the next state comes out with what was detected. Times are those of the observations; there is no clock.
 *
 * What each kind means, the parameters and how they were chosen: docs/anomaly.md, `npm run bench:anomaly`.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const BUCKET_MS = 5 * MINUTE_MS;
const BUCKETS_PER_HOUR = 12;
const REMEMBERED_BUCKETS = 72;

export type Observation =
  | {
      /** A session was reserved. */
      readonly type: 'session';
      readonly sessionId: string;
      /** Unix milliseconds, as everywhere here. */
      readonly at: number;
      /** Keyed hash of the address, another one each UTC day. */
      readonly ipHash: string;
      readonly origin: string | undefined;
      /** The longest that the session may last. */
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
      /** A session's real length is known; takes the place of the longest possible one. */
      readonly type: 'usage';
      readonly sessionId: string;
      readonly at: number;
      readonly usedSeconds: number;
      readonly maxSeconds: number;
    }
  | {
      /** The row that counts refused origins of one minute, with its count so far. */
      readonly type: 'refused_origins';
      readonly at: number;
      readonly count: number;
    };

type Unlimited<Kind> = Kind extends Observation ? Omit<Kind, 'maxSeconds'> : never;

/** As the records tell it, without the site's longest session, which they do not know. */
export type BareObservation = Unlimited<Observation>;

/** `bare`, on a site that allows sessions of `maxSeconds`. */
export const limitedBy = (bare: BareObservation, maxSeconds: number): Observation =>
  bare.type === 'refused_origins' ? bare : { ...bare, maxSeconds };

export interface Detection {
  readonly kind: AnomalyKind;
  /** Time of the observation that tipped it. */
  readonly at: number;
  readonly observed: number;
  readonly expected: number;
  readonly threshold: number;
  readonly windowSeconds: number;
}

/** Totals of one UTC day. */
type DayTotals = readonly [sessions: number, addresses: number, newOrigins: number, costSeconds: number];

/** [start, count], ascending, sparse. */
type Counts = readonly (readonly [start: number, count: number])[];

/** Everything that is remembered of a key. About 5 KB at its fullest. */
export interface AnomalyState {
  /** Unix hour of the first observation and of the newest; undefined: nothing yet. */
  readonly firstHour: number | undefined;
  readonly hour: number;
  /** Marks of the latest observations, oldest first. */
  readonly seen: readonly string[];
  /** Sessions per 5 minutes of the last six hours. */
  readonly buckets: Counts;
  /** Sessions of the current clock hour. */
  readonly hourCount: number;
  /** Sessions of the hours before it that are not learned yet, oldest first: what is being judged must not judge itself. */
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

/** A key of which nothing is known. */
export const unobserved: AnomalyState = {
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

export interface Observed {
  readonly state: AnomalyState;
  readonly detections: readonly Detection[];
}

/**
 * The next state, and what this observation tipped. The same observation again changes nothing, as long as it is among
 * the last `ANOMALY_BOUNDS.seen`. Observations of an hour that is over are too late to count.
 */
export const observe = (
  before: AnomalyState,
  observation: Observation,
  parameters: AnomalyParameters = ANOMALY_PARAMETERS,
): Observed => {
  const mark = markOf(observation);
  if (mark !== undefined && before.seen.includes(mark)) return { state: before, detections: [] };
  const state = advance(before, observation.at, parameters);
  const noted =
    mark === undefined ? state : { ...state, seen: [...state.seen, mark].slice(-ANOMALY_BOUNDS.seen) };
  const { next, suspicions } = record(noted, observation, parameters);
  return fire(next, suspicions, observation.at);
};

/** Session ids end in 80 random bits; 40 of them tell the last few hundred apart. */
const markOf = (observation: Observation): string | undefined =>
  observation.type === 'refused_origins'
    ? undefined
    : `${observation.type.charAt(0)}${observation.sessionId.slice(-8)}`;

interface Suspicion extends Omit<Detection, 'at'> {
  readonly coolDownHours: number;
}

interface Recorded {
  readonly next: AnomalyState;
  readonly suspicions: readonly Suspicion[];
}

const fire = (state: AnomalyState, suspicions: readonly Suspicion[], at: number): Observed => {
  const due = suspicions.filter(
    ({ kind, observed, threshold }) => observed >= threshold && at >= (state.silentUntil[kind] ?? 0),
  );
  if (due.length === 0) return { state, detections: [] };
  const silent = due.map(({ kind, coolDownHours }) => [kind, at + coolDownHours * HOUR_MS] as const);
  return {
    state: { ...state, silentUntil: { ...state.silentUntil, ...Object.fromEntries(silent) } },
    detections: due.map(({ coolDownHours: _, ...detection }) => ({ ...detection, at })),
  };
};

const record = (state: AnomalyState, observation: Observation, parameters: AnomalyParameters): Recorded => {
  switch (observation.type) {
    case 'session':
      return recordSession(state, observation, parameters);
    case 'outcome':
      return recordOutcome(state, observation, parameters);
    case 'usage':
      return {
        next: addCost(state, observation, observation.usedSeconds - observation.maxSeconds),
        suspicions: [],
      };
    case 'refused_origins':
      return recordRefusedOrigins(state, observation, parameters);
  }
};

type Of<Type extends Observation['type']> = Extract<Observation, { readonly type: Type }>;

const recordSession = (
  state: AnomalyState,
  { at, ipHash, origin, maxSeconds }: Of<'session'>,
  parameters: AnomalyParameters,
): Recorded => {
  const hour = Math.floor(at / HOUR_MS);
  const today = sameDay(hour, state.hour);
  const next: AnomalyState = {
    ...addCost(state, { at }, maxSeconds),
    buckets: raise(state.buckets, Math.floor(at / BUCKET_MS), bucketSpan(state), (count) => count + 1),
    hourCount: state.hourCount + (hour === state.hour ? 1 : 0),
    daySessions: state.daySessions + (today ? 1 : 0),
    addresses: today
      ? withMark(state.addresses, ipHash.slice(0, 8), ANOMALY_BOUNDS.addressesPerDay)
      : state.addresses,
    newOrigins: origin === undefined || !today ? state.newOrigins : withNewOrigin(state, origin),
  };
  return {
    next,
    suspicions: [
      ...burstOf(next, at, parameters),
      ...(today ? [...spreadsOf(next, parameters), ...costSpikeOf(next, parameters)] : []),
    ],
  };
};

const recordOutcome = (
  state: AnomalyState,
  { at, issued, openAiFailure, maxSeconds }: Of<'outcome'>,
  { authFailures }: AnomalyParameters,
): Recorded => {
  const denied = openAiFailure !== undefined && AUTH_FAILURES.has(openAiFailure);
  const charged = issued ? state : addCost(state, { at }, -maxSeconds);
  // A success that is older than the last failure, or told of again, ends no run.
  const ended = issued && at > state.deniedAt;
  const authRun = ended ? 0 : denied ? Math.min(state.authRun + 1, MAX_RUN) : state.authRun;
  const next = { ...charged, authRun, ...(denied && { deniedAt: Math.max(at, state.deniedAt) }) };
  if (!denied) return { next, suspicions: [] };
  const suspicion: Suspicion = {
    kind: 'auth_failures',
    observed: authRun,
    expected: 0,
    threshold: authFailures.run,
    windowSeconds: 0,
    coolDownHours: authFailures.coolDownHours,
  };
  return { next, suspicions: [suspicion] };
};

const MAX_RUN = 1_000;

/** Failures that say: this key does not open this account any more. Settings, credit and load are not among them. */
const AUTH_FAILURES: ReadonlySet<string> = new Set([
  'key_invalid',
  'key_expired',
  'missing_permission',
  'not_a_member',
  'ip_not_authorized',
]);

const recordRefusedOrigins = (
  state: AnomalyState,
  { at, count }: Of<'refused_origins'>,
  { refusedOrigins }: AnomalyParameters,
): Recorded => {
  // The row's own count, so that the same row delivered again, or an older image of it, adds nothing.
  const refused = raise(state.refused, Math.floor(at / MINUTE_MS), minuteSpan(state), (known) =>
    Math.max(known, count),
  );
  const { floorPerHour, factor, coolDownHours } = refusedOrigins;
  const suspicion: Suspicion = {
    kind: 'refused_origins',
    observed: total(refused),
    expected: state.refusedMean,
    threshold: Math.max(floorPerHour, factor * state.refusedMean),
    windowSeconds: 3_600,
    coolDownHours,
  };
  return { next: { ...state, refused }, suspicions: [suspicion] };
};

const sameDay = (hour: number, other: number): boolean => Math.floor(hour / 24) === Math.floor(other / 24);

/** Adds to the cost of the day, if it is that day still. */
const addCost = (state: AnomalyState, { at }: { readonly at: number }, seconds: number): AnomalyState =>
  sameDay(Math.floor(at / HOUR_MS), state.hour)
    ? { ...state, dayCostSeconds: Math.max(0, state.dayCostSeconds + seconds) }
    : state;

/** Changes the count at `start` and drops what is `span` or more behind the newest, which is `latest` at least. */
const raise = (
  counts: Counts,
  start: number,
  { span, latest }: { readonly span: number; readonly latest: number },
  change: (count: number) => number,
): Counts => {
  const newest = Math.max(start, latest, counts.at(-1)?.[0] ?? start);
  if (start <= newest - span) return counts;
  const known = counts.find(([other]) => other === start)?.[1] ?? 0;
  const rest = counts.filter(([other]) => other !== start && other > newest - span);
  return [...rest, [start, change(known)] as const].sort(([one], [other]) => one - other);
};

/** By the clock hour, so that what is over stays over, in whatever order observations come. */
const bucketSpan = ({ hour }: AnomalyState) => ({
  span: REMEMBERED_BUCKETS,
  latest: hour * BUCKETS_PER_HOUR,
});
const minuteSpan = ({ hour }: AnomalyState) => ({ span: 60, latest: hour * 60 });

const total = (counts: Counts): number => counts.reduce((sum, [, count]) => sum + count, 0);

const withMark = (marks: readonly string[], mark: string, bound: number): readonly string[] =>
  marks.length >= bound || marks.includes(mark) ? marks : [...marks, mark];

const withNewOrigin = (state: AnomalyState, origin: string): readonly string[] => {
  const mark = originMark(origin);
  return state.knownOrigins.includes(mark)
    ? state.newOrigins
    : withMark(state.newOrigins, mark, ANOMALY_BOUNDS.knownOrigins);
};

/** FNV-1a, 32 bits: tells a few dozen origins of one customer apart; nothing depends on it being hard to guess. */
const originMark = (origin: string): string => {
  let hash = 0x811c9dc5;
  for (const character of origin) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16);
};

/** Weekday or weekend, by hour of day: a week's rhythm in 48 numbers that are learned within days. */
const slotOf = (hour: number): number => {
  const weekday = (Math.floor(hour / 24) + 4) % 7;
  return (hour % 24) + (weekday === 0 || weekday === 6 ? 24 : 0);
};

const SLOTS = 48;

/** Sessions that this key makes in that hour of the week. A slot never seen borrows from the other kind of day. */
const meanOf = (state: AnomalyState, hour: number): number => {
  const slot = slotOf(hour);
  const known = (state.visits[slot] ?? 0) > 0 ? slot : (slot + 24) % SLOTS;
  return state.means[known] ?? 0;
};

/** The highest of the hour and its neighbours, so that a rhythm that moves by one (daylight saving) is no surprise. */
const highestAround = (state: AnomalyState, hour: number): number =>
  Math.max(meanOf(state, hour - 1), meanOf(state, hour), meanOf(state, hour + 1));

const expectedWithin = (state: AnomalyState, { buckets }: BurstWindow, newest: number): number => {
  const hour = Math.floor(newest / BUCKETS_PER_HOUR);
  if (buckets <= BUCKETS_PER_HOUR) return (buckets / BUCKETS_PER_HOUR) * highestAround(state, hour);
  const hours = Array.from({ length: buckets / BUCKETS_PER_HOUR }, (_, back) => hour - back);
  return hours.reduce((sum, each) => sum + meanOf(state, each), 0);
};

const ageHours = (state: AnomalyState): number => state.hour - (state.firstHour ?? state.hour);

/** What is expected within `window` up to the bucket `newest`, and from how many sessions on it is a burst. */
const burstLimit = (
  state: AnomalyState,
  window: BurstWindow,
  newest: number,
  { burst }: AnomalyParameters,
): { readonly expected: number; readonly threshold: number } => {
  const expected = expectedWithin(state, window, newest);
  const noisy = expected + burst.deviations * Math.sqrt(state.noise * expected);
  const scale = ageHours(state) < burst.youngUntilHours ? burst.youngScale : 1;
  return { expected, threshold: scale * Math.max(window.floor, window.factor * expected, noisy) };
};

/** The first window in which there are too many. */
const burstOf = (state: AnomalyState, at: number, parameters: AnomalyParameters): readonly Suspicion[] => {
  const { windows, minHistoryHours, coolDownHours } = parameters.burst;
  if (ageHours(state) < minHistoryHours) return [];
  const newest = Math.floor(at / BUCKET_MS);
  const suspicions = windows.map((window): Suspicion => {
    const counted = state.buckets.filter(([start]) => start <= newest && start > newest - window.buckets);
    return {
      kind: 'burst',
      observed: total(counted),
      ...burstLimit(state, window, newest, parameters),
      windowSeconds: (window.buckets * BUCKET_MS) / 1_000,
      coolDownHours,
    };
  });
  const first = suspicions.find(({ observed, threshold }) => observed >= threshold);
  return first === undefined ? [] : [first];
};

/** The second highest: one odd day among the remembered ones neither raises nor lowers what counts as usual. */
const usualMaximum = (days: readonly DayTotals[], of: (day: DayTotals) => number): number => {
  const values = days.map(of).sort((a, b) => b - a);
  return values[1] ?? values[0] ?? 0;
};

const spreadsOf = (
  state: AnomalyState,
  { days, originSpread, addressSpread }: AnomalyParameters,
): readonly Suspicion[] => {
  if (state.days.length < days.minimum) return [];
  const usualNew = usualMaximum(state.days, ([, , newOrigins]) => newOrigins);
  const usualAddresses = usualMaximum(state.days, ([, addresses]) => addresses);
  const usualSessions = usualMaximum(state.days, ([sessions]) => sessions);
  // A busy day has more addresses; that is a burst, not a spread.
  const volume = Math.max(1, state.daySessions / Math.max(1, usualSessions));
  return [
    {
      kind: 'origin_spread',
      observed: state.newOrigins.length,
      expected: usualNew,
      threshold: Math.max(originSpread.floor, originSpread.factor * usualNew),
      windowSeconds: DAY_MS / 1_000,
      coolDownHours: originSpread.coolDownHours,
    },
    {
      kind: 'address_spread',
      observed: state.addresses.length,
      expected: usualAddresses * volume,
      threshold: Math.max(addressSpread.floor, addressSpread.factor * usualAddresses * volume),
      windowSeconds: DAY_MS / 1_000,
      coolDownHours: addressSpread.coolDownHours,
    },
  ];
};

const costThreshold = (state: AnomalyState, { costSpike }: AnomalyParameters) => {
  const expected = usualMaximum(state.days, ([, , , costSeconds]) => costSeconds);
  return { expected, threshold: Math.max(costSpike.floorSeconds, costSpike.factor * expected) };
};

const costSpikeOf = (state: AnomalyState, parameters: AnomalyParameters): readonly Suspicion[] => {
  if (state.days.length < parameters.days.minimum) return [];
  return [
    {
      kind: 'cost_spike',
      observed: state.dayCostSeconds,
      ...costThreshold(state, parameters),
      windowSeconds: DAY_MS / 1_000,
      coolDownHours: parameters.costSpike.coolDownHours,
    },
  ];
};

/** Learns the hours and days that are over by `at`. */
const advance = (state: AnomalyState, at: number, parameters: AnomalyParameters): AnomalyState => {
  const hour = Math.floor(at / HOUR_MS);
  if (state.firstHour === undefined) return { ...state, firstHour: hour, hour };
  if (hour <= state.hour) return state;
  let next = state;
  const from = Math.max(state.hour, hour - ANOMALY_BOUNDS.gapHours);
  for (let over = from; over < hour; over++) {
    next = learnHour({ ...next, hour: over }, over === state.hour ? state.hourCount : 0, parameters);
    if (over % 24 === 23) next = learnDay(next, parameters);
  }
  return {
    ...next,
    hour,
    hourCount: 0,
    buckets: next.buckets.filter(([start]) => start > hour * BUCKETS_PER_HOUR - REMEMBERED_BUCKETS),
    refused: next.refused.filter(([start]) => start > hour * 60 - 60),
  };
};

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

/** The hour is over; the one that no window reaches any more is learned. */
const learnHour = (state: AnomalyState, count: number, parameters: AnomalyParameters): AnomalyState => {
  const [oldest, ...others] = [...state.unlearned, count];
  const withRefused = { ...state, refusedMean: refusedMeanAfter(state, parameters) };
  return oldest === undefined || others.length < LEARNING_LAG_HOURS
    ? { ...withRefused, unlearned: [...state.unlearned, count] }
    : learnRate({ ...withRefused, unlearned: others }, state.hour - LEARNING_LAG_HOURS, oldest, parameters);
};

/** As long as the longest window. */
const LEARNING_LAG_HOURS = REMEMBERED_BUCKETS / BUCKETS_PER_HOUR;

/** An hour beyond its threshold is learned as if it had just reached it: an attack does not become the new usual. */
const learnRate = (
  state: AnomalyState,
  hour: number,
  count: number,
  parameters: AnomalyParameters,
): AnomalyState => {
  const { learningRate, unlearningRate, minHistoryHours } = parameters.burst;
  const slot = slotOf(hour);
  const visits = state.visits[slot] ?? 0;
  const mean = state.means[slot] ?? 0;
  const learned =
    ageHours(state) < minHistoryHours ? count : Math.min(count, learnableIn(state, hour, parameters));
  const weight = Math.max(learned > mean ? learningRate : unlearningRate, 1 / (visits + 1));
  return {
    ...state,
    means: filled(state.means, slot, rounded(mean + weight * (learned - mean))),
    visits: filled(state.visits, slot, Math.min(visits + 1, Math.ceil(1 / unlearningRate))),
    noise: visits < 2 ? state.noise : noiseAfter(state, mean, learned),
  };
};

const HOUR_WINDOW: BurstWindow = { buckets: BUCKETS_PER_HOUR, floor: 24, factor: 3 };

const learnableIn = (state: AnomalyState, hour: number, parameters: AnomalyParameters): number =>
  burstLimit(state, HOUR_WINDOW, hour * BUCKETS_PER_HOUR, parameters).threshold;

/** Learned mostly from the busy hours: a quiet night says little, and floors look after it. */
const noiseAfter = ({ means, noise }: AnomalyState, mean: number, count: number): number => {
  const surprise = Math.min((count - mean) ** 2 / Math.max(mean, 1), MAX_SURPRISE * noise);
  const weight = NOISE_RATE * (mean / Math.max(1, ...means));
  return Math.max(1, rounded(noise + weight * (surprise - noise)));
};

/** Noise moves over some forty busy hours, and no single hour counts for more than this many times the noise so far. */
const NOISE_RATE = 0.025;
const MAX_SURPRISE = 9;

const refusedMeanAfter = (state: AnomalyState, { refusedOrigins }: AnomalyParameters): number => {
  const { floorPerHour, factor, learningRate } = refusedOrigins;
  const ofTheHour = state.refused.filter(([minute]) => Math.floor(minute / 60) === state.hour);
  const count = Math.min(total(ofTheHour), Math.max(floorPerHour, factor * state.refusedMean));
  return rounded(state.refusedMean + learningRate * (count - state.refusedMean));
};

const filled = (values: readonly number[], index: number, value: number): readonly number[] =>
  Array.from({ length: SLOTS }, (_, i) => (i === index ? value : (values[i] ?? 0)));

const learnDay = (state: AnomalyState, parameters: AnomalyParameters): AnomalyState => {
  const { remembered, minimum } = parameters.days;
  const { threshold } = costThreshold(state, parameters);
  const cost = state.days.length < minimum ? state.dayCostSeconds : Math.min(state.dayCostSeconds, threshold);
  const day: DayTotals = [state.daySessions, state.addresses.length, state.newOrigins.length, cost];
  return {
    ...state,
    days: [...state.days, day].slice(-remembered),
    knownOrigins: [...state.knownOrigins, ...state.newOrigins].slice(-ANOMALY_BOUNDS.knownOrigins),
    addresses: [],
    newOrigins: [],
    daySessions: 0,
    dayCostSeconds: 0,
  };
};
