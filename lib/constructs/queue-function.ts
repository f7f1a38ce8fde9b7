import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerAlarm, type BrokerAlarmProps } from './broker-alarm.ts';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';
import type { MessageQueue } from './message-queue.ts';

export interface QueueFunctionProps extends Omit<BrokerFunctionProps, 'afterFailure'> {
  readonly source: MessageQueue;
  readonly topic: ITopic;
  /** Maximum number of containers for the queue. */
  readonly maxConcurrency: number;
  /** The alarm on dead letters. */
  readonly gaveUp: Pick<BrokerAlarmProps, 'runbook' | 'impact' | 'because'>;
}

/** A function behind a queue, with an alarm on the messages that it could not handle. */
export class QueueFunction extends Construct {
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: QueueFunctionProps) {
    super(scope, id);
    const { source, topic, maxConcurrency, gaveUp, ...rest } = props;
    const broker = new BrokerFunction(this, 'Broker', {
      ...rest,
      afterFailure:
        'The queue delivers again what the function reports as failed, and keeps it as a dead letter in the end.',
    });
    this.logGroup = broker.logGroup;
    const mapping = broker.function.addEventSourceMapping('Queue', {
      eventSourceArn: source.queue.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      // A limit of the mapping instead of reserved concurrency, with which throttled messages would count as delivered.
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
      maxConcurrency,
    });
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason:
        'SQS keeps what fails in the dead-letter queue of the queue itself; a mapping of SQS takes no destination.',
    });
    new BrokerAlarm(this, 'GaveUp', {
      ...gaveUp,
      stage: props.stage,
      topic,
      metric: source.deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: 0,
    });
  }
}
