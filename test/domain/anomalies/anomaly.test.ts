import { describe, expect, it } from '@jest/globals';
import { observe } from '../../../lambdas/domain/anomalies/anomaly.ts';
import {
  type AnomalyState,
  initialAnomalyState,
  limitedBy,
  type Observation,
} from '../../../lambdas/domain/anomalies/anomaly-state.ts';

/** How one observation changes a state, to the number. Detection over months of use is in anomaly-months.test.ts. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Monday, 10 o'clock. */
const AT = Date.UTC(2026, 10, 2, 10);
/** The hour of AT, and the places of its first five minutes and its first minute. */
const H = AT / HOUR;
const BUCKET = H * 12;
const FIRST_MINUTE = H * 60;

let ids = 0;
const newId = (): string => `ses_${String(++ids).padStart(26, '0')}`;

type Facts<Type extends Observation['type']> = Partial<Extract<Observation, { readonly type: Type }>>;

const session = (facts: Facts<'session'> = {}): Observation => ({
  type: 'session',
  sessionId: newId(),
  at: AT,
  ipHash: '0123456789ab',
  origin: undefined,
  maxSeconds: 600,
  ...facts,
});
const outcome = (facts: Facts<'outcome'> = {}): Observation => ({
  type: 'outcome',
  sessionId: newId(),
  at: AT,
  issued: false,
  openAiFailure: undefined,
  maxSeconds: 600,
  ...facts,
});
const usage = (facts: Facts<'usage'> = {}): Observation => ({
  type: 'usage',
  sessionId: newId(),
  at: AT,
  usedSeconds: 20,
  maxSeconds: 600,
  ...facts,
});
const refused = (count: number, at = AT): Observation => ({ type: 'refused_origins', at, count });

/** A key that is known since long before, in the hour of AT. */
const known = (facts: Partial<AnomalyState> = {}): AnomalyState => ({
  ...initialAnomalyState,
  firstHour: H - 1_000,
  hour: H,
  ...facts,
});
const stateAfter = (state: AnomalyState, ...observations: readonly Observation[]): AnomalyState =>
  observations.reduce((before, observation) => observe(before, observation).state, state);
const detectionsOf = (state: AnomalyState, observation: Observation) =>
  observe(state, observation).detections;
/** Means or visits: of these hours of a weekday, and of a weekend day from 24 on. */
const slots = (values: Readonly<Record<number, number>>): number[] =>
  Array.from({ length: 48 }, (_, slot) => values[slot] ?? 0);

describe('the session in the anomaly state', () => {
  it('is the whole state when it is the first of the key', () => {
    const first = session({
      sessionId: `ses_${'x'.repeat(18)}abcdefgh`,
      origin: 'foobar',
      at: AT + 7 * MINUTE,
    });
    expect(stateAfter(initialAnomalyState, first)).toEqual({
      ...initialAnomalyState,
      firstHour: H,
      hour: H,
      seen: ['sabcdefgh'],
      buckets: [[BUCKET + 1, 1]],
      hourCount: 1,
      addresses: ['01234567'],
      // FNV-1a, 32 bits, of `foobar`: test vector of its authors.
      newOrigins: ['bf9cf968'],
      daySessions: 1,
      dayCostSeconds: 600,
    });
  });

  it('counts once, and a repeated delivery returns the same state object', () => {
    const first = session();
    const state = stateAfter(initialAnomalyState, first);
    expect(observe(state, first)).toEqual({ state, detections: [] });
    expect(observe(state, first).state).toBe(state);
  });

  it('is remembered separately from its outcome and its usage', () => {
    const sessionId = newId();
    const state = stateAfter(
      initialAnomalyState,
      session({ sessionId }),
      outcome({ sessionId, issued: true }),
      usage({ sessionId }),
    );
    expect(state.seen.map((mark) => mark.charAt(0))).toEqual(['s', 'o', 'u']);
    expect(state.dayCostSeconds).toBe(20);
  });

  it('is counted in its hour', () => {
    expect(stateAfter(known({ hourCount: 3 }), session(), session({ at: AT + HOUR - 1 })).hourCount).toBe(5);
  });

  it('is recognised on repeated delivery among the last 200', () => {
    const first = session();
    const many = Array.from({ length: 200 }, () => session());
    const state = stateAfter(initialAnomalyState, first, ...many.slice(1));
    expect(state.seen).toHaveLength(200);
    expect(stateAfter(state, first)).toBe(state);
    expect(stateAfter(state, ...many.slice(0, 1)).seen).toHaveLength(200);
    expect(stateAfter(state, ...many.slice(0, 1), first).daySessions).toBe(202);
  });

  it('is counted in its bucket of five minutes, and buckets stay in order of time', () => {
    const at = (minutes: number) => session({ at: AT + minutes * MINUTE });
    expect(stateAfter(known(), at(12), at(3), at(14), at(0)).buckets).toEqual([
      [BUCKET, 2],
      [BUCKET + 2, 2],
    ]);
  });

  it('is counted for the day but not for the hour when it belongs to an earlier hour', () => {
    const state = stateAfter(known({ hourCount: 4, daySessions: 9 }), session({ at: AT - 1, origin: 'a' }));
    expect(state).toMatchObject({
      hour: H,
      hourCount: 4,
      daySessions: 10,
      dayCostSeconds: 600,
      buckets: [[BUCKET - 1, 1]],
      addresses: ['01234567'],
      newOrigins: ['e40c292c'],
    });
  });

  it('is counted only in its bucket when it belongs to the day before', () => {
    const midnight = known({ hour: H - 10, daySessions: 1, dayCostSeconds: 50 });
    const state = stateAfter(midnight, session({ at: AT - 10 * HOUR - 1, origin: 'a' }));
    expect(state).toEqual({
      ...midnight,
      seen: state.seen,
      buckets: [[BUCKET - 121, 1]],
    });
  });

  it.each([
    ['is forgotten six hours later', -72, []],
    ['is remembered for one bucket less than six hours', -71, [[BUCKET - 71, 1]]],
  ])('%s', (_, buckets, expected) => {
    const late = session({ at: AT + buckets * 5 * MINUTE });
    expect(stateAfter(known(), late).buckets).toEqual(expected);
  });

  it('removes the buckets that are six hours older', () => {
    const buckets = [
      [BUCKET - 62, 5],
      [BUCKET - 61, 6],
    ] as const;
    expect(stateAfter(known({ buckets }), session({ at: AT + 50 * MINUTE })).buckets).toEqual([
      [BUCKET - 61, 6],
      [BUCKET + 10, 1],
    ]);
    const later = [...buckets, [BUCKET + 10, 7]] as const;
    expect(stateAfter(known({ buckets: later }), session()).buckets).toEqual([
      [BUCKET - 61, 6],
      [BUCKET, 1],
      [BUCKET + 10, 7],
    ]);
  });

  it('adds its address and its origin once', () => {
    const twice = [session({ origin: 'a' }), session({ origin: 'a' })];
    expect(stateAfter(known(), ...twice)).toMatchObject({
      addresses: ['01234567'],
      newOrigins: ['e40c292c'],
    });
  });

  it('does not add an origin that is known', () => {
    expect(stateAfter(known({ knownOrigins: ['e40c292c'] }), session({ origin: 'a' })).newOrigins).toEqual(
      [],
    );
  });

  it('adds no address and no origin to a full list', () => {
    const full = known({ addresses: Array(128).fill('x'), newOrigins: Array(64).fill('x') });
    const { addresses, newOrigins } = stateAfter(full, session({ origin: 'a' }));
    expect([addresses.length, newOrigins.length]).toEqual([128, 64]);
    const nearly = known({ addresses: Array(127).fill('x'), newOrigins: Array(63).fill('x') });
    expect(stateAfter(nearly, session({ origin: 'a' }))).toMatchObject({
      addresses: expect.arrayContaining(['01234567']),
      newOrigins: expect.arrayContaining(['e40c292c']),
    });
  });
});

describe('the outcome of a session', () => {
  it.each([
    ['keeps the cost when a secret was issued', { issued: true }, 1_000],
    ['subtracts the cost when the session was refused', {}, 400],
    ['subtracts nothing when it is of another day', { at: AT - 11 * HOUR }, 1_000],
  ])('%s', (_, facts, dayCostSeconds) => {
    expect(stateAfter(known({ dayCostSeconds: 1_000 }), outcome(facts)).dayCostSeconds).toBe(dayCostSeconds);
  });

  it('never makes the cost of a day negative, and neither does a usage', () => {
    expect(stateAfter(known({ dayCostSeconds: 1 }), outcome()).dayCostSeconds).toBe(0);
    expect(stateAfter(known({ dayCostSeconds: 1 }), usage()).dayCostSeconds).toBe(0);
    expect(stateAfter(known({ dayCostSeconds: 1_000 }), usage()).dayCostSeconds).toBe(420);
  });

  const denied = (facts: Facts<'outcome'> = {}) => outcome({ openAiFailure: 'key_invalid', ...facts });

  it('lengthens the run of authentication failures when the key caused it, and keeps the latest time', () => {
    expect(stateAfter(known({ authRun: 1, deniedAt: 5 }), denied())).toMatchObject({
      authRun: 2,
      deniedAt: AT,
    });
    expect(stateAfter(known({ authRun: 1, deniedAt: AT + 5 }), denied())).toMatchObject({ deniedAt: AT + 5 });
    expect(stateAfter(known({ authRun: 1_000 }), denied()).authRun).toBe(1_000);
  });

  it.each([
    ['later success', { issued: true, at: AT + 1 }, 0],
    ['success of the same moment', { issued: true }, 2],
    ['failure that says nothing about the key', { openAiFailure: 'timeout', at: AT + 1 }, 2],
    ['failure for want of credit', { openAiFailure: 'quota_exhausted', at: AT + 1 }, 2],
    ['refusal of ours', { at: AT + 1 }, 2],
  ])('sets the run of authentication failures correctly when it is a %s', (_, facts, authRun) => {
    const state = stateAfter(known({ authRun: 2, deniedAt: AT }), outcome(facts));
    expect(state).toMatchObject({ authRun, deniedAt: AT });
  });

  it.each(['key_invalid', 'key_expired', 'missing_permission', 'not_a_member', 'ip_not_authorized'])(
    'counts as an authentication failure when it is %s',
    (openAiFailure) => {
      expect(stateAfter(known(), denied({ openAiFailure })).authRun).toBe(1);
    },
  );

  it('is an anomaly from the third authentication failure in a row', () => {
    expect(detectionsOf(known({ authRun: 1 }), denied())).toEqual([]);
    expect(detectionsOf(known({ authRun: 2 }), denied())).toEqual([
      { kind: 'auth_failures', at: AT, observed: 3, expected: 0, threshold: 3, windowSeconds: 0 },
    ]);
    expect(detectionsOf(known({ authRun: 7 }), outcome({ openAiFailure: 'timeout' }))).toEqual([]);
  });
});

describe('refused origins', () => {
  it('count once per minute, with the highest count of the minute', () => {
    const counts = [refused(4), refused(9), refused(2), refused(1, AT + MINUTE)];
    const state = stateAfter(known(), ...counts);
    expect(state.refused).toEqual([
      [FIRST_MINUTE, 9],
      [FIRST_MINUTE + 1, 1],
    ]);
    expect(state.seen).toStrictEqual([]);
  });

  it('are forgotten after an hour', () => {
    const minutes = [
      [FIRST_MINUTE - 31, 1],
      [FIRST_MINUTE - 30, 2],
      [FIRST_MINUTE - 29, 3],
    ] as const;
    expect(stateAfter(known({ refused: minutes }), refused(5, AT + 30 * MINUTE)).refused).toEqual([
      [FIRST_MINUTE - 29, 3],
      [FIRST_MINUTE + 30, 5],
    ]);
    expect(stateAfter(known(), refused(5, AT - HOUR)).refused).toEqual([]);
    expect(stateAfter(known(), refused(5, AT - 59 * MINUTE)).refused).toEqual([[FIRST_MINUTE - 59, 5]]);
  });

  it.each([
    ['30', 0, 30],
    ['five times the usual', 20, 100],
  ])('are an anomaly from %s within an hour', (_, refusedMean, threshold) => {
    const before = known({ refusedMean, refused: [[FIRST_MINUTE - 10, threshold - 5]] });
    expect(detectionsOf(before, refused(4))).toEqual([]);
    expect(detectionsOf(before, refused(5))).toEqual([
      {
        kind: 'refused_origins',
        at: AT,
        observed: threshold,
        expected: refusedMean,
        threshold,
        windowSeconds: 3_600,
      },
    ]);
  });
});

describe('the hour that has ended', () => {
  const next = session({ at: AT + HOUR });

  it('is not learned before six more hours have ended', () => {
    const state = stateAfter(known({ firstHour: H - 1, hourCount: 5, unlearned: [1, 2] }), next);
    expect(state).toMatchObject({ hour: H + 1, hourCount: 1, unlearned: [1, 2, 5], means: [], visits: [] });
  });

  it('is learned for its place in the week once the longest window has passed it', () => {
    const state = stateAfter(known({ firstHour: H - 20, hourCount: 5, unlearned: [1, 2, 3, 4, 5, 6] }), next);
    // Six hours before ten o'clock.
    expect(state).toMatchObject({
      unlearned: [2, 3, 4, 5, 6, 5],
      means: slots({ 4: 1 }),
      visits: slots({ 4: 1 }),
      noise: 1,
    });
  });

  it.each([
    ['Friday', 4, 4],
    ['Saturday', 5, 28],
    ['Sunday', 6, 28],
    ['Monday', 7, 4],
  ])('on a %s is learned for the right place in the week', (_, days, slot) => {
    const hour = H + days * 24;
    const state = known({ firstHour: hour - 20, hour, unlearned: [7, 0, 0, 0, 0, 0] });
    expect(stateAfter(state, session({ at: (hour + 1) * HOUR })).means).toEqual(slots({ [slot]: 7 }));
  });

  /** The new mean of 4 o'clock, given its visits and those of that hour; other values as given. */
  const learned = (
    count: number,
    visits: number,
    facts: Partial<AnomalyState> = {},
    means: Readonly<Record<number, number>> = { 4: 10 },
  ) => {
    const state = stateAfter(
      known({
        firstHour: H - 50,
        unlearned: [count, 0, 0, 0, 0, 0],
        means: slots(means),
        visits: slots({ 4: visits }),
        ...facts,
      }),
      next,
    );
    return { mean: state.means[4], visits: state.visits[4], noise: state.noise };
  };

  it.each([
    ['half for the second', 20, 1, 15, 2],
    ['a third for the third', 20, 2, 13.333, 3],
    ['a fifth at least where it was busier', 20, 19, 12, 20],
    ['a twentieth at least where it was quieter', 0, 30, 9.5, 20],
    ['as its visits say where it was quieter', 0, 9, 9, 10],
    ['as its visits say where it was the same', 10, 9, 10, 10],
  ])('has this weight in the mean: %s', (_, count, before, mean, visits) => {
    expect(learned(count, before)).toMatchObject({ mean, visits });
  });

  it.each([
    ['24', 0, 4.8],
    ['the expectation and seven deviations', 10, 10 + 0.2 * 7 * Math.sqrt(10)],
    ['three times the expectation', 100, 140],
  ])('is learned as %s at most', (_, before, mean) => {
    const old = { firstHour: H - 1_000 };
    expect(learned(100_000, 20, old, { 4: before }).mean).toBeCloseTo(mean, 3);
  });

  it('is capped at 2.5 times the usual limit for a young key, and not capped for a new key', () => {
    expect(learned(100_000, 20, { firstHour: H - 191 }, { 4: 0 }).mean).toBe(12);
    expect(learned(100_000, 20, { firstHour: H - 192 }, { 4: 0 }).mean).toBe(4.8);
    expect(learned(1_000, 20, { firstHour: H - 71 }, { 4: 0 }).mean).toBe(200);
    expect(learned(1_000, 20, { firstHour: H - 72 }, { 4: 0 }).mean).toBe(12);
  });

  it.each([
    ['the hour before', { 3: 1_000, 4: 10 }],
    ['the hour after', { 5: 1_000, 4: 10 }],
  ])('is capped by the mean of %s', (_, means) => {
    const visits = slots({ 3: 20, 4: 20, 5: 20 });
    expect(learned(100_000, 20, { firstHour: H - 1_000, visits }, means).mean).toBe(10 + 0.2 * 2_990);
  });

  it.each([
    ['follows the surprise, by the share of the busiest hour', 20, 4, 4.075],
    ['follows nine times itself at most', 100, 4, 4.4],
    ['never falls below that of chance', 10, 1, 1],
    ['falls where all is as usual', 10, 4, 3.95],
  ])('updates the noise, which %s', (_, count, noise, expected) => {
    expect(learned(count, 5, { noise }, { 4: 10, 9: 20 }).noise).toBe(expected);
  });

  it('does not change the noise before its place was seen twice', () => {
    expect(learned(20, 1, { noise: 4 }).noise).toBe(4);
    expect(learned(20, 2, { noise: 4 }).noise).not.toBe(4);
  });

  it('counts as an hour with one session when it usually has less than one', () => {
    // (2.5 − 0.5)² / 1 = 4, at 0.025 × 0.5.
    expect(learned(2.5, 5, { noise: 2 }, { 4: 0.5 }).noise).toBe(2.025);
  });

  it.each([
    ['moves the usual number of refused origins by a tenth', 20, 10, 11],
    ['counts 30 at most where few are usual', 500, 0, 3],
    ['counts five times the usual at most', 5_000, 10, 14],
  ])('%s', (_, count, refusedMean, expected) => {
    const minutes = [
      [FIRST_MINUTE - 1, 7],
      [FIRST_MINUTE, count / 2],
      [FIRST_MINUTE + 59, count / 2],
    ] as const;
    const state = stateAfter(known({ refused: minutes, refusedMean }), next);
    expect(state.refusedMean).toBe(expected);
    expect(state.refused).toEqual([[FIRST_MINUTE + 59, count / 2]]);
  });

  it('removes the buckets and minutes that no window reaches any more', () => {
    const buckets = [
      [BUCKET - 61, 1],
      [BUCKET - 60, 2],
      [BUCKET - 59, 3],
    ] as const;
    expect(stateAfter(known({ buckets }), outcome({ at: AT + HOUR })).buckets).toEqual([[BUCKET - 59, 3]]);
    const minutes = [
      [FIRST_MINUTE, 1],
      [FIRST_MINUTE + 1, 2],
    ] as const;
    expect(stateAfter(known({ refused: minutes }), next).refused).toEqual([[FIRST_MINUTE + 1, 2]]);
  });

  it('is followed by empty hours when no session came', () => {
    const later = session({ at: AT + 4 * HOUR });
    expect(stateAfter(known({ hourCount: 5 }), later)).toMatchObject({
      hourCount: 1,
      unlearned: [5, 0, 0, 0],
    });
  });

  it('is forgotten, like all history, after four weeks of silence', () => {
    const silent = known({ hourCount: 5, daySessions: 3 });
    const until = (hours: number) => stateAfter(silent, session({ at: AT + hours * HOUR }));
    expect(until(24 * 28).visits.reduce((sum, visits) => sum + visits, 0)).toBe(
      until(24 * 28 + 1).visits.reduce((sum, visits) => sum + visits, 0),
    );
    expect(Math.max(...until(24 * 28).means)).toBeGreaterThan(0);
    expect(Math.max(...until(24 * 28 + 1).means)).toBe(0);
  });
});

describe('the day that has ended', () => {
  const evening = (facts: Partial<AnomalyState> = {}): AnomalyState =>
    known({
      hour: H + 13,
      daySessions: 7,
      addresses: ['a', 'b'],
      newOrigins: ['x', 'y', 'z'],
      knownOrigins: ['w'],
      dayCostSeconds: 900,
      ...facts,
    });
  const morning = session({ at: AT + 14 * HOUR, origin: 'a' });

  it('is stored as four numbers, and its origins become known', () => {
    expect(stateAfter(evening(), morning)).toMatchObject({
      days: [[7, 2, 3, 900]],
      knownOrigins: ['w', 'x', 'y', 'z'],
      addresses: ['01234567'],
      newOrigins: ['e40c292c'],
      daySessions: 1,
      dayCostSeconds: 600,
    });
  });

  it('ends at midnight and not an hour before', () => {
    const state = stateAfter(evening({ hour: H + 12 }), session({ at: AT + 13 * HOUR }));
    expect(state).toMatchObject({ days: [], daySessions: 8 });
  });

  const days = (count: number, cost = 0) => Array.from({ length: count }, () => [1, 1, 1, cost] as const);

  it('is kept for 28 days', () => {
    const state = stateAfter(evening({ days: [[9, 9, 9, 9], ...days(27)] }), morning);
    expect(state.days).toEqual([...days(27), [7, 2, 3, 900]]);
    expect(stateAfter(evening({ days: days(27) }), morning).days).toHaveLength(28);
  });

  it('leaves at most 64 known origins, the latest ones', () => {
    const knownOrigins = Array.from({ length: 64 }, (_, i) => `o${i}`);
    const state = stateAfter(evening({ knownOrigins }), morning);
    expect(state.knownOrigins).toEqual([...knownOrigins.slice(3), 'x', 'y', 'z']);
  });

  it.each([
    ['in full among the first eight days', days(7), 1_000_000],
    ['up to four hours of voice after eight days', days(8), 14_400],
    [
      'as three times the second dearest day at most',
      [...days(7), [1, 1, 1, 9e9], [1, 1, 1, 10_000]],
      30_000,
    ],
  ] as const)('counts its cost %s', (_, before, cost) => {
    const state = stateAfter(evening({ days: before, dayCostSeconds: 1_000_000 }), morning);
    expect(state.days.at(-1)?.[3]).toBe(cost);
  });
});

describe('a burst in one window', () => {
  const full = (count: number, facts: Partial<AnomalyState> = {}): AnomalyState =>
    known({ buckets: [[BUCKET, count - 1]], ...facts });
  const burst = { kind: 'burst', at: AT };

  it.each([
    ['five minutes', [[BUCKET, 11]], { observed: 12, threshold: 12, windowSeconds: 300 }],
    [
      'an hour',
      [
        [BUCKET - 12, 9],
        [BUCKET - 11, 11],
        [BUCKET - 1, 5],
        [BUCKET, 7],
      ],
      { observed: 24, threshold: 24, windowSeconds: 3_600 },
    ],
    [
      'six hours',
      [
        [BUCKET - 71, 11],
        [BUCKET - 47, 11],
        [BUCKET - 35, 11],
        [BUCKET - 23, 11],
        [BUCKET, 3],
      ],
      { observed: 48, threshold: 48, windowSeconds: 21_600 },
    ],
  ] as const)('of %s is detected from its floor', (_, buckets, detection) => {
    expect(detectionsOf(known({ buckets }), session())).toEqual([{ ...burst, expected: 0, ...detection }]);
    const [first, ...others] = buckets.toReversed();
    const less = [...others.toReversed(), [first?.[0] ?? 0, (first?.[1] ?? 0) - 1] as const];
    expect(detectionsOf(known({ buckets: less }), session())).toEqual([]);
  });

  it('does not include sessions of later buckets', () => {
    const buckets = [
      [BUCKET, 3],
      [BUCKET + 1, 100],
    ] as const;
    expect(detectionsOf(known({ buckets }), session())).toEqual([]);
  });

  const usual = (mean: number, slot = 10) => ({
    means: slots({ [slot]: mean }),
    visits: slots({ [slot]: 20 }),
  });

  it.each([
    // 1/12 of the hour's mean.
    ['its factor, within five minutes', { ...usual(720) }, 60, 6 * 60],
    ['seven deviations', { ...usual(24), noise: 4 }, 2, 2 + 7 * Math.sqrt(4 * 2)],
    ['two and a half floors where the key is young', { firstHour: H - 191 }, 0, 30],
    ['its floor where the key is not young any more', { firstHour: H - 192 }, 0, 12],
    ['two and a half floors where its history has just begun', { firstHour: H - 72 }, 0, 30],
  ])('is detected from %s', (_, facts, expected, threshold) => {
    const count = Math.ceil(threshold);
    expect(detectionsOf(full(count, facts), session())).toEqual([
      { ...burst, observed: count, expected, threshold, windowSeconds: 300 },
    ]);
    expect(
      detectionsOf(full(count - 1, facts), session()).filter(({ windowSeconds }) => windowSeconds === 300),
    ).toEqual([]);
  });

  it('is not detected for a new key', () => {
    expect(detectionsOf(full(10_000, { firstHour: H - 71 }), session())).toEqual([]);
  });

  it.each([
    ['the hour before', 9],
    ['the hour itself', 10],
    ['the hour after', 11],
    ['the same hour of a weekend, where no weekday was seen', 34],
  ])('is compared with %s', (_, slot) => {
    const [detection] = detectionsOf(full(10_000, usual(120, slot)), session());
    expect(detection).toMatchObject({ expected: 10, windowSeconds: 300 });
  });

  it('is not compared with other hours, nor with a weekend if a weekday was seen', () => {
    const others = {
      means: slots({ 8: 120, 12: 120, 34: 120 }),
      visits: slots({ 8: 9, 10: 1, 12: 9, 34: 9 }),
    };
    expect(detectionsOf(full(10_000, others), session())).toMatchObject([{ expected: 0 }]);
  });

  it('of six hours is compared with the sum of these hours', () => {
    const means = slots({ 4: 1_000, 5: 1, 6: 2, 7: 3, 8: 4, 9: 5, 10: 6, 11: 1_000 });
    const visits = means.map((mean) => (mean > 0 ? 20 : 0));
    const buckets = [
      [BUCKET - 60, 4_000],
      [BUCKET, 1],
    ] as const;
    expect(detectionsOf(known({ means, visits, buckets }), session())).toMatchObject([
      { expected: 21, observed: 4_002, windowSeconds: 21_600, threshold: 63 },
    ]);
  });
});

describe('the threshold of a day', () => {
  const day = (facts: Partial<Record<'sessions' | 'addresses' | 'origins' | 'cost', number>> = {}) =>
    [facts.sessions ?? 0, facts.addresses ?? 0, facts.origins ?? 0, facts.cost ?? 0] as const;
  const week = (...days: ReturnType<typeof day>[]) => [
    ...days,
    ...Array.from({ length: 8 - days.length }, () => day()),
  ];
  const marks = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`);
  const common = { at: AT, windowSeconds: 86_400 };

  it('applies from eight whole days of history', () => {
    const spread = { newOrigins: marks(50), addresses: marks(50), dayCostSeconds: 90_000 };
    expect(detectionsOf(known({ ...spread, days: week().slice(1) }), session())).toEqual([]);
    expect(detectionsOf(known({ ...spread, days: week() }), session()).map(({ kind }) => kind)).toEqual([
      'origin_spread',
      'address_spread',
      'cost_spike',
    ]);
  });

  it.each([
    ['five', week(), 5, 0],
    ['three times the second highest day', week(day({ origins: 40 }), day({ origins: 3 })), 9, 3],
  ])('is %s for new origins', (_, days, threshold, expected) => {
    const at = (count: number) => detectionsOf(known({ days, newOrigins: marks(count) }), session());
    expect(at(threshold - 1)).toEqual([]);
    expect(at(threshold)).toEqual([
      { ...common, kind: 'origin_spread', observed: threshold, expected, threshold },
    ]);
  });

  it.each([
    ['twenty', week(), 1, 20, 0],
    ['three times the second highest day', week(day({ addresses: 90 }), day({ addresses: 10 })), 1, 30, 10],
    [
      'as many times more as there are more sessions',
      week(day({ addresses: 90, sessions: 90 }), day({ addresses: 10, sessions: 50 })),
      100,
      60,
      20,
    ],
    [
      'no less where there are fewer sessions',
      week(day({ addresses: 90, sessions: 90 }), day({ addresses: 10, sessions: 50 })),
      10,
      30,
      10,
    ],
  ])('is %s for addresses', (_, days, sessions, threshold, expected) => {
    const at = (count: number) =>
      detectionsOf(
        known({ days, addresses: marks(count), daySessions: sessions - 1 }),
        session({ ipHash: 'm0' }),
      );
    expect(at(threshold - 1)).toEqual([]);
    expect(at(threshold)).toEqual([
      { ...common, kind: 'address_spread', observed: threshold, expected, threshold },
    ]);
  });

  it.each([
    ['four hours of voice', week(), 14_400, 0],
    ['three times the second dearest day', week(day({ cost: 9_000 }), day({ cost: 8_000 })), 24_000, 8_000],
  ])('is %s for cost', (_, days, threshold, expected) => {
    const at = (cost: number) => detectionsOf(known({ days, dayCostSeconds: cost - 600 }), session());
    expect(at(threshold - 1)).toEqual([]);
    expect(at(threshold)).toEqual([
      { ...common, kind: 'cost_spike', observed: threshold, expected, threshold },
    ]);
  });

  it('does not apply to a session of the day before', () => {
    const state = known({ hour: H - 10, days: week(), dayCostSeconds: 90_000, newOrigins: marks(50) });
    expect(detectionsOf(state, session({ at: AT - 10 * HOUR - 1 }))).toEqual([]);
  });
});

describe('an observation of a site', () => {
  it.each([session(), outcome(), usage()])('gets the maximum session length of the site', (observation) => {
    expect(limitedBy(observation, 90)).toEqual({ ...observation, maxSeconds: 90 });
  });

  it('gets no maximum session length if it is not about a session', () => {
    expect(limitedBy(refused(3), 90)).toEqual(refused(3));
  });
});

describe('a detected kind of anomaly', () => {
  const tipping = (facts: Partial<AnomalyState> = {}) => known({ buckets: [[BUCKET, 11]], ...facts });

  it.each([
    ['burst', 12, tipping(), session()],
    ['auth_failures', 6, known({ authRun: 2 }), outcome({ openAiFailure: 'key_invalid' })],
    ['refused_origins', 24, known(), refused(30)],
  ] as const)(
    '%s is silent for %i hours, and other kinds are unchanged',
    (kind, hours, state, observation) => {
      const before = { ...state, silentUntil: { cost_spike: 5 } };
      expect(stateAfter(before, observation).silentUntil).toEqual({
        cost_spike: 5,
        [kind]: AT + hours * HOUR,
      });
    },
  );

  it('is reported again when its silence ends', () => {
    expect(detectionsOf(tipping({ silentUntil: { burst: AT + 1 } }), session())).toEqual([]);
    expect(detectionsOf(tipping({ silentUntil: { burst: AT } }), session())).toHaveLength(1);
  });

  it.each([
    ['origin_spread', { newOrigins: Array.from({ length: 5 }, (_, i) => `${i}`) }],
    ['address_spread', { addresses: Array.from({ length: 20 }, (_, i) => `${i}`) }],
    ['cost_spike', { dayCostSeconds: 13_800 }],
  ] as const)('%s is silent for a day', (kind, facts) => {
    const days = Array.from({ length: 8 }, () => [0, 0, 0, 0] as const);
    const { silentUntil } = stateAfter(known({ days, ...facts }), session());
    expect(silentUntil).toEqual({ [kind]: AT + 24 * HOUR });
  });
});

describe('a false claim', () => {
  const claim = (sessionId: string): Observation => ({
    type: 'false_claim',
    sessionId,
    at: AT,
    maxSeconds: 600,
  });

  it('is detected at once, and then not again for a day', () => {
    const first = observe(known({}), claim('session-00000001'));
    expect(first.detections).toMatchObject([{ kind: 'false_claims', observed: 1, threshold: 1 }]);
    expect(observe(first.state, claim('session-00000002')).detections).toEqual([]);
    const later = { ...claim('session-00000003'), at: AT + 24 * 3_600_000 };
    expect(observe(first.state, later).detections).toHaveLength(1);
  });
});
