import { Rule, type Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';

export interface ScheduledFunctionProps extends Omit<BrokerFunctionProps, 'afterFailure'> {
  readonly functionName: 'sweeper' | 'retire-models' | 'reconcile' | 'heartbeat';
  readonly schedule: Schedule;
}

/**
 * A function that EventBridge calls on a schedule. The next run makes up for a failed one, so there are no dead
 * letters.
 */
export class ScheduledFunction extends Construct {
  readonly broker: BrokerFunction;

  constructor(scope: Construct, id: string, props: ScheduledFunctionProps) {
    super(scope, id);
    this.broker = new BrokerFunction(this, 'Broker', {
      ...props,
      afterFailure:
        'The next run of the schedule finds what a failed one left; there is nothing in an event to keep.',
    });
    const rule = new Rule(this, 'Schedule', {
      description: `Spelo BYOK: schedule of ${props.functionName}`,
      schedule: props.schedule,
      targets: [new LambdaFunction(this.broker.function, { retryAttempts: 0 })],
    });
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason:
        'A call that is lost or fails is made up for by the next of the schedule; an alarm counts the runs.',
    });
  }
}
