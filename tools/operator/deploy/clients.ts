import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { STSClient } from '@aws-sdk/client-sts';

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
  cloudFormation: perRegion((region) => new CloudFormationClient({ region })),
  cloudTrail: perRegion((region) => new CloudTrailClient({ region })),
  cognito: perRegion((region) => new CognitoIdentityProviderClient({ region })),
  lambda: perRegion((region) => new LambdaClient({ region })),
  quotas: perRegion((region) => new ServiceQuotasClient({ region })),
  sts: perRegion((region) => new STSClient({ region })),
});
