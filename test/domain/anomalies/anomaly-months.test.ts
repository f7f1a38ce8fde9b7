import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { observe } from '../../../lambdas/domain/anomalies/anomaly.ts';
import { ANOMALY_BOUNDS, ANOMALY_PARAMETERS } from '../../../lambdas/domain/anomalies/anomaly-parameters.ts';
import {
  type AnomalyState,
  type Detection,
  initialAnomalyState,
  type Observation,
} from '../../../lambdas/domain/anomalies/anomaly-state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const START = Date.UTC(2026, 10, 2);
const P = ANOMALY_PARAMETERS;

let sessions = 0;
const newId = (): string => `ses_${String(++sessions).padStart(26, '0')}`;

const session = (
  at: number,
  facts: { readonly ipHash?: string; readonly origin?: string } = {},
): Observation => {
  const sessionId = newId();
  const ipHash = facts.ipHash ?? sessionId.slice(-8);
  return {
    type: 'session',
    sessionId,
    at,
    ipHash,
    origin: facts.origin ?? 'https://shop.example',
    maxSeconds: 600,
  };
};

const outcome = (at: number, openAiFailure?: string, sessionId = newId()): Observation => ({
  type: 'outcome',
  sessionId,
  at,
  issued: openAiFailure === undefined,
  openAiFailure,
  maxSeconds: 600,
});

const refused = (at: number, count: number): Observation => ({ type: 'refused_origins', at, count });

const feed = (
  observations: Iterable<Observation>,
  from: AnomalyState = initialAnomalyState,
): { readonly state: AnomalyState; readonly detections: readonly Detection[] } => {
  let state = from;
  const detections: Detection[] = [];
  for (const observation of observations) {
    const observed = observe(state, observation);
    state = observed.state;
    detections.push(...observed.detections);
  }
  return { state, detections };
};

/** One session every `interval`, for `days`. */
const steady = (interval: number, days: number, from = START): Observation[] =>
  Array.from({ length: Math.floor((days * DAY) / interval) }, (_, i) => session(from + i * interval));

/** `count` sessions within `span`, evenly. */
const burst = (count: number, at: number, span = 4 * MINUTE): Observation[] =>
  Array.from({ length: count }, (_, i) => session(at + (i * span) / Math.max(1, count)));

const kindsOf = (detections: readonly Detection[]): string[] => detections.map(({ kind }) => kind);

const AFTER_A_MONTH = START + 28 * DAY;
/** Created for each test, so that a fault in what is learned shows where it is used. */
const usual = (): AnomalyState => feed(steady(10 * MINUTE, 28)).state;

describe('the cool-down', () => {
  it('silences each kind of anomaly after a detection, however long the incident lasts', () => {
    const coolDown: Readonly<Record<string, number>> = {
      burst: P.burst.coolDownHours,
      origin_spread: P.originSpread.coolDownHours,
      address_spread: P.addressSpread.coolDownHours,
      auth_failures: P.authFailures.coolDownHours,
      refused_origins: P.refusedOrigins.coolDownHours,
      cost_spike: P.costSpike.coolDownHours,
    };
    const attack = burst(2_000, AFTER_A_MONTH, 3 * DAY).flatMap((each, i) => [
      { ...each, origin: `https://s${i}.example` },
      outcome(each.at + 1, 'key_invalid'),
      refused(each.at + 2, 50),
    ]);
    const { detections } = feed(attack, usual());
    expect(new Set(kindsOf(detections)).size).toBeGreaterThanOrEqual(4);
    for (const [kind, hours] of Object.entries(coolDown)) {
      const times = detections.filter((each) => each.kind === kind).map(({ at }) => at);
      const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
      expect(gaps.filter((gap) => gap < hours * HOUR)).toEqual([]);
    }
  });

  it('has passed when the next incident begins', () => {
    const at = AFTER_A_MONTH + 10 * HOUR;
    const twice = [...burst(100, at), ...burst(100, at + (P.burst.coolDownHours + 1) * HOUR)];
    expect(kindsOf(feed(twice, usual()).detections).filter((kind) => kind === 'burst')).toHaveLength(2);
  });
});

describe('spread', () => {
  it('more addresses than usual are an anomaly although the number of sessions is unchanged', () => {
    const office = (from: number, days: number, of: (i: number) => string) =>
      Array.from({ length: days * 60 }, (_, i) => session(from + (i * DAY) / 60, { ipHash: of(i) }));
    const { state } = feed(office(START, 28, (i) => `office-${i % 3}`));
    expect(
      kindsOf(
        feed(
          office(AFTER_A_MONTH, 1, (i) => `any-${i}`),
          state,
        ).detections,
      ),
    ).toEqual(['address_spread']);
    expect(
      feed(
        office(AFTER_A_MONTH, 1, (i) => `office-${i % 3}`),
        state,
      ).detections,
    ).toEqual([]);
  });

  it('more addresses are not an anomaly when the number of sessions grew as much', () => {
    const more = burst(400, AFTER_A_MONTH, DAY);
    expect(kindsOf(feed(more, usual()).detections)).not.toContain('address_spread');
  });

  it('new origins are an anomaly from the floor of the policy', () => {
    const from = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        session(AFTER_A_MONTH + i * HOUR, { origin: `https://new${i}.shop.example` }),
      );
    expect(feed(from(P.originSpread.floor - 1), usual()).detections).toEqual([]);
    expect(kindsOf(feed(from(P.originSpread.floor), usual()).detections)).toEqual(['origin_spread']);
  });

  it('many known origins are not an anomaly', () => {
    const origins = Array.from({ length: 9 }, (_, i) => `https://s${i}.shop.example`);
    const days = (from: number, count: number) =>
      Array.from({ length: count * 30 }, (_, i) =>
        session(from + (i * DAY) / 30, { origin: origins[i % 9] ?? '' }),
      );
    const { state } = feed(days(START, 28));
    expect(feed(days(AFTER_A_MONTH, 2), state).detections).toEqual([]);
  });
});

describe('a run of authentication failures', () => {
  const failing = (count: number, name = 'key_invalid') =>
    Array.from({ length: count }, (_, i) => outcome(START + i * HOUR, name));

  it('is an anomaly without any history', () => {
    expect(feed(failing(P.authFailures.run - 1)).detections).toEqual([]);
    expect(kindsOf(feed(failing(P.authFailures.run)).detections)).toEqual(['auth_failures']);
  });

  it.each(['key_expired', 'missing_permission', 'not_a_member', 'ip_not_authorized'])(
    'includes %s',
    (name) => {
      expect(kindsOf(feed(failing(P.authFailures.run, name)).detections)).toEqual(['auth_failures']);
    },
  );

  it.each(['upstream_error', 'timeout', 'rate_limited', 'quota_exhausted', 'model_unavailable'])(
    'neither includes nor ends at %s',
    (name) => {
      expect(feed(failing(20, name)).detections).toEqual([]);
      const run = failing(P.authFailures.run);
      const [first, ...rest] = run;
      const between = outcome(START + 1, name);
      expect(kindsOf(feed([...(first ? [first] : []), between, ...rest]).detections)).toEqual([
        'auth_failures',
      ]);
    },
  );

  it('ends with a success, unless the success is older than the last failure', () => {
    const run = failing(P.authFailures.run);
    const last = run.at(-1);
    const before = run.slice(0, -1);
    const end = (before.at(-1)?.at ?? 0) + 1;
    const tail = last ? [last] : [];
    expect(feed([...before, outcome(end), ...tail]).detections).toEqual([]);
    expect(kindsOf(feed([...before, outcome(START - HOUR), ...tail]).detections)).toEqual(['auth_failures']);
  });
});

describe('refused origins', () => {
  it('are an anomaly when an hour reaches the floor', () => {
    const { floorPerHour } = P.refusedOrigins;
    const minutes = (count: number) =>
      Array.from({ length: count }, (_, i) => refused(START + i * MINUTE, 1));
    expect(feed(minutes(floorPerHour - 1)).detections).toEqual([]);
    expect(kindsOf(feed(minutes(floorPerHour)).detections)).toEqual(['refused_origins']);
  });

  it('count each row once, however often and in whatever order its images arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: P.refusedOrigins.floorPerHour - 1 }), { minLength: 1 }),
        (counts) => {
          const { state, detections } = feed(counts.map((count) => refused(START, count)));
          return (
            detections.length === 0 &&
            state.refused.reduce((sum, [, n]) => sum + n, 0) === Math.max(...counts)
          );
        },
      ),
    );
  });
});

describe('a cost spike', () => {
  const many = burst(1_200, AFTER_A_MONTH, DAY - HOUR);

  it('is detected when a day can cost a multiple of the most expensive usual day', () => {
    expect(kindsOf(feed(many, usual()).detections)).toContain('cost_spike');
  });

  it('does not include refused sessions', () => {
    const free = many.flatMap((each) =>
      each.type === 'session' ? [each, outcome(each.at + 1, 'upstream_error', each.sessionId)] : [],
    );
    expect(kindsOf(feed(free, usual()).detections)).not.toContain('cost_spike');
  });

  it('is computed from the real length of a session once it is known', () => {
    const short = many.flatMap((each): Observation[] =>
      each.type === 'session'
        ? [each, { type: 'usage', sessionId: each.sessionId, at: each.at, usedSeconds: 20, maxSeconds: 600 }]
        : [],
    );
    expect(kindsOf(feed(short, usual()).detections)).not.toContain('cost_spike');
  });
});

describe('a burst', () => {
  it('is not detected before the minimum history', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 0, max: P.burst.minHistoryHours * HOUR - HOUR }),
        (count, after) => feed([session(START), ...burst(count, START + after)]).detections.length === 0,
      ),
      { numRuns: 50 },
    );
  });

  it('is detected as soon as there is enough history', () => {
    const { state } = feed(steady(HOUR, 4));
    expect(kindsOf(feed(burst(60, START + 4 * DAY), state).detections)).toEqual(['burst']);
  });

  it('is detected at any larger size too, and no later', () => {
    const at = AFTER_A_MONTH + 10 * HOUR;
    const before = usual();
    const tippedBy = (count: number): number | undefined =>
      feed(burst(count, at), before).detections.find(({ kind }) => kind === 'burst')?.at;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 }), (count, more) => {
        const smaller = tippedBy(count);
        const larger = tippedBy(count + more);
        return smaller === undefined || (larger !== undefined && larger <= smaller);
      }),
      { numRuns: 60 },
    );
  });

  it('is reported with the observed count, the expected count and the threshold', () => {
    const [detection] = feed(burst(100, AFTER_A_MONTH + 10 * HOUR), usual()).detections;
    expect(detection).toMatchObject({ kind: 'burst', windowSeconds: 300 });
    expect(detection?.expected).toBeCloseTo(0.5, 1);
    expect(detection?.observed).toBeGreaterThanOrEqual(detection?.threshold ?? Number.POSITIVE_INFINITY);
  });

  it('is detected within hours when it is a trickle that no five minutes and no hour show', () => {
    const trickle = burst(21 * 8, AFTER_A_MONTH, 8 * HOUR);
    const [first] = feed(trickle, usual()).detections;
    expect(first?.kind).toBe('burst');
    expect((first?.at ?? 0) - AFTER_A_MONTH).toBeLessThan(6 * HOUR);
  });

  it('does not become usual when it is repeated every day of a week', () => {
    const week = Array.from({ length: 7 }, (_, day) =>
      burst(150, AFTER_A_MONTH + day * DAY + 2 * HOUR),
    ).flat();
    const days = feed(week, usual())
      .detections.filter(({ kind }) => kind === 'burst')
      .map(({ at }) => Math.floor(at / DAY));
    expect(new Set(days).size).toBe(7);
  });
});

describe('ordinary use', () => {
  it('a few sessions at night are not a burst, even if the site never had visitors at night', () => {
    const daytime = Array.from({ length: 28 }, (_, day) =>
      burst(60, START + day * DAY + 9 * HOUR, 8 * HOUR),
    ).flat();
    const { state } = feed(daytime);
    const night = AFTER_A_MONTH + 3 * HOUR;
    const [smallest] = P.burst.windows;
    expect(feed(burst((smallest?.floor ?? 0) - 1, night), state).detections).toEqual([]);
  });

  it('usual traffic after two weeks of silence is not an anomaly', () => {
    const rhythm = (from: number, days: number) =>
      Array.from({ length: days }, (_, day) => burst(80, from + day * DAY + 9 * HOUR, 8 * HOUR)).flat();
    const { state } = feed(rhythm(START, 28));
    expect(feed(rhythm(AFTER_A_MONTH + 14 * DAY, 5), state).detections).toEqual([]);
  });

  it('traffic at a constant rate is never an anomaly, whatever the rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5 * MINUTE, max: 40 * HOUR }),
        fc.integer({ min: 0, max: 7 * DAY }),
        (interval, offset) => feed(steady(interval, 24, START + offset)).detections.length === 0,
      ),
      { numRuns: 20 },
    );
  });
});

const arbitraryObservation: fc.Arbitrary<Observation> = fc
  .record({
    at: fc.integer({ min: START, max: START + 40 * DAY }),
    which: fc.nat(9),
    count: fc.integer({ min: 1, max: 1_000 }),
    ipHash: fc.nat().map((n) => n.toString(16).padStart(16, '0')),
    origin: fc.webUrl(),
    failure: fc.constantFrom(undefined, 'key_invalid', 'timeout'),
  })
  .map(({ at, which, count, ipHash, origin, failure }) => {
    if (which < 6) return session(at, { ipHash, origin });
    return which < 8 ? outcome(at, failure) : refused(at, count);
  });

describe('the anomaly state', () => {
  it('stays small for any observations in any order', () => {
    fc.assert(
      fc.property(fc.array(arbitraryObservation, { minLength: 300, maxLength: 600 }), (observations) => {
        const { state } = feed(observations);
        expect(state.seen.length).toBeLessThanOrEqual(ANOMALY_BOUNDS.seen);
        expect(state.addresses.length).toBeLessThanOrEqual(ANOMALY_BOUNDS.addressesPerDay);
        expect(state.newOrigins.length).toBeLessThanOrEqual(ANOMALY_BOUNDS.knownOrigins);
        expect(state.knownOrigins.length).toBeLessThanOrEqual(ANOMALY_BOUNDS.knownOrigins);
        expect(state.days.length).toBeLessThanOrEqual(P.days.remembered);
        expect(JSON.stringify(state).length).toBeLessThan(12_000);
      }),
      { numRuns: 20 },
    );
  });

  it('stays small during a flood of sessions', () => {
    const { state } = feed(burst(20_000, AFTER_A_MONTH, DAY), usual());
    expect(JSON.stringify(state).length).toBeLessThan(12_000);
  });

  it('does not change when a batch is delivered again, and no anomaly is detected twice', () => {
    const before = usual();
    const observations = fc.array(arbitraryObservation, { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(observations, fc.nat(), (batch, from) => {
        const inOrder = [...batch].sort((a, b) => a.at - b.at);
        const once = feed(inOrder, before);
        const again = feed(inOrder.slice(from % inOrder.length), once.state);
        expect(again.state).toEqual(once.state);
        expect(again.detections).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('is unchanged after serialisation', () => {
    const state = usual();
    const written: AnomalyState = JSON.parse(JSON.stringify(state));
    const attack = burst(100, AFTER_A_MONTH);
    expect(feed(attack, written)).toEqual(feed(attack, state));
  });
});
