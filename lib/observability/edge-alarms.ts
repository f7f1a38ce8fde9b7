import { MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { BrokerAlarm } from '../constructs/broker-alarm.ts';
import { firewallMetric } from './metrics.ts';

export interface EdgeAlarmsProps {
  readonly stage: string;
  readonly topic: ITopic;
  readonly distributionId: string;
  /** True if WAF is in front. */
  readonly firewall: boolean;
}

/** With fewer requests than this in five minutes, no rate is computed, because scanners alone send some. */
const LEAST_REQUESTS = 50;

/**
 * Alarms on the answers of CloudFront and WAF before a request reaches the API. In a stack of us-east-1, because an
 * alarm reads metrics and notifies topics only in its region.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
 */
export const addEdgeAlarms = (scope: Construct, props: EdgeAlarmsProps): void => {
  const { stage, topic, distributionId, firewall } = props;
  const cloudFront = (metricName: 'Requests' | '5xxErrorRate', statistic: string): Metric =>
    new Metric({
      namespace: 'AWS/CloudFront',
      metricName,
      dimensionsMap: { DistributionId: distributionId, Region: 'Global' },
      statistic,
      period: Duration.minutes(5),
    });
  new BrokerAlarm(scope, 'EdgeFails', {
    stage,
    topic,
    runbook: 'The edge answers with errors',
    metric: new MathExpression({
      label: 'percent of answers above 499',
      expression: `IF(requests >= ${LEAST_REQUESTS}, FILL(rate, 0), 0)`,
      usingMetrics: {
        requests: cloudFront('Requests', Stats.SUM),
        rate: cloudFront('5xxErrorRate', Stats.AVERAGE),
      },
      period: Duration.minutes(5),
    }),
    above: 10,
    periods: 2,
    impact: 'visitors get no session and owners get no response, even if the API itself works.',
    because:
      'one response in ten is a 5xx for ten minutes, as for the API; if the API alarm does not fire too, CloudFront cannot reach the API.',
  });

  if (!firewall) return;
  new BrokerAlarm(scope, 'FirewallBlocks', {
    stage,
    topic,
    runbook: 'The firewall turns requests away',
    metric: new MathExpression({
      label: 'percent of requests that WAF blocks',
      expression: `IF(FILL(blocked, 0) + FILL(allowed, 0) >= ${LEAST_REQUESTS}, 100 * FILL(blocked, 0) / (FILL(blocked, 0) + FILL(allowed, 0)), 0)`,
      usingMetrics: {
        blocked: firewallMetric(stage, 'BlockedRequests', 'ALL'),
        allowed: firewallMetric(stage, 'AllowedRequests', 'ALL'),
      },
      period: Duration.minutes(5),
    }),
    above: 20,
    periods: 3,
    impact:
      'none while it blocks an attack; visitors and owners get 403 or 429 if a rule mistakes them for attackers.',
    because:
      'one request in five is blocked for 15 minutes; scanners of any public name cause a few in a hundred.',
  });
};
