import { backoffMs } from '../lambdas/domain/backoff.ts';
import type { Units } from './counting-proxy.ts';
import { periodWritesOf } from './period-writes.ts';
import { poisson, type Random, seeded } from './random.ts';

/**
 * A simulated fleet: visitors arrive at random, their requests pass AWS's quotas in the order of a mint, and each minted
 * session talks for two minutes and reports. Every quota is a token bucket, every function a set of containers, and every
 * throttled call is retried once, as in the SDK. Nothing is measured here: the counts come from real requests, the quotas
 * from AWS. One file, because every part acts on the state of the same run.
 */

export const KINDS = ['preflight', 'mint', 'connected', 'heartbeat', 'ended', 'trail'] as const;
export type Kind = (typeof KINDS)[number];

/** The units that one request of a kind uses, by table. */
export type RequestCounts = Readonly<Record<Kind, Readonly<Record<string, Units>>>>;

export interface Quotas {
  /** The stage's throttling limits for these routes. */
  readonly tokenRoute: Bucket;
  readonly eventsRoute: Bucket;
  readonly gateway: Bucket;
  /** Maximum number of containers of each of the two functions. Other functions cannot use the reserved ones. */
  readonly containers: Readonly<Record<'token' | 'events', number>>;
  /** Containers that one function may gain in ten seconds. */
  readonly containersIn10s: number;
  /** Of each table, units a second. */
  readonly table: { readonly write: number; readonly read: number };
  readonly kms: number;
  /** Events that the projector writes per second. */
  readonly trail: number;
}

export interface Bucket {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Scenario {
  readonly mintsPerSecond: number;
  readonly quotas: Quotas;
  readonly counts: RequestCounts;
  /** The same number of visitors a minute, all in its first ten seconds. */
  readonly bursts: boolean;
}

export interface Outcome {
  readonly asked: number;
  readonly minted: number;
  /** Refused mints by the quota that refused them, the largest number first. */
  readonly refusedBy: readonly (readonly [string, number])[];
  /** The maximum in any second. */
  readonly peak: {
    readonly requests: number;
    readonly containers: number;
    readonly kms: number;
    readonly table: string;
    readonly writeUnits: number;
    readonly readUnits: number;
  };
  /** Of the reports that browsers sent; most of them are sent again with the next. */
  readonly reportsRefused: number;
  /** Delay of the audit trail at the end of the ten minutes, seconds. */
  readonly trailSeconds: number;
}

/** How long each request keeps a container, milliseconds: docs/performance.md, docs/cost.md. */
export const BUSY_MS: Readonly<Record<Exclude<Kind, 'trail'>, number>> = {
  preflight: 20,
  // 500 for OpenAI, four AWS calls of 5 and the function's own time.
  mint: 560,
  connected: 40,
  heartbeat: 40,
  ended: 40,
};
const SERVED_BY: Readonly<Record<keyof typeof BUSY_MS, 'token' | 'events'>> = {
  preflight: 'token',
  mint: 'token',
  connected: 'events',
  heartbeat: 'events',
  ended: 'events',
};
/** After the mint, seconds: docs/cost.md's session of two minutes. */
export const REPORTS: readonly { readonly after: number; readonly kind: Kind }[] = [
  { after: 2, kind: 'connected' },
  ...[20, 40, 60, 80, 100].map((after) => ({ after, kind: 'heartbeat' as const })),
  { after: 120, kind: 'ended' },
];
/** Rows of the audit trail: reserved, issued, and its end. */
export const EVENTS_OF_A_SESSION = 3;

const TICK_MS = 100;
const TICKS_A_SECOND = 1_000 / TICK_MS;
/** Ten minutes: five times a session, so that reports come as fast as they ever do. */
const TICKS = 600 * TICKS_A_SECOND;

interface Refilled {
  take(wanted: number): number;
}

const bucketOf = ({ perSecond, burst }: Bucket): { refill(): void } & Refilled => {
  let tokens = burst;
  return {
    refill: () => {
      // A bucket always holds at least the tokens of one tick.
      tokens = Math.min(Math.max(burst, perSecond / TICKS_A_SECOND), tokens + perSecond / TICKS_A_SECOND);
    },
    take: (wanted) => {
      const taken = Math.min(wanted, Math.max(0, tokens));
      tokens -= taken;
      return taken;
    },
  };
};

/** Number of requests of each kind. They are not integers, because a quota takes an equal share of every kind. */
type Flow = Readonly<Record<Kind, number>>;

/** Objects of one shape, because a run spends most of its time here. */
const flowOf = (count: (kind: Kind) => number): Flow => ({
  preflight: count('preflight'),
  mint: count('mint'),
  connected: count('connected'),
  heartbeat: count('heartbeat'),
  ended: count('ended'),
  trail: count('trail'),
});

const NOTHING = flowOf(() => 0);

const scaled = (flow: Flow, share: number): Flow => flowOf((kind) => flow[kind] * share);

const sumOf = ({ preflight, mint, connected, heartbeat, ended, trail }: Flow): number =>
  preflight + mint + connected + heartbeat + ended + trail;

const reportsIn = ({ connected, heartbeat, ended }: Flow): number => connected + heartbeat + ended;

const added = (a: Flow, b: Flow): Flow => flowOf((kind) => a[kind] + b[kind]);

/** Requests that reached this quota. */
interface Passed {
  readonly flow: Flow;
  /** Outcomes of the arrived mints. */
  readonly share: number;
}

const SERVED_KINDS = KINDS.filter((kind) => kind !== 'trail');

/** The containers of each function, and how many more there may be. */
const containersOf = ({ containers, containersIn10s }: Quotas) => {
  const busy: Record<'token' | 'events', number[]> = { token: [], events: [] };
  const warm = { token: 0, events: 0 };
  const mayGain = {
    token: bucketOf({ perSecond: containersIn10s / 10, burst: containersIn10s }),
    events: bucketOf({ perSecond: containersIn10s / 10, burst: containersIn10s }),
  };
  let peak = 0;
  const busyNow = (name: 'token' | 'events', tick: number): number => busy[name][tick] ?? 0;
  return {
    refill: () => {
      mayGain.token.refill();
      mayGain.events.refill();
    },
    peak: () => peak,
    admit: (flow: Flow, tick: number): Passed => {
      const shares = { token: 1, events: 1 };
      const wanted = { token: 0, events: 0 };
      for (const kind of SERVED_KINDS)
        wanted[SERVED_BY[kind]] += flow[kind] * Math.min(1, BUSY_MS[kind] / TICK_MS);
      for (const name of ['token', 'events'] as const) {
        const needed = busyNow(name, tick) + wanted[name];
        const grow = Math.max(0, Math.min(containers[name], needed) - warm[name]);
        warm[name] += mayGain[name].take(grow);
        if (needed > warm[name]) shares[name] = Math.max(0, warm[name] - busyNow(name, tick)) / wanted[name];
      }
      for (const kind of SERVED_KINDS) {
        const [name, ticks] = [SERVED_BY[kind], BUSY_MS[kind] / TICK_MS];
        const count = flow[kind] * shares[name];
        for (let later = 0; later < ticks; later++)
          busy[name][tick + later] = busyNow(name, tick + later) + count * Math.min(1, ticks - later);
      }
      peak = Math.max(peak, busyNow('token', tick) + busyNow('events', tick));
      return {
        flow: flowOf((kind) => (kind === 'trail' ? 0 : flow[kind] * shares[SERVED_BY[kind]])),
        share: shares.token,
      };
    },
  };
};

/** The share of these requests that every table can serve, and the table with the smallest share. */
const tablesOf = ({ table }: Quotas, counts: RequestCounts) => {
  const names = [...new Set(Object.values(counts).flatMap((units) => Object.keys(units)))];
  const limits = names.flatMap((name) =>
    (['write', 'read'] as const).map((side) => {
      const units = flowOf((kind) => counts[kind][name]?.[`${side}Units`] ?? 0);
      return {
        name,
        label: `${side} ${name}`,
        units,
        bucket: bucketOf({ perSecond: table[side], burst: table[side] }),
        wantedOf: (flow: Flow): number => KINDS.reduce((sum, kind) => sum + flow[kind] * units[kind], 0),
      };
    }),
  );
  return {
    names,
    limits,
    refill: () => {
      for (const { bucket } of limits) bucket.refill();
    },
    /** Each kind gets the smallest share that one of its tables has for it. */
    admit: (flow: Flow): { readonly flow: Flow; readonly short: string } => {
      const shares = { ...flowOf(() => 1) };
      let short = '';
      for (const { name, units, bucket, wantedOf } of limits) {
        const wanted = wantedOf(flow);
        const got = wanted === 0 ? 1 : bucket.take(wanted) / wanted;
        if (got === 1) continue;
        for (const kind of KINDS) {
          if (units[kind] === 0 || got >= shares[kind]) continue;
          shares[kind] = got;
          if (kind === 'mint') short = `DynamoDB, ${name}`;
        }
      }
      return { flow: flowOf((kind) => flow[kind] * shares[kind]), short };
    },
  };
};

export const simulate = ({ mintsPerSecond, quotas, counts, bursts }: Scenario, seed = 1): Outcome => {
  const random: Random = seeded(seed);
  const tokenRoute = bucketOf(quotas.tokenRoute);
  const eventsRoute = bucketOf(quotas.eventsRoute);
  const gateway = bucketOf(quotas.gateway);
  const containers = containersOf(quotas);
  const tables = tablesOf(quotas, counts);
  const kms = bucketOf({ perSecond: quotas.kms, burst: quotas.kms });
  const due: Flow[] = [];
  const retried: Flow[] = [];
  const refused = new Map<string, number>();
  const refuse = (by: string, mints: number): void => {
    if (mints > 0) refused.set(by, (refused.get(by) ?? 0) + mints);
  };
  const perSecond: Record<string, number>[] = [];
  let [asked, minted, behind, reportsSent, lostReports] = [0, 0, 0, 0, 0];

  for (let tick = 0; tick < TICKS; tick++) {
    tokenRoute.refill();
    eventsRoute.refill();
    gateway.refill();
    containers.refill();
    tables.refill();
    kms.refill();
    const second = Math.floor(tick / TICKS_A_SECOND);
    const seen: Record<string, number> = perSecond[second] ?? {};
    perSecond[second] = seen;
    const note = (what: string, count: number): void => {
      seen[what] = (seen[what] ?? 0) + count;
    };

    const now = bursts ? (second % 60 < 10 ? 6 : 0) : 1;
    const visitors = poisson((mintsPerSecond * now) / TICKS_A_SECOND, random);
    asked += visitors;
    const atRoute = tokenRoute.take(visitors);
    refuse("the stage's throttle", visitors - atRoute);
    const reports = due[tick] ?? NOTHING;
    reportsSent += sumOf(reports);
    const reported = sumOf(reports) === 0 ? 1 : eventsRoute.take(sumOf(reports)) / sumOf(reports);
    const arriving = added(scaled(reports, reported), { ...NOTHING, preflight: atRoute, mint: atRoute });

    const requests = sumOf(arriving);
    const through = requests === 0 ? 1 : gateway.take(requests) / requests;
    refuse('API Gateway', arriving.mint * (1 - through));
    const atLambda = containers.admit(scaled(arriving, through), tick);
    refuse('Lambda', arriving.mint * through * (1 - atLambda.share));
    lostReports += sumOf(reports) - reportsIn(atLambda.flow);
    note('requests', requests * through);

    // The first attempt of new requests, and the second attempt of those that were throttled just before.
    const again = retried[tick] ?? NOTHING;
    const inTables = tables.admit(added(atLambda.flow, again));
    const firstTry = flowOf((kind) => {
      const all = atLambda.flow[kind] + again[kind];
      return all === 0 ? 0 : atLambda.flow[kind] / all;
    });
    const throttled = flowOf((kind) => atLambda.flow[kind] + again[kind] - inTables.flow[kind]);
    retried[tick + 1] = flowOf((kind) => throttled[kind] * firstTry[kind]);
    const lost = flowOf((kind) => throttled[kind] * (1 - firstTry[kind]));
    refuse(inTables.short, lost.mint);
    lostReports += reportsIn(lost);
    for (const { label, wantedOf } of tables.limits) note(label, wantedOf(inTables.flow));

    const toOpen = inTables.flow.mint;
    const opened = kms.take(toOpen);
    refuse('KMS', toOpen - opened);
    note('kms', opened);
    minted += opened;
    for (const { after, kind } of REPORTS) {
      const at = tick + after * TICKS_A_SECOND;
      due[at] = added(due[at] ?? NOTHING, { ...NOTHING, [kind]: opened });
    }
    behind += EVENTS_OF_A_SESSION * opened;
    const written = Math.min(behind, quotas.trail / TICKS_A_SECOND);
    behind -= written;
    const rows = { ...NOTHING, trail: written / EVENTS_OF_A_SESSION };
    for (const { label, wantedOf } of tables.limits) note(label, wantedOf(rows));
  }

  const largest = (what: string): number => Math.max(...perSecond.map((seen) => seen[what] ?? 0));
  const busiest = tables.names.toSorted((a, b) => largest(`write ${b}`) - largest(`write ${a}`))[0] ?? '';
  return {
    asked,
    minted,
    refusedBy: [...refused].toSorted(([, a], [, b]) => b - a),
    peak: {
      requests: largest('requests'),
      containers: containers.peak(),
      kms: largest('kms'),
      table: busiest,
      writeUnits: largest(`write ${busiest}`),
      readUnits: Math.max(...tables.names.map((name) => largest(`read ${name}`))),
    },
    reportsRefused: reportsSent === 0 ? 0 : Math.max(0, lostReports / reportsSent),
    trailSeconds: behind / quotas.trail,
  };
};

/** The load on one workspace's own items, independent of the account's quotas. */
export interface HotOutcome {
  readonly minted: number;
  readonly refused: number;
  /** Mean number of attempts of an admission. */
  readonly tries: number;
  /** Time that a visitor waits for further attempts, milliseconds. */
  readonly waitedMs: { readonly p50: number; readonly p99: number };
}

/** An admission gives up after this many tries: lambdas/use-cases/sessions/admit-session.ts. */
const ADMISSION_TRIES = 8;
/** The time that a transaction holds its items, and after which a lost one reads again and retries, milliseconds. */
const TRANSACTION_MS = 8;
const READ_MS = 5;

/**
 * Mints of one managed workspace on a hard cap: each admission writes the item of the workspace's billing period in a
 * transaction, and so do the reports with which a hold grows or ends. Of two transactions on one item at the same time the later
 * is cancelled.
 */
export const simulateHotWorkspace = (mintsPerSecond: number, seconds = 300, seed = 1): HotOutcome => {
  const random = seeded(seed);
  const inMs = (perSecond: number): number => (-Math.log(1 - random()) * 1_000) / perSecond;
  const waitMs = (tries: number): number =>
    backoffMs(tries, (size) => {
      const bytes = Buffer.alloc(size);
      bytes.writeUInt32BE(Math.floor(random() * 2 ** 32));
      return bytes;
    });
  interface Try {
    readonly at: number;
    readonly since: number;
    readonly tries: number;
    readonly mint: boolean;
  }
  const tries: Try[] = [];
  const startAll = (perSecond: number, mint: boolean): void => {
    for (let at = inMs(perSecond); at < seconds * 1_000; at += inMs(perSecond))
      tries.push({ at, since: at, tries: 1, mint });
  };
  startAll(mintsPerSecond, true);
  startAll(mintsPerSecond * periodWritesOf(REPORTS), false);
  tries.sort((a, b) => b.at - a.at);
  const later = (again: Try): void => {
    let [low, high] = [0, tries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((tries[middle]?.at ?? 0) > again.at) low = middle + 1;
      else high = middle;
    }
    tries.splice(low, 0, again);
  };

  let [heldUntil, minted, refused, spent] = [0, 0, 0, 0];
  const waited: number[] = [];
  for (let next = tries.pop(); next !== undefined; next = tries.pop()) {
    const { at, mint } = next;
    if (mint) spent += 1;
    if (at >= heldUntil) {
      heldUntil = at + TRANSACTION_MS;
      if (!mint) continue;
      minted += 1;
      waited.push(at - next.since);
    } else if (next.tries < ADMISSION_TRIES) {
      // The product's waiting time, and the read before another attempt, whose duration varies.
      const pause = TRANSACTION_MS + waitMs(next.tries) + READ_MS * (0.5 + random());
      later({ ...next, at: at + pause, tries: next.tries + 1 });
    } else if (mint) refused += 1;
  }
  const sorted = waited.toSorted((a, b) => a - b);
  const share = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  return {
    minted,
    refused,
    tries: spent / Math.max(1, minted + refused),
    waitedMs: { p50: share(0.5), p99: share(0.99) },
  };
};
