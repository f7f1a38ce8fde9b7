import { AWS_QUOTAS } from './aws-quotas.ts';
import {
  KINDS,
  type Kind,
  type Outcome,
  type Quotas,
  type RequestCounts,
  simulate,
  simulateHotWorkspace,
} from './capacity-model.ts';
import type { AllCounts } from './count-requests.ts';
import type { Units } from './counting-proxy.ts';
import { killSwitchTable } from './kill-switch-model.ts';
import { tableOf } from './report.ts';
import {
  CONTAINER_SECONDS,
  EVENTS_OF_A_BATCH,
  REQUESTS_OF_A_SESSION,
  TRAIL_BATCH_MS,
  tableNames,
  timesOf,
  unitsOf,
  usdOfSession,
} from './session-cost.ts';
import { breakEvenLines, watcherTable } from './watcher-model.ts';

/** The blocks of docs/capacity.md, all of them from the counts. The same counts give the same text on every machine. One file, because the tables share their figures. */

export const RATES = [10, 1_000, 100_000] as const;
const SECONDS_A_MONTH = 30 * 86_400;
const GROWTH_OF_QUOTAS = 1.5;

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

const countsTable = ({ byok, managed }: AllCounts): readonly string[] => {
  const cells = (counts: RequestCounts, kind: Kind, table: string): string => {
    const units = counts[kind][table];
    return units === undefined ? '' : `${units.writeUnits} + ${units.readUnits}`;
  };
  const tables = tableNames(managed);
  const rows = (counts: RequestCounts, who: string) =>
    KINDS.map((kind) => [who, kind, timesOf(kind), ...tables.map((table) => cells(counts, kind, table))]);
  return tableOf(
    ['Key', 'Request', 'a session', ...tables],
    [...rows(byok, 'own'), ...rows(managed, "platform's, hard cap")],
    2,
  );
};

/** The counts in a document, in the format of countsTable. */
export const countsIn = (lines: readonly string[]): AllCounts => {
  const [headings = [], , ...rows] = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const of = (who: string): RequestCounts =>
    Object.fromEntries(
      rows
        .filter(([whose]) => whose === who)
        .map(([, kind = '', , ...cells]) => [
          kind,
          Object.fromEntries(
            cells.flatMap((cell, i): [string, Units][] => {
              const [writeUnits, readUnits] = cell.split(' + ').map(Number);
              return writeUnits === undefined || readUnits === undefined
                ? []
                : [[headings[i + 3] ?? '', { writeUnits, readUnits }]];
            }),
          ),
        ]),
    ) as RequestCounts;
  return { byok: of('own'), managed: of("platform's, hard cap") };
};

interface Need {
  readonly what: string;
  readonly quota: number;
  readonly source: string;
  readonly of: (rate: number) => number;
}

const needsOf = (counts: RequestCounts): readonly Need[] => {
  const busiest = tableNames(counts).toSorted(
    (a, b) => unitsOf(counts, b).writeUnits - unitsOf(counts, a).writeUnits,
  )[0];
  const mostRead = tableNames(counts).toSorted(
    (a, b) => unitsOf(counts, b).readUnits - unitsOf(counts, a).readUnits,
  )[0];
  const table = AWS_QUOTAS.tableUnits;
  return [
    {
      what: 'requests a second at API Gateway',
      quota: AWS_QUOTAS.gatewayPerSecond.value,
      source: AWS_QUOTAS.gatewayPerSecond.source,
      of: (rate) => rate * REQUESTS_OF_A_SESSION,
    },
    {
      what: 'containers at Lambda',
      quota: AWS_QUOTAS.concurrency.value,
      source: AWS_QUOTAS.concurrency.source,
      of: (rate) => rate * (CONTAINER_SECONDS.token + CONTAINER_SECONDS.events),
    },
    {
      what: `write units a second of table \`${busiest}\``,
      quota: table.value,
      source: table.source,
      of: (rate) => rate * unitsOf(counts, busiest ?? '').writeUnits,
    },
    {
      what: `read units a second of table \`${mostRead}\``,
      quota: table.value,
      source: table.source,
      of: (rate) => rate * unitsOf(counts, mostRead ?? '').readUnits,
    },
    {
      what: 'KMS requests a second, us-east-1, us-west-2, eu-west-1',
      quota: AWS_QUOTAS.kmsMost.value,
      source: AWS_QUOTAS.kmsMost.source,
      of: (rate) => rate,
    },
    {
      what: 'KMS requests a second, eu-central-1 and five others',
      quota: AWS_QUOTAS.kmsMore.value,
      source: AWS_QUOTAS.kmsMore.source,
      of: (rate) => rate,
    },
    {
      what: 'KMS requests a second, elsewhere',
      quota: AWS_QUOTAS.kms.value,
      source: AWS_QUOTAS.kms.source,
      of: (rate) => rate,
    },
  ];
};

const needsTable = ({ byok }: AllCounts): readonly string[] =>
  tableOf(
    ['Needed', 'default', ...RATES.map((rate) => `at ${whole(rate)} a second`)],
    needsOf(byok).map(({ what, quota, source, of }) => [
      what,
      `[${whole(quota)}](${source})`,
      ...RATES.map((rate) => {
        const needed = of(rate);
        const times = needed / quota;
        return times > 1 ? `**${whole(needed)}, × ${times.toFixed(1)}**` : whole(needed);
      }),
    ]),
    1,
  );

/** The stage `prod` of cdk.json. */
export interface Stage {
  readonly throttling: Readonly<
    Record<'tokenRoute' | 'eventsRoute', { readonly requestsPerSecond: number; readonly burst: number }>
  >;
  readonly reservedConcurrency: Readonly<Record<string, number>>;
}

/** Events a second: a new table has as many shards as its writes need partitions, and each shard one batch at a time. */
const trailOf = (sessionWritesPerSecond: number, batchMs: number): number =>
  Math.ceil(
    Math.max(AWS_QUOTAS.newTableWrites.value, sessionWritesPerSecond) / AWS_QUOTAS.partitionWrites.value,
  ) *
  ((EVENTS_OF_A_BATCH * 1_000) / batchMs);

const unlimited = { perSecond: Number.MAX_SAFE_INTEGER, burst: Number.MAX_SAFE_INTEGER };
const gateway = { perSecond: AWS_QUOTAS.gatewayPerSecond.value, burst: AWS_QUOTAS.gatewayBurst.value };

export interface Setup {
  readonly name: string;
  readonly quotas: (rate: number, counts: RequestCounts) => Quotas;
}

export const setupsOf = ({ throttling, reservedConcurrency }: Stage): readonly Setup[] => {
  const reserved = Object.values(reservedConcurrency).reduce((sum, count) => sum + count, 0);
  const ofRoute = (route: 'tokenRoute' | 'eventsRoute') => ({
    perSecond: throttling[route].requestsPerSecond,
    burst: throttling[route].burst,
  });
  return [
    {
      name: 'as in `cdk.json`, new tables',
      quotas: () => ({
        tokenRoute: ofRoute('tokenRoute'),
        eventsRoute: ofRoute('eventsRoute'),
        gateway,
        containers: {
          token: reservedConcurrency['token'] ?? AWS_QUOTAS.concurrency.value - reserved,
          events: AWS_QUOTAS.concurrency.value - reserved,
        },
        containersIn10s: AWS_QUOTAS.containersIn10s.value,
        table: { write: AWS_QUOTAS.newTableWrites.value, read: AWS_QUOTAS.newTableReads.value },
        kms: AWS_QUOTAS.kmsMore.value,
        trail: trailOf(0, TRAIL_BATCH_MS.atItsShare),
      }),
    },
    {
      name: 'own throttles off, tables warm, default quotas',
      quotas: (rate, counts) => ({
        tokenRoute: unlimited,
        eventsRoute: unlimited,
        gateway,
        // Shared in proportion to their use.
        containers: {
          token: Math.round(
            (AWS_QUOTAS.concurrency.value * CONTAINER_SECONDS.token) /
              (CONTAINER_SECONDS.token + CONTAINER_SECONDS.events),
          ),
          events: Math.round(
            (AWS_QUOTAS.concurrency.value * CONTAINER_SECONDS.events) /
              (CONTAINER_SECONDS.token + CONTAINER_SECONDS.events),
          ),
        },
        containersIn10s: AWS_QUOTAS.containersIn10s.value,
        table: { write: AWS_QUOTAS.tableUnits.value, read: AWS_QUOTAS.tableUnits.value },
        kms: AWS_QUOTAS.kmsMost.value,
        trail: trailOf(rate * unitsOf(counts, 'sessions').writeUnits, TRAIL_BATCH_MS.atItsShare),
      }),
    },
    {
      name: `quotas raised to ${GROWTH_OF_QUOTAS} times what is needed, projector at a whole processor`,
      quotas: (rate, counts) => {
        const raised = (needed: number, given: number): number => Math.max(given, GROWTH_OF_QUOTAS * needed);
        const requests = raised(rate * REQUESTS_OF_A_SESSION, gateway.perSecond);
        const units = tableNames(counts).map((table) => unitsOf(counts, table));
        return {
          tokenRoute: unlimited,
          eventsRoute: unlimited,
          gateway: { perSecond: requests, burst: requests / 2 },
          containers: {
            token: raised(rate * CONTAINER_SECONDS.token, AWS_QUOTAS.concurrency.value / 2),
            events: raised(rate * CONTAINER_SECONDS.events, AWS_QUOTAS.concurrency.value / 2),
          },
          containersIn10s: AWS_QUOTAS.containersIn10s.value,
          table: {
            write: raised(
              rate * Math.max(...units.map(({ writeUnits }) => writeUnits)),
              AWS_QUOTAS.tableUnits.value,
            ),
            read: raised(
              rate * Math.max(...units.map(({ readUnits }) => readUnits)),
              AWS_QUOTAS.tableUnits.value,
            ),
          },
          kms: raised(rate, AWS_QUOTAS.kmsMost.value),
          trail: trailOf(
            GROWTH_OF_QUOTAS * rate * unitsOf(counts, 'sessions').writeUnits,
            TRAIL_BATCH_MS.atAWholeOne,
          ),
        };
      },
    },
  ];
};

const percent = (share: number): string => {
  // Rounding errors in sums of fractions count as 0.
  const rounded = Math.abs(share) < 1e-6 ? 0 : Math.abs(share - 1) < 1e-6 ? 1 : share;
  if (rounded > 0 && rounded < 0.0005) return 'under 0.1 %';
  return `${(100 * rounded).toFixed(rounded === 0 || rounded === 1 ? 0 : 1)} %`;
};

/** The two quotas that refused most. */
const refusers = ({ refusedBy, asked }: Outcome): string =>
  refusedBy
    .filter(([, mints]) => mints / asked > 1e-6)
    .slice(0, 2)
    .map(([by, mints]) => `${by} ${percent(mints / asked)}`)
    .join(', ') || 'nothing';

const behind = (seconds: number): string => {
  if (seconds < 1) return 'no';
  return seconds < 120 ? `${whole(seconds)} s` : `${whole(seconds / 60)} min`;
};

const simulationTable = (counts: AllCounts, stage: Stage): readonly string[] => {
  const rows: (readonly (string | number)[])[] = [];
  for (const rate of RATES)
    for (const { name, quotas } of setupsOf(stage)) {
      const run = (bursts: boolean): Outcome =>
        simulate({ mintsPerSecond: rate, quotas: quotas(rate, counts.byok), counts: counts.byok, bursts });
      const [even, bursts] = [run(false), run(true)];
      rows.push([
        whole(rate),
        name,
        percent(even.minted / even.asked),
        refusers(even),
        percent(bursts.minted / bursts.asked),
        refusers(bursts),
        percent(even.reportsRefused),
        whole(even.peak.requests),
        whole(even.peak.containers),
        `${whole(even.peak.writeUnits)} (${even.peak.table})`,
        behind(even.trailSeconds),
      ]);
    }
  return tableOf(
    [
      'Mints a second',
      'Setup',
      'minted',
      'refused by',
      'minted, in bursts',
      'refused by',
      'reports refused',
      'requests a second',
      'containers',
      'write units a second, busiest table',
      'trail behind after 10 min',
    ],
    rows,
    2,
  );
};

const HOT_RATES = [0.5, 1, 2, 5, 10, 20] as const;

const hotTable = (): readonly string[] =>
  tableOf(
    [
      'Mints a second of one managed workspace',
      'minted',
      'tries of an admission',
      'waits longer, ms: p50',
      'p99',
    ],
    HOT_RATES.map((rate) => {
      const { minted, refused, tries, waitedMs } = simulateHotWorkspace(rate);
      return [
        rate,
        percent(minted / (minted + refused)),
        tries.toFixed(2),
        waitedMs.p50.toFixed(0),
        waitedMs.p99.toFixed(0),
      ];
    }),
    0,
  );

/** Size of a lease item as DynamoDB measures it, from bench:growth with a thousand sessions. */
const LEASE_BYTES = 45;
const LIVE_SESSIONS = [10, 100, 1_000] as const;

const leasesTable = (): readonly string[] =>
  tableOf(
    [
      'Sessions that run in the workspace',
      'read units of a mint for its leases',
      'mints a second, until its partition has no more',
    ],
    LIVE_SESSIONS.map((live) => {
      // Eventually consistent: half a unit for each 4 KiB.
      const units = Math.max(1, Math.ceil((live * LEASE_BYTES) / 4_096)) / 2;
      return [whole(live), units, whole(AWS_QUOTAS.partitionReads.value / units)];
    }),
    0,
  );

const costTable = ({ byok, managed }: AllCounts): readonly string[] =>
  tableOf(
    ['Key', 'a million sessions', ...RATES.map((rate) => `a month at ${whole(rate)} a second`)],
    (
      [
        ['own', byok],
        ["platform's, hard cap", managed],
      ] as const
    ).map(([who, counts]) => [
      who,
      `$${(1_000_000 * usdOfSession(counts)).toFixed(0)}`,
      ...RATES.map((rate) => `$${whole(rate * SECONDS_A_MONTH * usdOfSession(counts))}`),
    ]),
  );

export const capacityBlocks = (
  counts: AllCounts,
  stage: Stage,
): Readonly<Record<string, readonly string[]>> => ({
  counts: countsTable(counts),
  needs: needsTable(counts),
  simulation: simulationTable(counts, stage),
  hot: hotTable(),
  leases: leasesTable(),
  'kill-switch': killSwitchTable(),
  'capacity-cost': costTable(counts),
  watchers: watcherTable(),
  'watchers-break-even': breakEvenLines(),
});
