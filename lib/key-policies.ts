import { AccountRootPrincipal, PolicyDocument, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { through } from './conditions.ts';
import { KEY_USES, type KmsKeyName } from './key-uses.ts';
import { type RoleName, roleArn } from './role-names.ts';

/**
 * The policies of the KMS keys. Each use of a key that seals, hashes or derives needs two permissions: the key policy
 * names the role that may, and that role's own policy says so too. No policy elsewhere in the account, not even `kms:*`,
 * is enough to use such a key.
 *
 * The role is named in a condition on the account and not as the principal, because KMS refuses a principal that does
 * not exist yet (the roles come with a later stack) and, once it does, keeps its internal id: a role that was deleted
 * and created again would silently be locked out.
 */

/**
 * Permissions of an account's administrators: manage a key, but not use it or grant its use. A person who may write the
 * key policy can still take more; the account cannot prevent that, only notice it (lib/audit-stack.ts).
 */
const administration = (multiRegion = false): PolicyStatement =>
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
      // The deployer of the replica stacks creates replicas with it.
      ...(multiRegion ? ['kms:ReplicateKey', 'kms:UpdatePrimaryRegion'] : []),
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

/** `platform-key` is `PlatformKey`. */
const titleOf = (role: RoleName): string =>
  role
    .split('-')
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('');

/** Lets the roles of KEY_USES use the key, each for its purpose, and administrators none. */
export const keyPolicy = (
  scope: Construct,
  stage: string,
  name: KmsKeyName,
  multiRegion = false,
): PolicyDocument =>
  new PolicyDocument({
    statements: [
      administration(multiRegion),
      ...KEY_USES[name].map(
        ({ role, action, conditions }) =>
          new PolicyStatement({
            sid: `${action}By${titleOf(role)}`,
            principals: [new AccountRootPrincipal()],
            actions: [`kms:${action}`],
            resources: ['*'],
            conditions: { ...conditions, ArnEquals: { 'aws:PrincipalArn': roleArn(scope, stage, role) } },
          }),
      ),
    ],
  });

/**
 * Lets DynamoDB use the key of the tables on behalf of callers that IAM allows, but no one directly. DynamoDB needs the
 * actions from the creator of a table; reading and writing items needs Decrypt alone:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
export const tablesKeyPolicy = (scope: Construct, multiRegion = false): PolicyDocument =>
  new PolicyDocument({
    statements: [
      administration(multiRegion),
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
        conditions: through(scope, 'dynamodb'),
      }),
    ],
  });

/**
 * The key of the evidence: the trail, the archiver and the reconciliation write with it, and the roles that IAM lets read the buckets read
 * with it. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
 */
export const evidenceKeyPolicy = (scope: Construct, stage: string, trailArn: string): PolicyDocument =>
  new PolicyDocument({
    statements: [
      administration(),
      new PolicyStatement({
        sid: 'EncryptByTheTrail',
        principals: [new ServicePrincipal('cloudtrail.amazonaws.com')],
        actions: ['kms:DescribeKey', 'kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceArn': trailArn } },
      }),
      new PolicyStatement({
        sid: 'EncryptByOurFunctions',
        principals: [new AccountRootPrincipal()],
        actions: ['kms:GenerateDataKey'],
        resources: ['*'],
        conditions: {
          ...through(scope, 's3'),
          ArnEquals: {
            'aws:PrincipalArn': [roleArn(scope, stage, 'archiver'), roleArn(scope, stage, 'reconcile')],
          },
        },
      }),
      new PolicyStatement({
        sid: 'ReadThroughS3',
        principals: [new AccountRootPrincipal()],
        actions: ['kms:Decrypt'],
        resources: ['*'],
        conditions: through(scope, 's3'),
      }),
    ],
  });

/**
 * The key of alarms and dead letters. Alarms and rules publish to the topic as services, and a rule puts what it cannot
 * deliver into its queue; the statement for them has no condition because EventBridge sends none of the `aws:Source*` keys to SNS.
 */
export const noticesKeyPolicy = (scope: Construct): PolicyDocument =>
  new PolicyDocument({
    statements: [
      administration(),
      new PolicyStatement({
        sid: 'PublishByAlarmsAndRules',
        principals: [
          new ServicePrincipal('cloudwatch.amazonaws.com'),
          new ServicePrincipal('events.amazonaws.com'),
        ],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
      }),
      new PolicyStatement({
        sid: 'UseThroughSqs',
        principals: [new AccountRootPrincipal()],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: through(scope, 'sqs'),
      }),
    ],
  });
