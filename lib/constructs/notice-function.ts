import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerAlarm } from './broker-alarm.ts';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';
import type { NoticeQueue } from './notice-queue.ts';

export interface NoticeFunctionProps extends Omit<BrokerFunctionProps, 'afterFailure' | 'functionName'> {
  readonly source: NoticeQueue;
  readonly topic: ITopic;
}

/** Containers that send notices at once: receivers that stall must not take the account's concurrency from visitors. */
const MAX_CONCURRENCY = 10;

/** The function behind the queue of notices, with an alarm on notices that this service could not handle. */
export class NoticeFunction extends Construct {
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: NoticeFunctionProps) {
    super(scope, id);
    const { source, stage, topic } = props;
    const broker = new BrokerFunction(this, 'Broker', {
      ...props,
      functionName: 'notices',
      afterFailure:
        'The queue delivers again what the function reports as failed, and keeps it as a dead letter in the end.',
    });
    this.logGroup = broker.logGroup;
    const mapping = broker.function.addEventSourceMapping('Queue', {
      eventSourceArn: source.queue.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      maxConcurrency: MAX_CONCURRENCY,
    });
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason:
        'SQS keeps what fails in the dead-letter queue of the queue itself; a mapping of SQS takes no destination.',
    });
    new BrokerAlarm(this, 'GaveUp', {
      stage,
      topic,
      runbook: 'Notices gave up',
      metric: source.deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: 0,
      impact: 'a workspace was not notified of something, and its log of deliveries does not say so.',
      because:
        'a receiver that fails ends in the log of deliveries; a dead letter means that this service failed a hundred times.',
    });
  }
}
