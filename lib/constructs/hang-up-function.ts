import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { METRIC_NAMESPACE } from '../../lambdas/contract/metrics.ts';
import { BrokerAlarm } from './broker-alarm.ts';
import { QueueFunction, type QueueFunctionProps } from './queue-function.ts';

/**
 * Maximum number of containers for the queue, so that a kill switch does not use up the concurrency that visitors need.
 */
const MAX_CONCURRENCY = 20;

/** The function behind the queue of hang-ups, with alarms on calls that continue although they should have ended. */
export class HangUpFunction extends QueueFunction {
  constructor(
    scope: Construct,
    id: string,
    props: Omit<QueueFunctionProps, 'functionName' | 'maxConcurrency' | 'gaveUp'>,
  ) {
    super(scope, id, {
      ...props,
      functionName: 'hangup',
      maxConcurrency: MAX_CONCURRENCY,
      gaveUp: {
        runbook: 'Hang-up gave up',
        impact:
          'a call could not be ended within an hour; OpenAI has since ended it, and its owner paid for it.',
        because: 'a single dead letter is a call that ran longer than it should have.',
      },
    });
    const { source, stage, topic } = props;
    const common = { stage, topic };
    new BrokerAlarm(this, 'Late', {
      ...common,
      runbook: 'Hang-ups are late',
      metric: source.queue.metricApproximateAgeOfOldestMessage({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: Duration.minutes(20).toSeconds(),
      periods: 3,
      impact: 'calls continue after their cap or after an owner ended them, and cost the owners money.',
      because:
        'a cap waits in the queue for up to 15 minutes before it is due; a message older than 20 minutes for three minutes is late.',
    });
    new BrokerAlarm(this, 'Lost', {
      ...common,
      runbook: 'A call could not be hung up',
      metric: new Metric({
        namespace: METRIC_NAMESPACE,
        metricName: 'LostCalls',
        dimensionsMap: { service: 'hangup', stage },
        statistic: Stats.SUM,
        period: Duration.minutes(5),
      }),
      above: 0,
      impact: 'a call that we cannot end continues until OpenAI ends it after an hour.',
      because: 'each one spends money on a key that its owner has withdrawn.',
    });
  }
}
