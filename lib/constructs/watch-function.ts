import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerAlarm } from './broker-alarm.ts';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';

export interface WatchFunctionProps extends Omit<BrokerFunctionProps, 'afterFailure'> {
  readonly functionName: 'watch';
  readonly topic: ITopic;
  /** Encrypts the dead letters. */
  readonly queueKey: IKey;
}

/** A watcher that starts later than this has missed too much to justify a use of the key. */
const MAX_EVENT_AGE = Duration.seconds(60);

/** The watcher of calls: one asynchronous invocation for each, never repeated by Lambda. */
export class WatchFunction extends Construct {
  readonly deadLetters: DeadLetterQueue;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: WatchFunctionProps) {
    super(scope, id);
    const { stage, topic, queueKey } = props;
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters', {
      encryptionKey: queueKey,
      of: 'asynchronous invocations',
    });
    const broker = new BrokerFunction(this, 'Broker', {
      ...props,
      // `ws` is CommonJS.
      usesRequire: true,
      afterFailure: 'What fails asynchronously goes to its queue, as the on-failure destination.',
      permissions: [...props.permissions, ...this.deadLetters.sending],
    });
    this.logGroup = broker.logGroup;
    broker.function.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: MAX_EVENT_AGE,
      onFailure: { bind: () => ({ destination: this.deadLetters.queueArn }) },
    });
    new BrokerAlarm(this, 'GaveUp', {
      stage,
      topic,
      runbook: 'A call lost its watcher',
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: 0,
      impact: 'the usage of a call is incomplete, and changes to its session go unnoticed.',
      because: 'a single dead letter is a call that was not watched to its end.',
    });
  }
}
