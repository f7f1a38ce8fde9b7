import { type Conditions, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { TABLES } from '../lambdas/contract/tables.ts';
import { itemConditions, through } from './conditions.ts';
import type { BrokerTable } from './constructs/broker-table.ts';
import type { HangUpQueue } from './constructs/hang-up-queue.ts';
import type { NoticeQueue } from './constructs/notice-queue.ts';
import { ITEM_USES, type ItemUse, type TableName } from './item-uses.ts';
import { KEY_USES, type KmsKeyName } from './key-uses.ts';
import { queueStatements } from './queue-uses.ts';
import type { RoleName } from './role-names.ts';

/** The tables and keys of a stage, and the issuer of its access tokens. */
export interface DataResources {
  readonly stage: string;
  readonly tables: Readonly<Record<TableName, BrokerTable>>;
  readonly keys: Readonly<Record<KmsKeyName, Key>>;
  readonly tablesKey: Key;
  /** Calls that are to be hung up. */
  readonly hangUps: HangUpQueue;
  /** Notices for the webhooks of workspaces. */
  readonly notices: NoticeQueue;
  readonly retiredMasterKeyArns: readonly string[];
  readonly signIn: { readonly issuer: string; readonly audience: string };
}

const KEY_NAMES: readonly KmsKeyName[] = [
  'master',
  'fingerprint',
  'derivation',
  'marks',
  'audit',
  'checkpoints',
];

/**
 * All that `role` may do to tables and keys. CDK's grants are not used: they allow everything that a table can do, not
 * only what a function needs, and also write it into key policies. The key of the tables is usable only from inside a
 * call to DynamoDB, and only to decrypt: every read and write of an item, and of a stream, needs that from its caller.
 */
export const permissionsOf = (
  scope: Construct,
  role: RoleName,
  data: DataResources,
): readonly PolicyStatement[] => [
  ...ITEM_USES[role].flatMap((use) => itemStatements(use, data.tables[use.table].tableArn)),
  ...KEY_NAMES.flatMap((name) =>
    KEY_USES[name]
      .filter((use) => use.role === role)
      .map(
        ({ action, conditions, retiredToo }) =>
          new PolicyStatement({
            actions: [`kms:${action}`],
            resources: [data.keys[name].keyArn, ...(retiredToo === true ? data.retiredMasterKeyArns : [])],
            conditions:
              action === 'Decrypt' ? { ...conditions, ...fromOwnCode(scope, data.stage, role) } : conditions,
          }),
      ),
  ),
  ...queueStatements(role, 'hangUps', data.hangUps),
  ...queueStatements(role, 'notices', data.notices),
  new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: [data.tablesKey.keyArn],
    conditions: through(scope, 'dynamodb'),
  }),
];

/**
 * Holds only for calls from the function's own execution environment, so that its credentials are useless elsewhere. Lambda puts
 * the condition key into the credentials; policies of KMS keys and other resources cannot require it:
 * https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
 */
const fromOwnCode = (scope: Construct, stage: string, role: RoleName): Conditions => ({
  ArnEquals: {
    'lambda:SourceFunctionArn': Stack.of(scope).formatArn({
      service: 'lambda',
      resource: 'function',
      resourceName: `spelo-byok-${stage}-${role}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  },
});

const itemStatements = (
  { table, actions, partitions, attributes, index }: ItemUse,
  tableArn: string,
): readonly PolicyStatement[] => {
  const definition = TABLES[table];
  return [
    new PolicyStatement({
      actions: actions.map((action) => `dynamodb:${action}`),
      resources: [tableArn],
      ...((partitions !== undefined || attributes !== undefined) && {
        conditions: itemConditions(partitions, attributes),
      }),
    }),
    ...(index === true && 'index' in definition
      ? [
          new PolicyStatement({
            actions: ['dynamodb:Query'],
            resources: [`${tableArn}/index/${definition.index.name}`],
          }),
        ]
      : []),
  ];
};
