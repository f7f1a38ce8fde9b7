/** A default quota in AWS's documentation. */
export interface Quota {
  readonly value: number;
  readonly source: string;
}

const API_GATEWAY = 'https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html';
const LAMBDA = 'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html';
const LAMBDA_SCALING = 'https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html';
const TABLE =
  'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html';
const WARM =
  'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html';
const KMS = 'https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html';

/** Quotas of one account in one region, as of November 2026. docs/capacity.md lists them. */
export const AWS_QUOTAS = {
  /** Requests a second over all APIs; 2,500 with a burst of 1,250 in the regions that API Gateway's page names. */
  gatewayPerSecond: { value: 10_000, source: API_GATEWAY },
  gatewayBurst: { value: 5_000, source: API_GATEWAY },
  concurrency: { value: 1_000, source: LAMBDA },
  /** Per function; refilled evenly. */
  containersIn10s: { value: 1_000, source: LAMBDA_SCALING },
  /** Units per second of one on-demand table, for reads and for writes. */
  tableUnits: { value: 40_000, source: TABLE },
  /** Write units per second that a new table accepts immediately. */
  newTableWrites: { value: 4_000, source: WARM },
  newTableReads: { value: 12_000, source: WARM },
  /** Per partition, and so per item. */
  partitionWrites: { value: 1_000, source: WARM },
  partitionReads: { value: 3_000, source: WARM },
  /** Decrypt and similar operations with symmetric keys, in every region that is not listed below. */
  kms: { value: 10_000, source: KMS },
  /** us-east-2, ap-southeast-1, ap-southeast-2, ap-northeast-1, eu-central-1, eu-west-2. */
  kmsMore: { value: 20_000, source: KMS },
  /** us-east-1, us-west-2, eu-west-1. */
  kmsMost: { value: 100_000, source: KMS },
} as const satisfies Readonly<Record<string, Quota>>;
