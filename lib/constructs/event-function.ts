import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type EventPattern, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerAlarm } from './broker-alarm.ts';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';

export interface EventFunctionProps extends Omit<BrokerFunctionProps, 'afterFailure'> {
  readonly functionName: 'rotate-on-request';
  readonly eventPattern: EventPattern;
  /** Heading in the runbook for an event that was given up on. */
  readonly runbook: string;
  readonly topic: ITopic;
  /** Encrypts the dead letters. */
  readonly queueKey: IKey;
  readonly impact: string;
}

/** The maximum age of an event, for EventBridge to deliver it and for Lambda to process it. */
const MAX_EVENT_AGE = Duration.hours(1);

/**
 * A function for events that loses none silently: events that EventBridge cannot deliver, or that fail three times in
 * the function, go to one queue.
 */
export class EventFunction extends Construct {
  readonly deadLetters: DeadLetterQueue;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: EventFunctionProps) {
    super(scope, id);
    const { functionName, stage, topic, runbook, impact, eventPattern, queueKey } = props;

    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters', {
      encryptionKey: queueKey,
      of: 'a rule and of asynchronous invocations',
    });
    const broker = new BrokerFunction(this, 'Broker', {
      ...props,
      afterFailure: 'What fails asynchronously goes to its queue, as the on-failure destination.',
      permissions: [...props.permissions, ...this.deadLetters.sending],
    });
    this.logGroup = broker.logGroup;
    broker.function.configureAsyncInvoke({
      retryAttempts: 2,
      maxEventAge: MAX_EVENT_AGE,
      onFailure: { bind: () => ({ destination: this.deadLetters.queueArn }) },
    });
    new Rule(this, 'Rule', {
      description: `Spelo BYOK: events for ${functionName}`,
      eventPattern,
      targets: [
        new LambdaFunction(broker.function, {
          retryAttempts: 20,
          maxEventAge: MAX_EVENT_AGE,
          deadLetterQueue: this.deadLetters,
        }),
      ],
    });

    new BrokerAlarm(this, 'GaveUp', {
      stage,
      topic,
      runbook,
      impact,
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      above: 0,
      because: 'a single dead letter is an event that was not handled and is not retried.',
    });
  }
}
