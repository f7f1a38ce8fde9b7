import type { Observation } from '../lambdas/domain/anomalies/anomaly-state.ts';
import { classifyErrorAnswer } from '../lambdas/domain/keys/classify-openai-error.ts';
import { readOpenAiError } from '../lambdas/domain/keys/openai-error-body.ts';
import { gaussian, poisson, type Random, seeded } from './random.ts';

/**
 * Synthetic months of one key's use. Not real traffic, but with what makes real traffic hard to judge: daily and weekly
 * rhythm, days with more traffic, visitors who press the button again, nights without traffic, and bots at foreign
 * origins. It is one file, because every attack is an edit of the ordinary month that is generated here.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** A Thursday, 00:00 UTC; each seed starts on another weekday. */
const EPOCH = Date.UTC(2026, 0, 1);
const MAX_SECONDS = 600;

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Sessions per hour, as a function of time and of the days since the start. */
type Rate = (context: { readonly weekday: number; readonly hour: number; readonly day: number }) => number;

export interface BenignProfile {
  readonly name: string;
  readonly rate: Rate;
  /** Variation between days: sigma of a log-normal factor. */
  readonly daySpread: number;
  /** Number of visitors' addresses. @default one address for each visitor */
  readonly addresses?: number;
}

const weekday = (day: number): boolean => day !== 0 && day !== 6;

/** Office hours of one time zone, with a lunch dip and a little at night. */
const officeHours =
  (peak: number): Rate =>
  (time) => {
    const shape =
      time.hour >= 8 && time.hour < 18
        ? time.hour === 12
          ? 0.7
          : 1
        : time.hour >= 6 && time.hour < 22
          ? 0.35
          : 0.04;
    return peak * shape * (weekday(time.weekday) ? 1 : 0.25);
  };

export const OFFICE = officeHours(20);

export const BENIGN: readonly BenignProfile[] = [
  { name: 'steady, 30 an hour', rate: () => 30, daySpread: 0.1 },
  { name: 'weekly rhythm, 20 an hour at its peak', rate: OFFICE, daySpread: 0.25 },
  { name: 'weekly rhythm, 300 an hour at its peak', rate: officeHours(300), daySpread: 0.2 },
  { name: 'growing 15 % a week', rate: (time) => OFFICE(time) * 1.15 ** (time.day / 7), daySpread: 0.25 },
  {
    name: 'quiet small site, 4 a day',
    rate: (time) => (time.hour >= 7 && time.hour < 23 ? 0.25 : 0.01),
    daySpread: 0.5,
  },
  { name: 'intranet, three addresses', rate: officeHours(8), daySpread: 0.2, addresses: 3 },
  {
    name: 'two weeks of holiday, then back',
    rate: (time) => (time.day >= 18 && time.day < 32 ? OFFICE(time) * 0.01 : OFFICE(time)),
    daySpread: 0.25,
  },
  {
    name: 'campaign day, 4 times as much',
    rate: (time) => OFFICE(time) * (time.day === 25 ? 4 : time.day === 26 ? 1.7 : 1),
    daySpread: 0.2,
  },
];

export interface Month {
  /** In order of time. */
  readonly observations: readonly Observation[];
  readonly span: Span;
}

const hex = (random: Random): string =>
  Array.from({ length: 16 }, () => Math.floor(random() * 16).toString(16)).join('');

const sessionId = (random: Random): string => `ses_0000000000${hex(random)}`;

const sessionAt = (
  at: number,
  random: Random,
  {
    address,
    origin = 'https://shop.example',
    failure,
  }: Partial<{ address: string; origin: string; failure: string }>,
): Observation[] => {
  const id = sessionId(random);
  return [
    { type: 'session', sessionId: id, at, ipHash: address ?? hex(random), origin, maxSeconds: MAX_SECONDS },
    {
      type: 'outcome',
      sessionId: id,
      at: at + 800,
      issued: failure === undefined,
      openAiFailure: failure,
      maxSeconds: MAX_SECONDS,
    },
  ];
};

/**
 * One key's `days` of ordinary use, starting with its first session. Now and then OpenAI has an error that is not an
 * attack.
 */
export const ordinaryUse = (profile: BenignProfile, days: number, seed: number): Month => {
  const random = seeded(seed * 7_919 + 1);
  const start = EPOCH + (seed % 7) * DAY_MS + Math.floor(random() * 24) * HOUR_MS;
  const observations: Observation[] = [];
  let dayFactor = 1;
  for (let h = 0; h < days * 24; h++) {
    const at = start + h * HOUR_MS;
    const date = new Date(at);
    if (h === 0 || date.getUTCHours() === 0) dayFactor = Math.exp(profile.daySpread * gaussian(random));
    const rate = profile.rate({
      weekday: date.getUTCDay(),
      hour: date.getUTCHours(),
      day: Math.floor(h / 24),
    });
    // Visitors come at random; every third presses the button again within minutes, some more than once.
    const visitors = poisson((rate * dayFactor) / 1.5, random);
    for (let v = 0; v < visitors; v++) {
      const address =
        profile.addresses === undefined ? hex(random) : `office${Math.floor(random() * profile.addresses)}`;
      let when = at + random() * HOUR_MS;
      do {
        const failure = random() < 0.005 ? { failure: 'upstream_error' } : {};
        observations.push(...sessionAt(when, random, { address, ...failure }));
        when += random() * 4 * MINUTE_MS;
      } while (random() < 1 / 3);
    }
    const knocks = poisson(0.5, random);
    if (knocks > 0)
      observations.push({ type: 'refused_origins', at: at + random() * HOUR_MS, count: knocks });
  }
  return { observations: inOrder(observations), span: { from: start, to: start + days * DAY_MS } };
};

const inOrder = (observations: readonly Observation[]): Observation[] =>
  [...observations].sort((a, b) => a.at - b.at);

export interface AttackProfile {
  readonly name: string;
  readonly base: string;
  /** The attacker's observations within `span`, added to the ordinary ones or replacing them. */
  readonly attack: (ordinary: readonly Observation[], span: Span, random: Random) => readonly Observation[];
}

const every = (
  span: Span,
  meanMs: number,
  random: Random,
  make: (at: number, index: number) => readonly Observation[],
): Observation[] => {
  const made: Observation[] = [];
  let index = 0;
  for (let at = span.from; at < span.to; at += -Math.log(1 - random()) * meanMs)
    made.push(...make(at, index++));
  return made;
};

const within = ({ at }: Observation, span: Span): boolean => at >= span.from && at < span.to;

const fromOneAddress =
  (perHour: number): AttackProfile['attack'] =>
  (ordinary, span, random) => [
    ...ordinary,
    ...every(span, HOUR_MS / perHour, random, (at) => sessionAt(at, random, { address: 'attacker' })),
  ];

const fromManyAddresses =
  (perHour: number): AttackProfile['attack'] =>
  (ordinary, span, random) => [
    ...ordinary,
    ...every(span, HOUR_MS / perHour, random, (at) => sessionAt(at, random, {})),
  ];

const keyRevoked: AttackProfile['attack'] = (ordinary, span) =>
  ordinary.map((observation) =>
    observation.type === 'outcome' && within(observation, span)
      ? { ...observation, issued: false, openAiFailure: 'key_invalid' }
      : observation,
  );

/** The product's reading of a page of OpenAI's edge, which blocks our address. */
const BLOCKED = classifyErrorAnswer({
  status: 403,
  error: readOpenAiError(undefined),
  requestId: undefined,
  retryAfterSeconds: undefined,
}).reason;

/** Every mint of the span fails. A random share `revoked` of them fails because OpenAI refuses the key itself. */
const edgeBlocks =
  (revoked: number): AttackProfile['attack'] =>
  (ordinary, span, random) =>
    ordinary.map((observation) =>
      observation.type === 'outcome' && within(observation, span)
        ? { ...observation, issued: false, openAiFailure: random() < revoked ? 'key_invalid' : BLOCKED }
        : observation,
    );

/** Spans in which OpenAI cannot be reached: no alarm may blame the key, but a revoked key must still be found. */
export const OUTAGES: readonly AttackProfile[] = [
  {
    name: "OpenAI's edge blocks our address",
    base: 'weekly rhythm, 20 an hour at its peak',
    attack: edgeBlocks(0),
  },
  {
    name: "OpenAI's edge blocks the address of a busy site",
    base: 'weekly rhythm, 300 an hour at its peak',
    attack: edgeBlocks(0),
  },
  {
    name: 'key revoked, and the edge blocks every second call',
    base: 'weekly rhythm, 20 an hour at its peak',
    attack: edgeBlocks(0.5),
  },
];

export const ATTACKS: readonly AttackProfile[] = [
  {
    name: 'leaked site id, 1 a minute, one address',
    base: 'weekly rhythm, 20 an hour at its peak',
    attack: fromOneAddress(60),
  },
  {
    name: 'leaked site id, 5 a minute, many addresses',
    base: 'weekly rhythm, 20 an hour at its peak',
    attack: fromManyAddresses(300),
  },
  {
    name: 'leaked site id of a quiet site, 20 an hour',
    base: 'quiet small site, 4 a day',
    attack: fromOneAddress(20),
  },
  {
    name: 'flood on a busy site, 30 a minute',
    base: 'weekly rhythm, 300 an hour at its peak',
    attack: fromManyAddresses(1_800),
  },
  {
    name: 'leaked site id of a busy site, 5 a minute',
    base: 'weekly rhythm, 300 an hour at its peak',
    attack: fromOneAddress(300),
  },
  {
    name: 'slow: 20 an hour round the clock',
    base: 'weekly rhythm, 20 an hour at its peak',
    attack: fromManyAddresses(20),
  },
  {
    name: 'intranet key used from everywhere',
    base: 'intranet, three addresses',
    attack: fromManyAddresses(5),
  },
  {
    name: 'new subdomains of a wildcard origin, 3 an hour',
    base: 'weekly rhythm, 20 an hour at its peak',
    attack: (ordinary, span, random) => [
      ...ordinary,
      ...every(span, HOUR_MS / 3, random, (at, index) =>
        sessionAt(at, random, { origin: `https://s${index}.shop.example` }),
      ),
    ],
  },
  { name: 'key revoked at OpenAI', base: 'weekly rhythm, 20 an hour at its peak', attack: keyRevoked },
  { name: 'key of a quiet site revoked', base: 'quiet small site, 4 a day', attack: keyRevoked },
  {
    name: 'widget copied to a foreign site, 2 a minute refused',
    base: 'weekly rhythm, 20 an hour at its peak',
    attack: (ordinary, span, random) => [
      ...ordinary,
      ...every(span, MINUTE_MS, random, (at): Observation[] => [{ type: 'refused_origins', at, count: 2 }]),
    ],
  },
];

/** Ordinary use for `days`, attacked from a random moment of the fourth week on. */
export const attackedUse = (
  { base, attack }: AttackProfile,
  days: number,
  attackHours: number,
  seed: number,
): Month & { readonly attackSpan: Span } => {
  const profile = BENIGN.find(({ name }) => name === base);
  if (profile === undefined) throw new Error(`No profile is called ${base}.`);
  const random = seeded(seed * 104_729 + 7);
  const { observations, span } = ordinaryUse(profile, days, seed);
  const from = span.from + (21 + random() * 6) * DAY_MS;
  const attackSpan = { from, to: Math.min(span.to, from + attackHours * HOUR_MS) };
  return { observations: inOrder(attack(observations, attackSpan, random)), span, attackSpan };
};
