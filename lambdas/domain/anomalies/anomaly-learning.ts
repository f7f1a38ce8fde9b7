import { ANOMALY_BOUNDS, type AnomalyParameters, type BurstWindow } from './anomaly-parameters.ts';
import {
  type AnomalyState,
  ageHours,
  BUCKETS_PER_HOUR,
  type DayTotals,
  HOUR_MS,
  REMEMBERED_BUCKETS,
  rounded,
  SLOTS,
  slotOf,
  total,
} from './anomaly-state.ts';
import { burstLimit, costThreshold } from './anomaly-thresholds.ts';

/** Learns the hours and days that have ended by `at`. */
export const advance = (state: AnomalyState, at: number, parameters: AnomalyParameters): AnomalyState => {
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

/** The hour has ended; the hour that has left every window is learned. */
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
    means: withValueAt(state.means, slot, rounded(mean + weight * (learned - mean))),
    visits: withValueAt(state.visits, slot, Math.min(visits + 1, Math.ceil(1 / unlearningRate))),
    noise: visits < 2 ? state.noise : noiseAfter(state, mean, learned),
  };
};

const HOUR_WINDOW: BurstWindow = { buckets: BUCKETS_PER_HOUR, floor: 24, factor: 3 };

const learnableIn = (state: AnomalyState, hour: number, parameters: AnomalyParameters): number =>
  burstLimit(state, HOUR_WINDOW, hour * BUCKETS_PER_HOUR, parameters).threshold;

/** Weighted towards busy hours. Quiet hours carry little signal and are covered by the absolute floors. */
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

const withValueAt = (values: readonly number[], index: number, value: number): readonly number[] =>
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
