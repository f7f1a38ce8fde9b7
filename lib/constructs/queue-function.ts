import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { METRIC_NAMESPACE } from '../../lambdas/contract/metrics.ts';
import { BrokerAlarm } from './broker-alarm.ts';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';
import type { HangUpQueue } from './hang-up-queue.ts';

export interface QueueFunctionProps extends Omit<BrokerFunctionProps, 'afterFailure'> {
  readonly functionName: 'hangup';
  readonly source: HangUpQueue;
  readonly topic: ITopic;
}

/** Containers that serve the queue at once: a kill switch must not take the account's concurrency from visitors. */
const MAX_CONCURRENCY = 20;

/** The function behind the queue of hang-ups, with alarms on calls that go on although they should have ended. */
export class QueueFunction extends Construct {
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: QueueFunctionProps) {
    super(scope, id);
    const { source, stage, topic, functionName } = props;
    const broker = new BrokerFunction(this, 'Broker', {
      ...props,
      afterFailure:
        'The queue delivers again what the function reports as failed, and keeps it as a dead letter in the end.',
    });
    this.logGroup = broker.logGroup;
    const mapping = broker.function.addEventSourceMapping('Queue', {
      eventSourceArn: source.queue.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      // On the mapping, not reserved concurrency: messages that are throttled would count as delivered.
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
      maxConcurrency: MAX_CONCURRENCY,
    });
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason:
        'SQS keeps what fails in the dead-letter queue of the queue itself; a mapping of SQS takes no destination.',
    });

    const common = { stage, topic };
    new BrokerAlarm(this, 'GaveUp', {
      ...common,
      runbook: 'Hang-up gave up',
      metric: source.deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: 0,
      impact:
        'a call was not ended in an hour of trying; OpenAI has ended it by then, and its owner has paid for it.',
      because: 'a single dead letter is a call that went on longer than it should have.',
    });
    new BrokerAlarm(this, 'Late', {
      ...common,
      runbook: 'Hang-ups are late',
      metric: source.queue.metricApproximateAgeOfOldestMessage({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: Duration.minutes(20).toSeconds(),
      periods: 3,
      impact:
        'calls continue although their cap is reached or an owner has ended them; they cost their owners money.',
      because:
        'a cap waits in the queue for up to 15 minutes, delayed, before it is due; five more for three minutes are no delay.',
    });
    new BrokerAlarm(this, 'Lost', {
      ...common,
      runbook: 'A call could not be hung up',
      metric: new Metric({
        namespace: METRIC_NAMESPACE,
        metricName: 'LostCalls',
        dimensionsMap: { service: functionName, stage },
        statistic: Stats.SUM,
        period: Duration.minutes(5),
      }),
      above: 0,
      impact: 'a call goes on that nobody here can end, until OpenAI ends it after an hour.',
      because: 'each one spends money on a key that its owner has taken away.',
    });
  }
}
