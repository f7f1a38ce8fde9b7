/** One list price of AWS in us-east-1, without free tiers and taxes. */
export interface Price {
  readonly what: string;
  readonly dollars: number;
  /** Follows the amount, as in `per GB`. */
  readonly unit: string;
  /** The page of AWS with the price. */
  readonly source: string;
  /** Day on which the amount was entered here. */
  readonly entered: string;
}

const page = (name: string): string => `https://aws.amazon.com/${name}/pricing/`;
const row = (
  what: string,
  dollars: number,
  unit: string,
  service: string,
  entered = '2026-11-30',
): Price => ({ what, dollars, unit, source: page(service), entered });

/**
 * Everything of AWS that a stage is billed for. The only place of these amounts, from which docs/cost.md and the output
 * of `npm run remove` are generated. A new service adds a row.
 */
export const PRICES = {
  apiRequest: row('API Gateway, HTTP API: requests', 1, 'per million', 'api-gateway'),
  lambdaRequest: row('Lambda: requests', 0.2, 'per million', 'lambda'),
  lambdaTime: row('Lambda: time, arm64', 0.0000133334, 'per GB-s', 'lambda'),
  tableWrite: row('DynamoDB: write units, on demand', 0.625, 'per million', 'dynamodb'),
  tableRead: row('DynamoDB: read units, on demand', 0.125, 'per million', 'dynamodb'),
  tableStorage: row('DynamoDB: storage', 0.25, 'per GB-month', 'dynamodb'),
  tableBackup: row('DynamoDB: point-in-time recovery', 0.2, 'per GB-month', 'dynamodb'),
  key: row('KMS: a key', 1, 'per month', 'kms'),
  keyUse: row('KMS: requests', 0.03, 'per 10,000', 'kms'),
  logsIn: row('CloudWatch Logs: collected', 0.5, 'per GB', 'cloudwatch'),
  logsStored: row('CloudWatch Logs: stored', 0.03, 'per GB-month', 'cloudwatch'),
  metric: row('CloudWatch: a custom metric', 0.3, 'per month', 'cloudwatch'),
  alarmMetric: row('CloudWatch: a metric of an alarm', 0.1, 'per month', 'cloudwatch'),
  dashboard: row('CloudWatch: a dashboard', 3, 'per month', 'cloudwatch'),
  trace: row('X-Ray: traces recorded', 5, 'per million', 'xray'),
  trailEvent: row('CloudTrail: events of a second trail', 2, 'per 100,000', 'cloudtrail'),
  trailData: row('CloudTrail: data events', 0.1, 'per 100,000', 'cloudtrail'),
  objectPut: row('S3: PUT and LIST requests', 5, 'per million', 's3'),
  objectGet: row('S3: GET requests', 0.4, 'per million', 's3'),
  objectStorage: row('S3: storage', 0.023, 'per GB-month', 's3'),
  busEvent: row('EventBridge: events that a bucket sends', 1, 'per million', 'eventbridge'),
  queueRequest: row('SQS: requests', 0.4, 'per million', 'sqs'),
  mail: row('SES: mail', 0.1, 'per thousand', 'ses'),
  edgeRequest: row('CloudFront: HTTPS requests', 1, 'per million', 'cloudfront'),
  edgeTraffic: row('CloudFront: traffic out', 0.085, 'per GB', 'cloudfront'),
  edgeFunction: row('CloudFront: runs of a function', 0.1, 'per million', 'cloudfront'),
  firewallAcl: row('WAF: a web ACL', 5, 'per month', 'waf'),
  firewallRule: row('WAF: a rule', 1, 'per month', 'waf'),
  firewallRequest: row('WAF: requests', 0.6, 'per million', 'waf'),
  secret: row('Secrets Manager: a secret', 0.4, 'per month', 'secrets-manager'),
  natHour: row('VPC: a NAT gateway', 0.045, 'per hour', 'vpc'),
  natTraffic: row('VPC: traffic through it', 0.045, 'per GB', 'vpc'),
  addressHour: row('VPC: a public IPv4 address', 0.005, 'per hour', 'vpc'),
  endpointHour: row('VPC: an interface endpoint in one zone', 0.01, 'per hour', 'privatelink'),
  endpointTraffic: row('VPC: traffic through it', 0.01, 'per GB', 'privatelink'),
  networkFirewallHour: row('Network Firewall: an endpoint', 0.395, 'per hour', 'network-firewall'),
  networkFirewallTraffic: row('Network Firewall: traffic', 0.065, 'per GB', 'network-firewall'),
  // No stage uses these two: docs/capacity.md compares them with the watchers.
  containerProcessor: row('Fargate, arm64: a processor; compared only', 0.03238, 'per hour', 'fargate'),
  containerMemory: row('Fargate, arm64: memory; compared only', 0.00356, 'per GB-hour', 'fargate'),
} as const satisfies Readonly<Record<string, Price>>;

/** Hours of a month in AWS's calculator. */
const HOURS = 730;

const UNITS: Readonly<Record<string, number>> = {
  'per million': 1_000_000,
  'per 100,000': 100_000,
  'per 10,000': 10_000,
  'per thousand': 1_000,
};

/** Returns what `count` requests, GB or other single units cost, US dollars. */
export const usdOf = ({ dollars, unit }: Price, count: number): number =>
  (dollars * count) / (UNITS[unit] ?? 1);

/** The amount with at least two digits after the point, and more if it has more. */
export const inDollars = (amount: number): string => {
  const digits = amount.toFixed(10).replace(/0+$/, '').split('.')[1]?.length ?? 0;
  return `$${amount.toFixed(Math.max(2, digits))}`;
};

const perMonth = ({ dollars }: Price, count = 1): string => `$${(dollars * HOURS * count).toFixed(2)}`;

/** The lines of docs/cost.md with every price. */
export const priceLines = (): readonly string[] => [
  '| What | Price | Source | Entered |',
  '|---|---|---|---|',
  ...Object.values(PRICES).map(
    ({ what, dollars, unit, source, entered }) =>
      `| ${what} | ${inDollars(dollars)} ${unit} | [page](${source}) | ${entered} |`,
  ),
];

/** The lines of docs/cost.md about a fixed address: `endpoints` is the number of interface endpoints in the templates. */
export const egressLines = (endpoints: number): readonly string[] => {
  const { natHour, natTraffic, addressHour, endpointHour, networkFirewallHour, networkFirewallTraffic } =
    PRICES;
  const fixed = HOURS * (natHour.dollars + addressHour.dollars + endpointHour.dollars * endpoints);
  const guarded = fixed + HOURS * networkFirewallHour.dollars;
  return [
    '| What | Per month |',
    '|---|---|',
    `| NAT gateway, and ${inDollars(natTraffic.dollars)} per GB | ${perMonth(natHour)} |`,
    `| Elastic IP | ${perMonth(addressHour)} |`,
    `| ${endpoints} interface endpoints in one zone; that of DynamoDB is free | ${perMonth(endpointHour, endpoints)} |`,
    `| \`static\`, together | **$${fixed.toFixed(2)}** |`,
    `| Network Firewall, and ${inDollars(networkFirewallTraffic.dollars)} per GB | ${perMonth(networkFirewallHour)} |`,
    `| \`openai-only\`, together | **$${guarded.toFixed(2)}** |`,
  ];
};
