import { Aws, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { EgressNetwork, type NetworkPlace } from './constructs/egress-network.ts';
import type { StageConfig } from './stage-config.ts';

export interface NetworkStackProps extends StackProps {
  readonly config: StageConfig;
}

/** Every host of OpenAI's API, including the regional ones (lambdas/contract/environment.ts). */
const OPENAI_HOSTS = ['api.openai.com', '.api.openai.com'] as const;

/** Host names outside of AWS's endpoints to which functions that hold plaintext connect: OpenAI, and the issuer's keys. */
const hostsOf = ({ signIn }: StageConfig): readonly string[] => [
  ...OPENAI_HOSTS,
  'cognito' in signIn ? `cognito-idp.${Aws.REGION}.${Aws.URL_SUFFIX}` : new URL(signIn.issuer).hostname,
];

/** The network of functions that hold plaintext, for a stage with `egress`. Other stages have none. */
export class NetworkStack extends Stack {
  readonly place: NetworkPlace;

  constructor(scope: Construct, id: string, { config, ...props }: NetworkStackProps) {
    super(scope, id, {
      description: 'Spelo BYOK: one address for the functions that hold plaintext',
      ...props,
    });
    const network = new EgressNetwork(this, 'Egress', {
      stage: config.stage,
      logRetention: config.logRetentionDays,
      allowedHosts: config.egress === 'openai-only' ? hostsOf(config) : undefined,
    });
    this.place = network.place;
    new CfnOutput(this, 'EgressAddress', { value: network.address });
  }
}
