import { inDollars, PRICES, type Price, usdOf } from '../tools/operator/deploy/prices.ts';
import { tableOf } from './report.ts';

/** The AWS usage of one mint, as counted by the benches. */
export interface MintCounts {
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly kmsRequests: number;
  /** Time that Lambda bills, milliseconds. */
  readonly billedMs: number;
  readonly logBytes: number;
}

/** Memory of the token function, GB: docs/performance.md explains it. */
export const TOKEN_FUNCTION_GB = 1;

export interface CostLine {
  readonly what: string;
  /** Of one mint. */
  readonly amount: number;
  readonly price: Price;
  /** US dollars for a million mints. */
  readonly usdPerMillion: number;
}

const line = (what: string, amount: number, price: Price): CostLine => ({
  what,
  amount,
  price,
  usdPerMillion: usdOf(price, amount * 1_000_000),
});

/** A mint with a cached preflight and without the audit trail, which docs/cost.md includes in the session. */
export const costOfMint = (counts: MintCounts): readonly CostLine[] => [
  line('requests at API Gateway', 1, PRICES.apiRequest),
  line('requests at Lambda', 1, PRICES.lambdaRequest),
  line('GB-s at Lambda', (TOKEN_FUNCTION_GB * counts.billedMs) / 1_000, PRICES.lambdaTime),
  line('write units at DynamoDB', counts.writeUnits, PRICES.tableWrite),
  line('read units at DynamoDB', counts.readUnits, PRICES.tableRead),
  line('requests at KMS', counts.kmsRequests, PRICES.keyUse),
  line('GB of log lines and metrics', counts.logBytes / 1_000_000_000, PRICES.logsIn),
];

export const usdPerMillionMints = (counts: MintCounts): number =>
  costOfMint(counts).reduce((sum, { usdPerMillion }) => sum + usdPerMillion, 0);

export const costTable = (counts: MintCounts): readonly string[] =>
  tableOf(
    ['What', 'Price', 'of one mint', 'a million mints'],
    [
      ...costOfMint(counts).map(({ what, amount, price, usdPerMillion }) => [
        what,
        `[${inDollars(price.dollars)} ${price.unit}](${price.source})`,
        amount < 0.001 ? amount.toExponential(1) : Number(amount.toFixed(2)),
        `$${usdPerMillion.toFixed(2)}`,
      ]),
      ['together', '', '', `**$${usdPerMillionMints(counts).toFixed(2)}**`],
    ],
    2,
  );
