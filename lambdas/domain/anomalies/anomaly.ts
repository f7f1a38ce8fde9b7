import { advance } from './anomaly-learning.ts';
import { ANOMALY_BOUNDS, ANOMALY_PARAMETERS, type AnomalyParameters } from './anomaly-parameters.ts';
import {
  type AnomalyState,
  BUCKET_MS,
  BUCKETS_PER_HOUR,
  type Candidate,
  type Counts,
  type Detection,
  HOUR_MS,
  MINUTE_MS,
  type Observation,
  REMEMBERED_BUCKETS,
  total,
} from './anomaly-state.ts';
import { burstOf, costSpikeOf, spreadsOf } from './anomaly-thresholds.ts';

/**
 * Anomalous use of one OpenAI key, compared with its past. Pure: the input is a state of bounded size and one observation,
 * the output is the next state and the detections. Times are those of the observations; there is no clock.
 *
 * docs/anomaly.md explains the kinds, the parameters and their choice (`npm run bench:anomaly`).
 */

export interface Observed {
  readonly state: AnomalyState;
  readonly detections: readonly Detection[];
}

/**
 * The next state, and the detections of this observation. A repeated observation changes nothing while it is among
 * the last `ANOMALY_BOUNDS.seen`. Observations of an hour that has ended are too late to count.
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
  const { next, candidates } = record(noted, observation, parameters);
  return emitDue(next, candidates, observation.at);
};

/** Session ids end in 80 random bits; 40 of them distinguish the last few hundred. */
const markOf = (observation: Observation): string | undefined =>
  observation.type === 'refused_origins'
    ? undefined
    : `${observation.type.charAt(0)}${observation.sessionId.slice(-8)}`;

interface Recorded {
  readonly next: AnomalyState;
  readonly candidates: readonly Candidate[];
}

const emitDue = (state: AnomalyState, candidates: readonly Candidate[], at: number): Observed => {
  const due = candidates.filter(
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
        candidates: [],
      };
    case 'false_claim':
      return { next: state, candidates: [falseClaimOf(parameters)] };
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
    buckets: upsertBucket(state.buckets, Math.floor(at / BUCKET_MS), bucketSpan(state), (count) => count + 1),
    hourCount: state.hourCount + (hour === state.hour ? 1 : 0),
    daySessions: state.daySessions + (today ? 1 : 0),
    addresses: today
      ? withMark(state.addresses, ipHash.slice(0, 8), ANOMALY_BOUNDS.addressesPerDay)
      : state.addresses,
    newOrigins: origin === undefined || !today ? state.newOrigins : withNewOrigin(state, origin),
  };
  return {
    next,
    candidates: [
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
  // A success that is older than the last failure, or delivered again, ends no run.
  const ended = issued && at > state.deniedAt;
  const authRun = ended ? 0 : denied ? Math.min(state.authRun + 1, MAX_RUN) : state.authRun;
  const next = { ...charged, authRun, ...(denied && { deniedAt: Math.max(at, state.deniedAt) }) };
  if (!denied) return { next, candidates: [] };
  const candidate: Candidate = {
    kind: 'auth_failures',
    observed: authRun,
    expected: 0,
    threshold: authFailures.run,
    windowSeconds: 0,
    coolDownHours: authFailures.coolDownHours,
  };
  return { next, candidates: [candidate] };
};

const falseClaimOf = ({ falseClaims }: AnomalyParameters): Candidate => ({
  kind: 'false_claims',
  observed: 1,
  expected: 0,
  threshold: falseClaims.calls,
  windowSeconds: 0,
  coolDownHours: falseClaims.coolDownHours,
});

const MAX_RUN = 1_000;

/** Failures that mean: this key no longer opens this account. Settings, credit and load are not among them. */
const AUTH_FAILURES: ReadonlySet<string> = new Set([
  'key_invalid',
  'key_expired',
  'missing_permission',
  'not_a_member',
  'account_deactivated',
  'project_archived',
  'ip_not_authorized',
]);

const recordRefusedOrigins = (
  state: AnomalyState,
  { at, count, slot = 0 }: Of<'refused_origins'>,
  { refusedOrigins }: AnomalyParameters,
): Recorded => {
  // The row's own count, so that the same row delivered again, or an older image of it, adds nothing.
  // Rows of one minute are distinguished by a fraction of it, so that their counts add up.
  const refused = upsertBucket(
    state.refused,
    Math.floor(at / MINUTE_MS) + slot / 8,
    minuteSpan(state),
    (known) => Math.max(known, count),
  );
  const { floorPerHour, factor, coolDownHours } = refusedOrigins;
  const candidate: Candidate = {
    kind: 'refused_origins',
    observed: total(refused),
    expected: state.refusedMean,
    threshold: Math.max(floorPerHour, factor * state.refusedMean),
    windowSeconds: 3_600,
    coolDownHours,
  };
  return { next: { ...state, refused }, candidates: [candidate] };
};

const sameDay = (hour: number, other: number): boolean => Math.floor(hour / 24) === Math.floor(other / 24);

/** Adds to the cost of the day, if it is that day still. */
const addCost = (state: AnomalyState, { at }: { readonly at: number }, seconds: number): AnomalyState =>
  sameDay(Math.floor(at / HOUR_MS), state.hour)
    ? { ...state, dayCostSeconds: Math.max(0, state.dayCostSeconds + seconds) }
    : state;

/** Changes the count at `start` and drops what is `span` or more behind the newest, which is `latest` at least. */
const upsertBucket = (
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

/** By the clock hour, so that an ended hour stays ended, in any order of observations. */
const bucketSpan = ({ hour }: AnomalyState) => ({
  span: REMEMBERED_BUCKETS,
  latest: hour * BUCKETS_PER_HOUR,
});
const minuteSpan = ({ hour }: AnomalyState) => ({ span: 60, latest: hour * 60 });

const withMark = (marks: readonly string[], mark: string, bound: number): readonly string[] =>
  marks.length >= bound || marks.includes(mark) ? marks : [...marks, mark];

const withNewOrigin = (state: AnomalyState, origin: string): readonly string[] => {
  const mark = originMark(origin);
  return state.knownOrigins.includes(mark)
    ? state.newOrigins
    : withMark(state.newOrigins, mark, ANOMALY_BOUNDS.knownOrigins);
};

/** FNV-1a, 32 bits: distinguishes a few dozen origins of one customer. It need not be hard to guess. */
const originMark = (origin: string): string => {
  let hash = 0x811c9dc5;
  for (const character of origin) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16);
};
