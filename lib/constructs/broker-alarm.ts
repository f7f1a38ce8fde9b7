import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export interface BrokerAlarmProps {
  readonly stage: string;
  readonly topic: ITopic;
  /** Its heading in docs/runbook.md and, with hyphens, its name. A test fails if the heading does not exist. */
  readonly runbook: string;
  readonly metric: IMetric;
  /** The alarm fires above this value. */
  readonly above: number;
  /** Periods of the metric in a row. @default 1 */
  readonly periods?: number;
  /** `alarms`: missing data raises the alarm. By default missing data means that nothing happened. */
  readonly silence?: 'alarms';
  /** The harm to a user, or to the evidence that a user relies on. */
  readonly impact: string;
  /** The reason for this threshold. */
  readonly because: string;
}

/** An alarm whose description has the harm, the reason for its threshold and a link to the runbook. */
export class BrokerAlarm extends Alarm {
  constructor(scope: Construct, id: string, props: BrokerAlarmProps) {
    const { stage, topic, runbook, metric, above, periods = 1, silence, impact, because } = props;
    super(scope, id, {
      alarmName: `spelo-byok-${stage}-${runbook.toLowerCase().replaceAll(' ', '-')}`,
      alarmDescription: `Impact: ${impact} Threshold: ${because} Runbook: docs/runbook.md, "${runbook}".`,
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: silence === 'alarms' ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    this.addAlarmAction(new SnsAction(topic));
  }
}
