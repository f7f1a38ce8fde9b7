import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type EventPattern, Rule } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerAlarm } from './broker-alarm.ts';

export interface NoticeRuleProps {
  readonly stage: string;
  readonly topic: ITopic;
  readonly runbook: string;
  readonly description: string;
  /** One rule each, named `<name>Rule`: a pattern has 2,048 characters at most. */
  readonly eventPatterns: Readonly<Record<string, EventPattern>>;
  readonly impact: string;
  readonly because: string;
}

/**
 * Events that a person must see. Each one goes to the topic unchanged and is counted. One alarm for all rules stays in
 * the list of alarms even if the message is overlooked.
 */
export class NoticeRule extends Construct {
  constructor(scope: Construct, id: string, props: NoticeRuleProps) {
    super(scope, id);
    const { stage, topic, runbook, description, eventPatterns, impact, because } = props;
    const rules = Object.entries(eventPatterns).map(([name, eventPattern]) => {
      const rule = new Rule(this, `${name}Rule`, { description: `Spelo BYOK: ${description}`, eventPattern });
      // The topic's policy lets rules publish; CDK's target would add another statement for each.
      Validations.of(rule).acknowledge({
        id: 'Serverless-EventBusDLQ',
        reason:
          'A message that is lost leaves its event in CloudTrail or the audit trail, and the alarm on the count of the rule itself.',
      });
      rule.addTarget({ bind: () => ({ arn: topic.topicArn }) });
      return rule;
    });

    new BrokerAlarm(this, 'Alarm', {
      stage,
      topic,
      runbook,
      impact,
      metric: matchesOf(rules),
      above: 0,
      because,
    });
  }
}

/** How many events the rules matched, by the minute. */
export const matchesOf = (rules: readonly Rule[]): IMetric => {
  const period = Duration.minutes(1);
  const [first, ...more] = rules.map(
    (rule) =>
      new Metric({
        namespace: 'AWS/Events',
        metricName: 'TriggeredRules',
        dimensionsMap: { RuleName: rule.ruleName },
        statistic: Stats.SUM,
        period,
      }),
  );
  if (first === undefined) throw new Error('There is no rule to count.');
  if (more.length === 0) return first;
  const usingMetrics = Object.fromEntries([first, ...more].map((metric, index) => [`rule${index}`, metric]));
  return new MathExpression({
    label: 'events',
    expression: Object.keys(usingMetrics)
      .map((id) => `FILL(${id}, 0)`)
      .join(' + '),
    usingMetrics,
    period,
  });
};
