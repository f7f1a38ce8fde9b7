import type { AnomalyParameters, BurstWindow } from './anomaly-parameters.ts';
import {
  type AnomalyState,
  ageHours,
  BUCKET_MS,
  BUCKETS_PER_HOUR,
  type Candidate,
  DAY_MS,
  type DayTotals,
  meanOf,
  total,
} from './anomaly-state.ts';

/** The highest of the hour and its neighbours, so that a shift by one hour (daylight saving) is no anomaly. */
const highestAround = (state: AnomalyState, hour: number): number =>
  Math.max(meanOf(state, hour - 1), meanOf(state, hour), meanOf(state, hour + 1));

const expectedWithin = (state: AnomalyState, { buckets }: BurstWindow, newest: number): number => {
  const hour = Math.floor(newest / BUCKETS_PER_HOUR);
  if (buckets <= BUCKETS_PER_HOUR) return (buckets / BUCKETS_PER_HOUR) * highestAround(state, hour);
  const hours = Array.from({ length: buckets / BUCKETS_PER_HOUR }, (_, back) => hour - back);
  return hours.reduce((sum, each) => sum + meanOf(state, each), 0);
};

/** The expected sessions within `window` up to the bucket `newest`, and the number at which they are a burst. */
export const burstLimit = (
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
export const burstOf = (
  state: AnomalyState,
  at: number,
  parameters: AnomalyParameters,
): readonly Candidate[] => {
  const { windows, minHistoryHours, coolDownHours } = parameters.burst;
  if (ageHours(state) < minHistoryHours) return [];
  const newest = Math.floor(at / BUCKET_MS);
  const candidates = windows.map((window): Candidate => {
    const counted = state.buckets.filter(([start]) => start <= newest && start > newest - window.buckets);
    return {
      kind: 'burst',
      observed: total(counted),
      ...burstLimit(state, window, newest, parameters),
      windowSeconds: (window.buckets * BUCKET_MS) / 1_000,
      coolDownHours,
    };
  });
  const first = candidates.find(({ observed, threshold }) => observed >= threshold);
  return first === undefined ? [] : [first];
};

/** The second highest: one odd day among the remembered ones neither raises nor lowers what counts as usual. */
const usualMaximum = (days: readonly DayTotals[], of: (day: DayTotals) => number): number => {
  const values = days.map(of).sort((a, b) => b - a);
  return values[1] ?? values[0] ?? 0;
};

export const spreadsOf = (
  state: AnomalyState,
  { days, originSpread, addressSpread }: AnomalyParameters,
): readonly Candidate[] => {
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

export const costThreshold = (state: AnomalyState, { costSpike }: AnomalyParameters) => {
  const expected = usualMaximum(state.days, ([, , , costSeconds]) => costSeconds);
  return { expected, threshold: Math.max(costSpike.floorSeconds, costSpike.factor * expected) };
};

export const costSpikeOf = (state: AnomalyState, parameters: AnomalyParameters): readonly Candidate[] => {
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
