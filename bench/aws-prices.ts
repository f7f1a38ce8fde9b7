/** One list price as AWS states it. */
export interface Price {
  /** Of one unit, US dollars. */
  readonly usd: number;
  /** As docs/cost.md says it. */
  readonly said: string;
  readonly source: string;
}

const price = (said: string, source: string): Price => {
  const [, dollars, unit = ''] = /^\$([\d.]+) per (.+)$/.exec(said) ?? [];
  const units = UNITS[unit];
  if (dollars === undefined || units === undefined) throw new Error(`"${said}" is no price.`);
  return { usd: Number(dollars) / units, said, source };
};

const UNITS: Readonly<Record<string, number>> = {
  million: 1_000_000,
  '10,000': 10_000,
  GB: 1,
  'GB-s': 1,
  'GB-month': 1,
};

/**
 * List prices of us-east-1, November 2025, without free tiers. The one place for them; docs/cost.md is held to it by a
 * test.
 */
export const AWS_PRICES = {
  /** One request of an HTTP API, up to 300 million a month. */
  apiRequest: price('$1.00 per million', 'https://aws.amazon.com/api-gateway/pricing/'),
  lambdaRequest: price('$0.20 per million', 'https://aws.amazon.com/lambda/pricing/'),
  /** Of an arm64 function, the first tier. */
  lambdaGbSecond: price('$0.0000133334 per GB-s', 'https://aws.amazon.com/lambda/pricing/'),
  /** On demand, one request unit. */
  writeUnit: price('$0.625 per million', 'https://aws.amazon.com/dynamodb/pricing/on-demand/'),
  readUnit: price('$0.125 per million', 'https://aws.amazon.com/dynamodb/pricing/on-demand/'),
  kmsRequest: price('$0.03 per 10,000', 'https://aws.amazon.com/kms/pricing/'),
  logGb: price('$0.50 per GB', 'https://aws.amazon.com/cloudwatch/pricing/'),
} as const;
