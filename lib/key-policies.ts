import { AccountRootPrincipal, type Conditions, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { KMS_KEYS } from '../lambdas/contract/kms-keys.ts';
import type { FunctionName } from '../lambdas/contract/routes.ts';
import { functionRoleArn } from './function-roles.ts';
import { hmacSha256, throughDynamoDb, wholeEncryptionContext } from './kms-conditions.ts';

/**
 * The policies of the KMS keys. Each use needs two consents: the key policy names the one role that may, and that
 * role's own policy says so too. No policy elsewhere in the account, not even `kms:*`, is enough to use a key.
 *
 * The role is named in a condition on the account and not as the principal, because KMS refuses a principal that does
 * not exist yet (the roles come with a later stack) and, once it does, keeps its internal id: a role that was deleted
 * and created again would silently be locked out.
 */

export type KmsKeyName = keyof typeof KMS_KEYS;

interface KeyUse {
  readonly functionName: FunctionName;
  readonly action: `kms:${string}`;
  readonly conditions: Conditions;
}

const USES: Readonly<Record<KmsKeyName, readonly KeyUse[]>> = {
  master: [
    { functionName: 'token', action: 'kms:Decrypt', conditions: wholeEncryptionContext },
    { functionName: 'keys', action: 'kms:GenerateDataKey', conditions: wholeEncryptionContext },
  ],
  fingerprint: [{ functionName: 'keys', action: 'kms:GenerateMac', conditions: hmacSha256 }],
  derivation: [{ functionName: 'token', action: 'kms:GenerateMac', conditions: hmacSha256 }],
};

/**
 * All that an account's administrators may do: look after a key, not use it, and not hand out grants. Whoever may
 * write the key policy can still take more; that cannot be prevented inside the account, only noticed.
 */
const administration = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'AdministerWithoutUse',
    principals: [new AccountRootPrincipal()],
    actions: [
      'kms:CancelKeyDeletion',
      'kms:CreateAlias',
      'kms:DeleteAlias',
      'kms:DescribeKey',
      'kms:DisableKey',
      'kms:DisableKeyRotation',
      'kms:EnableKey',
      'kms:EnableKeyRotation',
      'kms:GetKeyPolicy',
      'kms:GetKeyRotationStatus',
      'kms:ListGrants',
      'kms:ListKeyPolicies',
      'kms:ListKeyRotations',
      'kms:ListResourceTags',
      'kms:PutKeyPolicy',
      'kms:RevokeGrant',
      'kms:RotateKeyOnDemand',
      'kms:ScheduleKeyDeletion',
      'kms:TagResource',
      'kms:UntagResource',
      'kms:UpdateAlias',
      'kms:UpdateKeyDescription',
    ],
    resources: ['*'],
  });

/** Lets exactly one role use the key for each purpose, and administrators none. */
export const keyPolicy = (scope: Construct, stage: string, name: KmsKeyName): PolicyDocument =>
  new PolicyDocument({
    statements: [
      administration(),
      ...USES[name].map(
        ({ functionName, action, conditions }) =>
          new PolicyStatement({
            sid: `UseByTheFunction${functionName.charAt(0).toUpperCase()}${functionName.slice(1)}`,
            principals: [new AccountRootPrincipal()],
            actions: [action],
            resources: ['*'],
            conditions: {
              ...conditions,
              ArnEquals: { 'aws:PrincipalArn': functionRoleArn(scope, stage, functionName) },
            },
          }),
      ),
    ],
  });

/**
 * Lets DynamoDB, and nobody directly, use the key of the tables for callers that IAM allows. The actions are what
 * DynamoDB asks of whoever creates a table; reading and writing items needs Decrypt alone:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
export const tablesKeyPolicy = (scope: Construct): PolicyDocument =>
  new PolicyDocument({
    statements: [
      administration(),
      new PolicyStatement({
        sid: 'UseThroughDynamoDb',
        principals: [new AccountRootPrincipal()],
        actions: [
          'kms:CreateGrant',
          'kms:Decrypt',
          'kms:DescribeKey',
          'kms:Encrypt',
          'kms:GenerateDataKey',
          'kms:GenerateDataKeyWithoutPlaintext',
          'kms:ReEncryptFrom',
          'kms:ReEncryptTo',
        ],
        resources: ['*'],
        conditions: throughDynamoDb(scope),
      }),
    ],
  });
