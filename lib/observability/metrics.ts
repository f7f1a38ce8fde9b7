import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import type { DeployedFunctionName } from '../../lambdas/contract/environment.ts';
import { METRIC_NAMESPACE, type METRICS, type MetricName } from '../../lambdas/contract/metrics.ts';
import { deployedNameOf } from '../constructs/broker-function.ts';
import { firewallNameOf } from '../constructs/web-firewall.ts';

type DimensionsOf<Name extends MetricName> = Readonly<
  Record<(typeof METRICS)[Name]['dimensions'][number], string>
>;

export interface Look {
  readonly label?: string;
  /** @default 5 minutes */
  readonly period?: Duration;
  /** @default the sum */
  readonly statistic?: string;
  readonly color?: string;
}

const FIVE_MINUTES = Duration.minutes(5);

/** Only the given properties, because CDK distinguishes undefined from absent. */
const lookOf = ({ label, color, period = FIVE_MINUTES, statistic = Stats.SUM }: Look) => ({
  period,
  statistic,
  ...(label !== undefined && { label }),
  ...(color !== undefined && { color }),
});

/** A metric of the catalogue, with exactly the dimensions that it is written with. */
export const ownMetric = <Name extends MetricName>(
  stage: string,
  service: DeployedFunctionName,
  name: Name,
  dimensions: DimensionsOf<Name>,
  look: Look = {},
): Metric =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: name,
    dimensionsMap: { service, stage, ...dimensions },
    ...lookOf(look),
  });

/** One of Lambda's own metrics of a function. */
export const lambdaMetric = (
  stage: string,
  name: DeployedFunctionName,
  metricName: 'Errors' | 'Throttles' | 'IteratorAge' | 'ConcurrentExecutions' | 'Invocations' | 'Duration',
  look: Look = {},
): Metric =>
  new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { FunctionName: deployedNameOf(stage, name) },
    ...lookOf({ label: name, ...look }),
  });

/** One of WAF's own metrics of the stage's web ACL. They are in us-east-1, whatever the region of the stage. */
export const firewallMetric = (
  stage: string,
  metricName: 'AllowedRequests' | 'BlockedRequests',
  rule: string,
  look: Look & { readonly region?: string } = {},
): Metric =>
  new Metric({
    namespace: 'AWS/WAFV2',
    metricName,
    dimensionsMap: { WebACL: firewallNameOf(stage), Rule: rule },
    ...(look.region !== undefined && { region: look.region }),
    ...lookOf(look),
  });

export const apiMetric = (
  apiId: string,
  metricName: 'Count' | '4xx' | '5xx' | 'Latency',
  look: Look = {},
): Metric =>
  new Metric({
    namespace: 'AWS/ApiGateway',
    metricName,
    dimensionsMap: { ApiId: apiId, Stage: '$default' },
    ...lookOf(look),
  });

/** One of DynamoDB's own metrics of a table. */
export const tableMetric = (
  tableName: string,
  metricName:
    | 'ConsumedReadCapacityUnits'
    | 'ConsumedWriteCapacityUnits'
    | 'ReadThrottleEvents'
    | 'WriteThrottleEvents',
  look: Look = {},
): Metric =>
  new Metric({
    namespace: 'AWS/DynamoDB',
    metricName,
    dimensionsMap: { TableName: tableName },
    ...lookOf(look),
  });

/**
 * Share of the account's quota of symmetric KMS operations in use, percent. Every function draws on it, and whatever else
 * runs in the account and region. https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
 */
export const kmsQuotaUse = (): MathExpression => {
  const calls = new Metric({
    namespace: 'AWS/Usage',
    metricName: 'CallCount',
    dimensionsMap: {
      Service: 'KMS',
      Type: 'API',
      Resource: 'CryptographicOperationsSymmetric',
      Class: 'None',
    },
    statistic: Stats.SUM,
    period: Duration.minutes(1),
  });
  return new MathExpression({
    label: 'KMS, percent of the quota',
    // A call count is per minute and the quota per second.
    expression: '100 * (calls / 60) / SERVICE_QUOTA(calls)',
    usingMetrics: { calls },
    period: Duration.minutes(1),
  });
};

/** An id for a metric in an expression, which must differ from the others of one graph. */
export const metricId = (label: string): string => `m_${label.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`;

/** CloudWatch accepts at most ten metrics in an alarm. */
const MAX_METRICS_OF_AN_ALARM = 10;

/** The sum of metrics, where one that has no data counts as 0. */
export const sumOf = (
  label: string,
  metrics: readonly IMetric[],
  { period = FIVE_MINUTES, color }: Pick<Look, 'period' | 'color'> = {},
): MathExpression => {
  if (metrics.length > MAX_METRICS_OF_AN_ALARM)
    throw new Error(`An alarm on "${label}" would need ${metrics.length} metrics; CloudWatch takes ten.`);
  const names = metrics.map((_, index) => `${metricId(label)}_${index}`);
  return new MathExpression({
    label,
    expression: names.map((name) => `FILL(${name}, 0)`).join(' + '),
    usingMetrics: Object.fromEntries(metrics.map((metric, index) => [`${metricId(label)}_${index}`, metric])),
    period,
    ...(color !== undefined && { color }),
  });
};
