import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { BrokerFunction, type BrokerFunctionProps } from './broker-function.ts';

export interface ScheduledFunctionProps extends BrokerFunctionProps {
  readonly functionName: 'sweeper';
  readonly every: Duration;
}

/** A function that EventBridge calls at a fixed rate. A run that fails is made up for by the next: no dead letter. */
export class ScheduledFunction extends Construct {
  readonly broker: BrokerFunction;

  constructor(scope: Construct, id: string, props: ScheduledFunctionProps) {
    super(scope, id);
    this.broker = new BrokerFunction(this, 'Broker', props);
    new Rule(this, 'Schedule', {
      description: `Spelo BYOK: schedule of ${props.functionName}`,
      schedule: Schedule.rate(props.every),
      targets: [new LambdaFunction(this.broker.function, { retryAttempts: 0 })],
    });
  }
}
