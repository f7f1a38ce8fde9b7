import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { StageConfig } from '../../../lib/stage-config.ts';
import type { AwsClients } from './clients.ts';
import { awsErrorOf, DeployStop } from './stop.ts';

export interface Account {
  readonly account: string;
  readonly region: string;
  /** ARN of the user or role behind the credentials. */
  readonly caller: string;
}

/** Returns the region of the stage, otherwise of the environment or the profile. Throws DeployStop if there is none. */
export const regionOf = async ({ region, stage }: Pick<StageConfig, 'region' | 'stage'>): Promise<string> => {
  if (region !== undefined) return region;
  const fromEnvironment = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  try {
    return await new STSClient({}).config.region();
  } catch {
    throw new DeployStop(
      `No region: neither the stage ${stage} nor the environment names one.`,
      'Set AWS_REGION, for example: export AWS_REGION=eu-central-1',
    );
  }
};

const SIGN_IN =
  'Sign in with the AWS CLI (aws login, or aws sso login --profile NAME), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Then run the command again.';

/** Advice for the refusals of STS: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
const REFUSALS: Readonly<Record<string, string>> = {
  ExpiredToken: 'The AWS credentials have expired.',
  ExpiredTokenException: 'The AWS credentials have expired.',
  SignatureDoesNotMatch: 'AWS does not accept the secret of these credentials.',
  AccessDenied: 'AWS refuses these credentials.',
  AuthFailure: 'AWS refuses these credentials.',
  UnrecognizedClientException: 'AWS does not know these credentials.',
};

const withoutCredentials = (profile = ''): DeployStop =>
  profile === ''
    ? new DeployStop('No AWS credentials were found.', SIGN_IN)
    : new DeployStop(
        `No AWS credentials were found in the profile ${profile}, which AWS_PROFILE names.`,
        `Check the name with aws configure list-profiles, sign in with aws login --profile ${profile} or aws sso login --profile ${profile}, then run the command again.`,
      );

/**
 * Returns the account of the credentials, in this region. Throws DeployStop without credentials, with credentials that AWS
 * refuses, and for a region that is unknown or not enabled.
 */
export const accountOf = async (aws: Pick<AwsClients, 'sts'>, region: string): Promise<Account> => {
  try {
    const { Account: account, Arn: caller } = await aws.sts(region).send(new GetCallerIdentityCommand({}));
    if (account === undefined || caller === undefined) throw new Error('STS named no account.');
    return { account, region, caller };
  } catch (error) {
    const { name, message } = awsErrorOf(error);
    if (/Credentials?Provider|CredentialsError/i.test(name))
      throw withoutCredentials(process.env['AWS_PROFILE']);
    // A region that the account has not enabled refuses good credentials with this name:
    // https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
    if (name === 'InvalidClientTokenId')
      throw new DeployStop(
        `AWS does not know these credentials in ${region}. Either they are wrong, or the account has not enabled the region.`,
        'Try the credentials with aws sts get-caller-identity, and enable the region or choose another one.',
      );
    const refusal = REFUSALS[name];
    if (refusal !== undefined) throw new DeployStop(refusal, SIGN_IN);
    throw new DeployStop(
      /ENOTFOUND|EAI_AGAIN/.test(`${name} ${message} ${String(Object(error).code)}`)
        ? `There is no AWS region ${region}, or this machine has no network.`
        : `STS did not answer in ${region} (${name || 'unknown error'}).`,
      'Check AWS_REGION and the network, then run the command again.',
    );
  }
};
