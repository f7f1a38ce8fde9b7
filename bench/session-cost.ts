import { inDollars, PRICES, type Price, usdOf } from '../tools/operator/deploy/prices.ts';
import {
  BUSY_MS,
  EVENTS_OF_A_SESSION,
  KINDS,
  type Kind,
  REPORTS,
  type RequestCounts,
} from './capacity-model.ts';
import type { Units } from './counting-proxy.ts';

/** Usage of AWS by one session, and its cost: docs/cost.md and docs/capacity.md state the same figures. */

export const EVENTS_GB = 0.5;
const TOKEN_GB = 1;
/** Measured for a mint (docs/performance.md) and assumed for every request. */
const LOG_BYTES = 1_100;
/**
 * The projector's time for a batch of a hundred records at its share of a processor, and at a whole one
 * (docs/performance.md). Of four records of a session three are events.
 */
export const TRAIL_BATCH_MS = { atItsShare: 370, atAWholeOne: 108 };
export const EVENTS_OF_A_BATCH = 75;
/** Share of requests that X-Ray traces, beyond one a second: its default sampling rule. */
const TRACED = 0.05;
/** Objects of the archive for one session. The archiver writes rows in batches. */
export const OBJECTS_OF_A_SESSION = 0.1;
/** Stored in the tables for one session, bytes, and for how long by default, months. */
const STORED_BYTES = 6_000;
const STORED_MONTHS = 13;

/** How often each kind of request occurs in one session. */
export const timesOf = (kind: Kind): number =>
  kind === 'preflight' || kind === 'mint' || kind === 'trail'
    ? 1
    : REPORTS.filter((report) => report.kind === kind).length;

export const REQUESTS_OF_A_SESSION = KINDS.filter((kind) => kind !== 'trail').reduce(
  (sum, kind) => sum + timesOf(kind),
  0,
);

export const tableNames = (counts: RequestCounts): readonly string[] =>
  [...new Set(KINDS.flatMap((kind) => Object.keys(counts[kind])))].toSorted();

/** Request units of a whole session at one table. */
export const unitsOf = (counts: RequestCounts, table: string): Units => ({
  writeUnits: KINDS.reduce((sum, kind) => sum + timesOf(kind) * (counts[kind][table]?.writeUnits ?? 0), 0),
  readUnits: KINDS.reduce((sum, kind) => sum + timesOf(kind) * (counts[kind][table]?.readUnits ?? 0), 0),
});

const allUnits = (counts: RequestCounts): Units => {
  const units = tableNames(counts).map((table) => unitsOf(counts, table));
  return {
    writeUnits: units.reduce((sum, { writeUnits }) => sum + writeUnits, 0),
    readUnits: units.reduce((sum, { readUnits }) => sum + readUnits, 0),
  };
};

export const CONTAINER_SECONDS = {
  token: (BUSY_MS.preflight + BUSY_MS.mint) / 1_000,
  events: REPORTS.reduce((sum, { kind }) => sum + BUSY_MS[kind as keyof typeof BUSY_MS], 0) / 1_000,
};

interface Part {
  readonly what: string;
  readonly amount: string;
  readonly price: Price;
  /** Usage of one session, in single units of the price. */
  readonly count: number;
}

const rounded = (count: number): string => String(Number(count.toFixed(2)));

const partsOf = (counts: RequestCounts): readonly Part[] => {
  const { writeUnits, readUnits } = allUnits(counts);
  const trailSeconds = (EVENTS_OF_A_SESSION * TRAIL_BATCH_MS.atItsShare) / EVENTS_OF_A_BATCH / 1_000;
  const gbSeconds =
    CONTAINER_SECONDS.token * TOKEN_GB + (CONTAINER_SECONDS.events + trailSeconds) * EVENTS_GB;
  const logBytes = REQUESTS_OF_A_SESSION * LOG_BYTES;
  return [
    {
      what: 'API Gateway, HTTP API',
      amount: `${REQUESTS_OF_A_SESSION} requests`,
      price: PRICES.apiRequest,
      count: REQUESTS_OF_A_SESSION,
    },
    {
      what: 'Lambda requests',
      amount: `${REQUESTS_OF_A_SESSION} behind routes; those behind streams come in batches`,
      price: PRICES.lambdaRequest,
      count: REQUESTS_OF_A_SESSION,
    },
    {
      what: 'Lambda time, arm64',
      amount: `preflight and mint ${CONTAINER_SECONDS.token} s at ${TOKEN_GB} GB; ${REPORTS.length} reports ${rounded(CONTAINER_SECONDS.events)} s and streams ${rounded(trailSeconds)} s at ${EVENTS_GB} GB`,
      price: PRICES.lambdaTime,
      count: gbSeconds,
    },
    {
      what: 'DynamoDB writes',
      amount: `${rounded(writeUnits)} units, counted ([capacity.md](capacity.md))`,
      price: PRICES.tableWrite,
      count: writeUnits,
    },
    {
      what: 'DynamoDB reads',
      amount: `${rounded(readUnits)} units, counted`,
      price: PRICES.tableRead,
      count: readUnits,
    },
    { what: 'KMS', amount: '1 Decrypt of the data key', price: PRICES.keyUse, count: 1 },
    {
      what: 'CloudWatch Logs',
      amount: `${rounded(logBytes / 1_000)} KB of log lines and metrics`,
      price: PRICES.logsIn,
      count: logBytes / 1e9,
    },
    {
      what: 'X-Ray',
      amount: `traces of ${TRACED * 100} % of the requests; of a quiet stage, one a second`,
      price: PRICES.trace,
      count: TRACED * REQUESTS_OF_A_SESSION,
    },
    {
      what: 'S3, archive of the audit trail',
      amount: `${OBJECTS_OF_A_SESSION} PUT`,
      price: PRICES.objectPut,
      count: OBJECTS_OF_A_SESSION,
    },
  ];
};

/** US dollars of a session at list prices, without what is stored and the fixed part of docs/cost.md. */
export const usdOfSession = (counts: RequestCounts): number =>
  partsOf(counts).reduce((sum, { price, count }) => sum + usdOf(price, count), 0);

/** US dollars per month to store the items of `sessions` a month, including backups, once the oldest ones expire. */
export const usdStored = (sessions: number): number =>
  ((sessions * STORED_BYTES * STORED_MONTHS) / 1e9) *
  (PRICES.tableStorage.dollars + PRICES.tableBackup.dollars);

/** The lines of docs/cost.md about one session with the workspace's own key. */
export const sessionLines = (counts: RequestCounts): readonly string[] => [
  '| What | How much | Price | Per million sessions |',
  '|---|---|---|---|',
  ...partsOf(counts).map(
    ({ what, amount, price, count }) =>
      `| ${what} | ${amount} | ${inDollars(price.dollars)} ${price.unit} | $${usdOf(price, count * 1e6).toFixed(2)} |`,
  ),
  `| **Together** | | | **$${(usdOfSession(counts) * 1e6).toFixed(2)}** |`,
  `| Stored: ${STORED_BYTES / 1_000} KB in tables with backups, ${STORED_MONTHS} months | | ${inDollars(PRICES.tableStorage.dollars)} and ${inDollars(PRICES.tableBackup.dollars)} ${PRICES.tableStorage.unit} | $${(usdStored(1e6) / STORED_MONTHS).toFixed(2)} a month, growing to $${usdStored(1e6).toFixed(2)} |`,
];
