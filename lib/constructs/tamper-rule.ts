import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type EventPattern, Rule } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerAlarm } from './broker-alarm.ts';

export interface TamperRuleProps {
  readonly stage: string;
  readonly topic: ITopic;
  readonly runbook: string;
  readonly source: 'kms' | 'cloudtrail';
  readonly eventNames: readonly string[];
  /** What the call must be about, as an event pattern on CloudTrail's record. */
  readonly about: NonNullable<EventPattern['detail']>;
  readonly impact: string;
}

/**
 * Calls that weaken what protects the keys or the evidence. Each one goes to the topic as CloudTrail recorded it, who and
 * from where, and is counted: the alarm stays in the list of alarms when the message is overlooked.
 */
export class TamperRule extends Construct {
  constructor(scope: Construct, id: string, props: TamperRuleProps) {
    super(scope, id);
    const { stage, topic, runbook, source, eventNames, about, impact } = props;
    const rule = new Rule(this, 'Rule', {
      description: `Spelo BYOK: ${eventNames.join(', ')}`,
      eventPattern: {
        source: [`aws.${source}`],
        detailType: ['AWS API Call via CloudTrail'],
        detail: { eventSource: [`${source}.amazonaws.com`], eventName: [...eventNames], ...about },
      },
    });
    // The topic's policy lets rules publish; CDK's target would add another statement for each.
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
      because: 'each call counts; in normal operation there is none outside an announced change.',
    });
  }
}
