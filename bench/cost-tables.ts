import { inDollars, PRICES, type Price, usdOf } from '../tools/operator/deploy/prices.ts';
import type { AllCounts } from './count-requests.ts';
import {
  OBJECTS_OF_A_SESSION,
  REQUESTS_OF_A_SESSION,
  sessionLines,
  usdOfSession,
  usdStored,
} from './session-cost.ts';

/**
 * The tables of docs/cost.md that follow from prices and use. The amounts of use are estimates, except for request units,
 * which bench/count-requests.ts counts. test/docs/prices.test.ts compares the page with them.
 */

type Use = readonly (readonly [price: Price, count: number])[];

const sum = (use: Use): number => use.reduce((total, [price, count]) => total + usdOf(price, count), 0);
const inCents = (amount: number): string => `$${amount.toFixed(2)}`;
/** With two significant digits below a cent. */
const short = (amount: number): string =>
  amount < 0.01 ? `$${Number(amount.toPrecision(2))}` : inCents(amount);

const DAYS = 30;
const MILLION = 1_000_000;
/** Functions of half a GB, unless a row says otherwise. */
const HALF_GB = 0.5;

const lambda = (runs: number, seconds: number, gb: number = HALF_GB): Use => [
  [PRICES.lambdaRequest, runs],
  [PRICES.lambdaTime, runs * seconds * gb],
];

const ADDITIONS: readonly (readonly [what: string, amount: string, use: Use, of: number, unit: string])[] = [
  [
    'A call in place of a client secret',
    'a second Decrypt, a run of 1 s to hang up, 4 requests to SQS, 21 write units',
    [[PRICES.keyUse, 1], ...lambda(1, 1), [PRICES.queueRequest, 4], [PRICES.tableWrite, 21]],
    MILLION,
    'per million calls',
  ],
  [
    'A watched call',
    'its watcher; 4 responses a minute with a read and 6 write units each, which also renew the watch',
    [
      [PRICES.lambdaTime, 60 * HALF_GB],
      [PRICES.tableRead, 4],
      [PRICES.tableWrite, 24],
    ],
    1,
    'per minute',
  ],
  [
    'The end of a watched call',
    '2 requests to SQS, 5 write units',
    [
      [PRICES.queueRequest, 2],
      [PRICES.tableWrite, 5],
    ],
    MILLION,
    'per million calls',
  ],
  [
    'The notice of an end',
    '3 requests to SQS, a read, 50 ms of a function',
    [[PRICES.queueRequest, 3], [PRICES.tableRead, 1], ...lambda(1, 0.05)],
    MILLION,
    'per million sessions',
  ],
  [
    'Each webhook that receives it',
    '4 requests to SQS, 3 write units, a run that waits 1 s for the receiver',
    [[PRICES.queueRequest, 4], [PRICES.tableWrite, 3], ...lambda(1, 1)],
    MILLION,
    'per million notices',
  ],
  ['A mail', 'one', [[PRICES.mail, 1]], 1_000, 'per thousand'],
  [
    'In an account that has another trail',
    'one event of the second trail for the Decrypt of each session',
    [[PRICES.trailEvent, 1]],
    MILLION,
    'per million sessions',
  ],
];

/** The additional cost of some sessions compared with a client secret. */
export const additionLines = (): readonly string[] => [
  '| In addition | How much | Costs |',
  '|---|---|---|',
  ...ADDITIONS.map(
    ([what, amount, use, of, unit]) => `| ${what} | ${amount} | ${short(sum(use) * of)} ${unit} |`,
  ),
];

/** CloudTrail writes a file every five minutes in each of some 17 regions. */
const TRAIL_FILES = 5_000;
const METRICS = 80;
const RUNS_OF_RECONCILE = 9;
const HEARTBEATS = DAYS * 24 * 12;
const SWEEPS = DAYS * 24 * 60;
const RULES = 4;
const LISTS = 400;

/** A file of evidence: its GET, the Decrypt of its key, and 20 ms of a function of 2 GB. */
const evidenceRead = (files: number): Use => [
  [PRICES.objectGet, files],
  [PRICES.keyUse, files],
  [PRICES.lambdaTime, files * 0.02 * 2],
];

const RECONCILIATION = sum([...evidenceRead(DAYS * TRAIL_FILES), ...lambda(DAYS * RUNS_OF_RECONCILE, 1, 2)]);
const archived = sum(evidenceRead(OBJECTS_OF_A_SESSION * MILLION));

/** The fixed costs that do not follow from the templates; undefined if not included in the sum. */
const FIXED: readonly (readonly [what: string, costs: string, usd: number | undefined, edge?: 'edge'])[] = [
  [
    'Dashboard; the first three of an account are free',
    inCents(PRICES.dashboard.dollars),
    PRICES.dashboard.dollars,
  ],
  [
    `Custom metrics: about ${METRICS} combinations that occur; the first ten are free`,
    inCents(METRICS * PRICES.metric.dollars),
    METRICS * PRICES.metric.dollars,
  ],
  [
    'CloudTrail: first trail of an account',
    `$0.00; a second one ${inDollars(PRICES.trailEvent.dollars)} ${PRICES.trailEvent.unit} events`,
    0,
  ],
  [
    'CloudTrail: data events, one for each write of keys or tenancy and for each object of the archive',
    `${inDollars(PRICES.trailData.dollars)} ${PRICES.trailData.unit}; ${inCents(usdOf(PRICES.trailData, OBJECTS_OF_A_SESSION * MILLION))} per million sessions`,
    undefined,
  ],
  [
    `Reconciliation: ${DAYS} nights, ${TRAIL_FILES.toLocaleString('en-US')} files of CloudTrail each, with a Decrypt of the key of each file`,
    `${inCents(RECONCILIATION)}, and ${inCents(archived)} per million sessions`,
    RECONCILIATION,
  ],
  [
    `Reconciliation: lists of the versions of both buckets, at most ${LISTS} requests a night`,
    inCents(usdOf(PRICES.objectPut, DAYS * LISTS)),
    usdOf(PRICES.objectPut, DAYS * LISTS),
  ],
  (() => {
    const usd = sum([
      ...lambda(4 * HEARTBEATS, 0.05),
      [PRICES.tableWrite, 8 * HEARTBEATS],
      [PRICES.tableRead, 4 * HEARTBEATS],
      [PRICES.objectPut, HEARTBEATS],
      [PRICES.keyUse, HEARTBEATS],
    ]);
    return [
      `Heartbeat: ${HEARTBEATS.toLocaleString('en-US')} events, each with 4 runs of 50 ms, 8 write units, 4 read units, an archived object and its key`,
      inCents(usd),
      usd,
    ] as const;
  })(),
  (() => {
    const usd = sum([...lambda(SWEEPS, 0.1), [PRICES.tableRead, 8 * SWEEPS]]);
    return [
      `Sweeper: ${SWEEPS.toLocaleString('en-US')} runs of 100 ms, with 8 queries each`,
      inCents(usd),
      usd,
    ] as const;
  })(),
  [
    'With an edge: WAF',
    `${inCents(PRICES.firewallAcl.dollars)} and ${inCents(PRICES.firewallRule.dollars)} for each of ${RULES} rules`,
    PRICES.firewallAcl.dollars + RULES * PRICES.firewallRule.dollars,
    'edge',
  ],
  ['With an edge: secret', inCents(PRICES.secret.dollars), PRICES.secret.dollars, 'edge'],
  ['With a dashboard: a bucket of 2 MB and a distribution, free until they are used', '$0.00', 0],
  [
    'With a dashboard: an event of S3 for each file of an upload',
    `${inCents(PRICES.busEvent.dollars)} ${PRICES.busEvent.unit}`,
    0,
  ],
];

export const fixedLines = (): readonly string[] => [
  '| What else | Per month |',
  '|---|---|',
  ...FIXED.map(([what, costs]) => `| ${what} | ${costs} |`),
];

/** Fixed dollars a month: of FIXED, and of the lines that the templates give (`generated:deployment`). */
export const fixedUsd = (
  deployment: readonly string[],
): { readonly plain: number; readonly edge: number } => {
  const rows = deployment.slice(2).map((line) => {
    const [, what = '', amount = ''] = line.split('|').map((cell) => cell.trim());
    return { what, usd: Number(amount.replace('$', '')) };
  });
  const template = (isEdge: boolean): number =>
    rows
      .filter(
        ({ what }) =>
          !/^(?:Outside of|With a dashboard)/.test(what) && what.startsWith('With an edge') === isEdge,
      )
      .reduce((total, { usd }) => total + usd, 0);
  const other = (isEdge: boolean): number =>
    FIXED.filter(([, , , edge]) => (edge === 'edge') === isEdge).reduce(
      (total, [, , usd = 0]) => total + usd,
      0,
    );
  return { plain: template(false) + other(false), edge: template(true) + other(true) };
};

const FILES_OF_A_VISIT = 10;
const REQUESTS_OF_A_VISIT = 50;
const WIDGET_KB = 14;

export const pageLines = (): readonly string[] => {
  const visit = sum([
    [PRICES.edgeRequest, FILES_OF_A_VISIT + REQUESTS_OF_A_VISIT],
    [PRICES.edgeTraffic, 200 / MILLION],
    [PRICES.edgeFunction, FILES_OF_A_VISIT],
  ]);
  return [
    '| What | How much | Costs |',
    '|---|---|---|',
    `| An operator's visit | ${FILES_OF_A_VISIT} files, 200 KB, and ${REQUESTS_OF_A_VISIT} requests that are forwarded to the API | ${short(visit)} |`,
    `| A million page views with the widget, each by a new visitor | a file of ${WIDGET_KB} KB each; a browser keeps it for 5 minutes without a new request | ${inCents(PRICES.edgeRequest.dollars)} and ${inCents(WIDGET_KB * PRICES.edgeTraffic.dollars)} |`,
    `| A hundred operators who open it on 21 days | ${100 * 21} visits | ${inCents(2_100 * visit)} |`,
  ];
};

const SESSIONS = [1_000, 100_000, 10_000_000] as const;
/** Traffic of one session at the edge, GB. */
const SESSION_GB = 20 / MILLION;

const dollars = (amount: number): string =>
  amount < 10 ? inCents(amount) : `$${Math.round(amount).toLocaleString('en-US')}`;

export const togetherLines = (counts: AllCounts, deployment: readonly string[]): readonly string[] => {
  const { plain, edge } = fixedUsd(deployment);
  const edgeOfSession = sum([
    [PRICES.edgeRequest, REQUESTS_OF_A_SESSION],
    [PRICES.firewallRequest, REQUESTS_OF_A_SESSION],
    [PRICES.edgeTraffic, SESSION_GB],
  ]);
  return [
    '| Sessions a month | Use | Stored, after 13 months | Fixed | Sum | With an edge |',
    '|---|---|---|---|---|---|',
    ...SESSIONS.map((sessions) => {
      const use = sessions * usdOfSession(counts.byok) + (sessions / MILLION) * archived;
      const total = use + usdStored(sessions) + plain;
      return `| ${sessions.toLocaleString('en-US')} | ${dollars(use)} | ${dollars(usdStored(sessions))} | ${dollars(plain)} | **${dollars(total)}** | **${dollars(total + edge + sessions * edgeOfSession)}** |`;
    }),
  ];
};

/** All blocks of docs/cost.md that follow from the counts, by name. `deployment`: the block that the templates give. */
export const costBlocks = (
  counts: AllCounts,
  deployment: readonly string[],
): Readonly<Record<string, readonly string[]>> => ({
  session: sessionLines(counts.byok),
  additions: additionLines(),
  fixed: fixedLines(),
  pages: pageLines(),
  together: togetherLines(counts, deployment),
});
