import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import type { StageConfig } from '../../../lib/stage-config.ts';
import { SUSPENDED } from '../platform-key-environment.ts';
import type { Account } from './account.ts';
import type { Programs } from './cdk.ts';
import type { AwsClients } from './clients.ts';
import { awsErrorOf, DeployStop } from './stop.ts';
import type { Terminal } from './terminal.ts';

/** The variables of `npm run platform-key` that name this deployment. */
const variablesOf = (
  outputs: Readonly<Record<string, string>>,
  region: string,
  { keyRetentionHours }: StageConfig,
): Readonly<Record<string, string>> => ({
  AWS_REGION: region,
  TENANCY_TABLE: outputs['TenancyTableName'] ?? '',
  KEYS_TABLE: outputs['KeysTableName'] ?? '',
  LIMITS_TABLE: outputs['LimitsTableName'] ?? '',
  HANGUP_QUEUE_URL: outputs['HangUpQueueUrl'] ?? '',
  KEY_RETENTION_HOURS: String(keyRetentionHours),
  MASTER_KEY_ARN: outputs['MasterKeyArn'] ?? '',
  FINGERPRINT_KEY_ARN: outputs['FingerprintKeyArn'] ?? '',
  MARKS_KEY_ARN: outputs['MarksKeyArn'] ?? '',
});

const PROGRAM = 'tools/operator/platform-key.ts';

/**
 * Stores the platform's key with the only role that may do so (`npm run platform-key`). The key goes from the standard
 * input of this process to that of the other one, and is requested only if no key is suspended. Throws DeployStop when the role
 * cannot be assumed, the key is refused, or the operator has suspended the current one.
 */
export const storePlatformKey = async (
  aws: AwsClients,
  { account, region, caller }: Account,
  config: StageConfig,
  outputs: Readonly<Record<string, string>>,
  openAiKey: () => Promise<string>,
  { ask, interactive }: Terminal,
  { script }: Programs,
): Promise<void> => {
  const roleArn = outputs['PlatformKeyOperatorArn'] ?? '';
  // Sessions of IAM users carry MFA only when the device is named; those of Identity Center never need it here.
  const user = /:user\/(?:.*\/)?([^/]+)$/.exec(caller)?.[1];
  const device =
    user === undefined || !interactive
      ? ''
      : await ask('ARN of your MFA device:', `arn:aws:iam::${account}:mfa/${user}`);
  const code = device === '' ? '' : await ask('Code of the MFA device:', '');
  let credentials: Readonly<Record<string, string>>;
  try {
    const { Credentials } = await aws.sts(region).send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        // The audit event has the ARN of the session, which ends in this name.
        RoleSessionName: sessionNameOf(caller),
        ...(device !== '' && { SerialNumber: device, TokenCode: code }),
      }),
    );
    credentials = {
      AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? '',
      AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? '',
      AWS_SESSION_TOKEN: Credentials?.SessionToken ?? '',
      AWS_PROFILE: '',
    };
  } catch (error) {
    throw new DeployStop(
      `The role PlatformKeyOperator could not be assumed (${awsErrorOf(error).name}).`,
      config.operators === undefined
        ? 'IAM users need an MFA device. For IAM Identity Center, name your permission set in operators.permissionSets and deploy again.'
        : 'Use a permission set of operators.permissionSets, or an IAM user with an MFA device.',
    );
  }
  const environment = { ...credentials, ...variablesOf(outputs, region, config) };
  const state = await script(PROGRAM, ['--state'], environment);
  if (state === SUSPENDED)
    throw new DeployStop(
      'The platform key is suspended. This command does not end a suspension.',
      'End it with the role PlatformKeyOperator: npm run platform-key -- --resume (docs/deploy.md, step 4). Then run the command again.',
    );
  if (state !== 0 || (await script(PROGRAM, [], environment, await openAiKey())) !== 0)
    throw new DeployStop(
      'The platform key was not stored.',
      'Correct the cause shown above, then run the command again.',
    );
};

/**
 * The person of the ARN: the name of an IAM user or of a session. STS takes 2 to 64 of these characters, and both kinds of name consist
 * of them. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
const sessionNameOf = (callerArn: string): string => {
  const name = callerArn.slice(callerArn.lastIndexOf('/') + 1).replace(/[^\w+=,.@-]/g, '-');
  return name.slice(0, 64).padEnd(2, '-');
};
