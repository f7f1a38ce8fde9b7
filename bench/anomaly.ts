import { observe } from '../lambdas/domain/anomalies/anomaly.ts';
import { ANOMALY_PARAMETERS } from '../lambdas/domain/anomalies/anomaly-parameters.ts';
import {
  type Detection,
  initialAnomalyState,
  type Observation,
} from '../lambdas/domain/anomalies/anomaly-state.ts';
import type { AnomalyKind } from '../lambdas/domain/anomalies/incident.ts';
import {
  ATTACKS,
  type AttackProfile,
  attackedUse,
  BENIGN,
  type BenignProfile,
  OUTAGES,
  ordinaryUse,
} from './anomaly-traffic.ts';

/**
 * Replays synthetic months through the detector itself, and through a detector with fixed thresholds on the same data:
 * the time until an attack is detected, and the rate of false alarms. `npm run bench:anomaly [seeds]`.
 */

const SEEDS = Number(process.argv[2] ?? 10);
const DAYS = 42;
const ATTACK_HOURS = 72;
const HOUR_MS = 3_600_000;
const MONTH_DAYS = 30;

type Detector = (observations: readonly Observation[]) => readonly Detection[];

const ours: Detector = (observations) => {
  let state = initialAnomalyState;
  const found: Detection[] = [];
  for (const observation of observations) {
    const { state: next, detections } = observe(state, observation, ANOMALY_PARAMETERS);
    state = next;
    found.push(...detections);
  }
  return found;
};

interface Limits {
  readonly sessionsPer5Minutes: number;
  readonly sessionsPerHour: number;
  readonly addressesPerDay: number;
  readonly originsPerDay: number;
  readonly authFailuresPerHour: number;
  readonly refusedOriginsPerHour: number;
  readonly secondsPerDay: number;
}

/**
 * A simple detector with fixed thresholds: the same limits for every key, low enough to see an attack on a small site.
 */
const LOW: Limits = {
  sessionsPer5Minutes: 20,
  sessionsPerHour: 60,
  addressesPerDay: 100,
  originsPerDay: 5,
  authFailuresPerHour: 5,
  refusedOriginsPerHour: 30,
  secondsPerDay: 50_000,
};

/** The same with limits so high that the busiest site has no false alarms. */
const HIGH: Limits = {
  ...LOW,
  sessionsPer5Minutes: 110,
  sessionsPerHour: 900,
  addressesPerDay: 6_000,
  secondsPerDay: 5_000_000,
};

/** The same interval as the detector's, so that both repeat an alarm equally often. */
const COOL_DOWN_HOURS: Readonly<Partial<Record<AnomalyKind, number>>> = {
  burst: ANOMALY_PARAMETERS.burst.coolDownHours,
  auth_failures: ANOMALY_PARAMETERS.authFailures.coolDownHours,
};

const fixed =
  (limits: Limits): Detector =>
  (observations) => {
    const counts = new Map<string, number>();
    const sets = new Map<string, Set<string>>();
    const silentUntil = new Map<AnomalyKind, number>();
    const found: Detection[] = [];
    const raise = (key: string, by: number): number => {
      const count = (counts.get(key) ?? 0) + by;
      counts.set(key, count);
      return count;
    };
    const distinct = (key: string, value: string): number => {
      const set = sets.get(key) ?? new Set();
      sets.set(key, set.add(value));
      return set.size;
    };
    const judge = (kind: AnomalyKind, at: number, observed: number, threshold: number): void => {
      if (observed < threshold || at < (silentUntil.get(kind) ?? 0)) return;
      silentUntil.set(kind, at + (COOL_DOWN_HOURS[kind] ?? 24) * HOUR_MS);
      found.push({ kind, at, observed, expected: 0, threshold, windowSeconds: 0 });
    };
    for (const observation of observations) {
      const { at } = observation;
      const [bucket, hour, day] = [300_000, HOUR_MS, 24 * HOUR_MS].map((size) => Math.floor(at / size));
      if (observation.type === 'session') {
        judge('burst', at, raise(`5m ${bucket}`, 1), limits.sessionsPer5Minutes);
        judge('burst', at, raise(`1h ${hour}`, 1), limits.sessionsPerHour);
        judge('address_spread', at, distinct(`ip ${day}`, observation.ipHash), limits.addressesPerDay);
        judge('origin_spread', at, distinct(`origin ${day}`, observation.origin ?? ''), limits.originsPerDay);
        judge('cost_spike', at, raise(`cost ${day}`, observation.maxSeconds), limits.secondsPerDay);
      }
      if (observation.type === 'outcome' && observation.openAiFailure === 'key_invalid')
        judge('auth_failures', at, raise(`auth ${hour}`, 1), limits.authFailuresPerHour);
      if (observation.type === 'refused_origins')
        judge(
          'refused_origins',
          at,
          raise(`refused ${hour}`, observation.count),
          limits.refusedOriginsPerHour,
        );
    }
    return found;
  };

const DETECTORS: readonly Detector[] = [ours, fixed(LOW), fixed(HIGH)];
const HEADINGS = ['detector', 'fixed, low', 'fixed, high', 'kinds (detector)'];

const seeds = Array.from({ length: SEEDS }, (_, seed) => seed);

type Alarms = ReadonlyMap<AnomalyKind, number>;

/** Alarms of each kind per site and 30 days of ordinary use, the cold start included; for each detector. */
const falseAlarms = (profile: BenignProfile): readonly Alarms[] => {
  const counts = DETECTORS.map(() => new Map<AnomalyKind, number>());
  const months = (SEEDS * DAYS) / MONTH_DAYS;
  for (const seed of seeds) {
    const { observations } = ordinaryUse(profile, DAYS, seed);
    for (const [index, detector] of DETECTORS.entries())
      for (const { kind } of detector(observations))
        counts[index]?.set(kind, (counts[index]?.get(kind) ?? 0) + 1 / months);
  }
  return counts;
};

interface First {
  readonly kind: AnomalyKind;
  readonly minutes: number;
}

/**
 * The first alarm during each attack, of any kind; for each detector. Alarms that would have come without the attack
 * count too.
 */
const firstAlarms = (attack: AttackProfile): readonly (readonly First[])[] => {
  const firsts = DETECTORS.map((): First[] => []);
  for (const seed of seeds) {
    const { observations, attackSpan } = attackedUse(attack, DAYS, ATTACK_HOURS, seed);
    const untilEnd = observations.filter(({ at }) => at < attackSpan.to);
    for (const [index, detector] of DETECTORS.entries()) {
      const first = detector(untilEnd).find(({ at }) => at >= attackSpan.from);
      if (first !== undefined)
        firsts[index]?.push({ kind: first.kind, minutes: (first.at - attackSpan.from) / 60_000 });
    }
  }
  return firsts;
};

const write = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const table = (first: string, rows: Iterable<readonly string[]>): void => {
  write(`| ${[first, ...HEADINGS].join(' | ')} |`);
  write('|---|---:|---:|---:|---|');
  for (const row of rows) write(`| ${row.join(' | ')} |`);
  write('');
};

const delayText = (firsts: readonly First[]): string => {
  if (firsts.length === 0) return 'never';
  const minutes = firsts.map((first) => first.minutes).sort((a, b) => a - b);
  const median = minutes[Math.floor(minutes.length / 2)] ?? Number.NaN;
  const worst = minutes.at(-1) ?? Number.NaN;
  const missed = SEEDS - firsts.length;
  return `${median.toFixed(0)} (${worst.toFixed(0)})${missed > 0 ? `, ${missed} of ${SEEDS} missed` : ''}`;
};

const sumText = (alarms: Alarms): string => [...alarms.values()].reduce((a, b) => a + b, 0).toFixed(2);

const kindsText = (alarms: Alarms | undefined): string =>
  [...(alarms ?? [])].map(([kind, perMonth]) => `${kind} ${perMonth.toFixed(2)}`).join(', ');

const started = performance.now();
write(
  `${SEEDS} seeds, ${DAYS} days each; attacks of ${ATTACK_HOURS} h from a random moment of the fourth week on.\n`,
);
table(
  'Ordinary use: alarms per site and month',
  BENIGN.map((profile) => {
    const alarms = falseAlarms(profile);
    return [profile.name, ...alarms.map(sumText), kindsText(alarms[0])];
  }),
);
table(
  'Attack: minutes to the first alarm, median (worst)',
  ATTACKS.map((attack) => {
    const firsts = firstAlarms(attack);
    const kinds = new Set(firsts[0]?.map(({ kind }) => kind));
    return [attack.name, ...firsts.map(delayText), [...kinds].join(', ')];
  }),
);
/** Number of seeds in which the key would be suspended during an outage, if the workspace has chosen `suspend`. */
const suspensions = (outage: AttackProfile): readonly number[] => {
  const counts = DETECTORS.map(() => 0);
  for (const seed of seeds) {
    const { observations, attackSpan } = attackedUse(outage, DAYS, ATTACK_HOURS, seed);
    const untilEnd = observations.filter(({ at }) => at < attackSpan.to);
    for (const [index, detector] of DETECTORS.entries()) {
      const blamed = detector(untilEnd).some(
        ({ kind, at }) => kind === 'auth_failures' && at >= attackSpan.from,
      );
      if (blamed) counts[index] = (counts[index] ?? 0) + 1;
    }
  }
  return counts;
};

table(
  `Outage: keys suspended, of ${SEEDS}`,
  OUTAGES.map((outage) => [outage.name, ...suspensions(outage).map(String), '']),
);
write(`Took ${((performance.now() - started) / 1_000).toFixed(0)} s.`);
