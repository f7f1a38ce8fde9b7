import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { STSClient } from '@aws-sdk/client-sts';
import { namingFailures } from './aws-failure.ts';

/** The services that the command asks, each in one region. Endpoints and credentials are those of the AWS SDK. */
export interface AwsClients {
  readonly cloudFormation: (region: string) => CloudFormationClient;
  readonly cloudTrail: (region: string) => CloudTrailClient;
  readonly cognito: (region: string) => CognitoIdentityProviderClient;
  readonly lambda: (region: string) => LambdaClient;
  readonly quotas: (region: string) => ServiceQuotasClient;
  readonly sts: (region: string) => STSClient;
}

const perRegion = <Client>(make: (region: string) => Client): ((region: string) => Client) => {
  const made = new Map<string, Client>();
  return (region) => {
    const client = made.get(region) ?? make(region);
    made.set(region, client);
    return client;
  };
};

export const awsClients = (): AwsClients => ({
  cloudFormation: perRegion((region) => namingFailures(new CloudFormationClient({ region }), region)),
  cloudTrail: perRegion((region) => namingFailures(new CloudTrailClient({ region }), region)),
  cognito: perRegion((region) => namingFailures(new CognitoIdentityProviderClient({ region }), region)),
  lambda: perRegion((region) => namingFailures(new LambdaClient({ region }), region)),
  quotas: perRegion((region) => namingFailures(new ServiceQuotasClient({ region }), region)),
  sts: perRegion((region) => namingFailures(new STSClient({ region }), region)),
});
