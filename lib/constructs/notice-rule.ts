import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
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
  readonly eventPattern: EventPattern;
  readonly impact: string;
  readonly because: string;
}

/**
 * Events that somebody must see. Each one goes to the topic as it is and is counted: the alarm stays in the list of
 * alarms when the message is overlooked.
 */
export class NoticeRule extends Construct {
  constructor(scope: Construct, id: string, props: NoticeRuleProps) {
    super(scope, id);
    const { stage, topic, runbook, description, eventPattern, impact, because } = props;
    const rule = new Rule(this, 'Rule', { description: `Spelo BYOK: ${description}`, eventPattern });
    // The topic's policy lets rules publish; CDK's target would add another statement for each.
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason:
        'A message that is lost leaves its event in CloudTrail or the audit trail, and the alarm on the count of the rule itself.',
    });
    rule.addTarget({ bind: () => ({ arn: topic.topicArn }) });

    new BrokerAlarm(this, 'Alarm', {
      stage,
      topic,
      runbook,
      impact,
      metric: new Metric({
        namespace: 'AWS/Events',
        metricName: 'TriggeredRules',
        dimensionsMap: { RuleName: rule.ruleName },
        statistic: Stats.SUM,
        period: Duration.minutes(1),
      }),
      above: 0,
      because,
    });
  }
}
