import { type Conditions, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { FunctionName } from '../lambdas/contract/routes.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import type { DataStack, TableName } from './data-stack.ts';
import type { KmsKeyName } from './key-policies.ts';
import { hmacSha256, throughDynamoDb, wholeEncryptionContext } from './kms-conditions.ts';

/**
 * Everything that the code of a function may do in AWS, action by action. CDK's grants are not used: they give what a
 * table can do, not what a function needs, and write it into key policies as well.
 */

/** `ConditionCheckItem` is a condition inside a transaction on an item that the transaction does not write. */
type ItemAction =
  | 'GetItem'
  | 'BatchGetItem'
  | 'Query'
  | 'ConditionCheckItem'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem';
type KeyAction = 'Decrypt' | 'GenerateDataKey' | 'GenerateMac';

interface Permissions {
  readonly tables: Readonly<Partial<Record<TableName, readonly ItemAction[]>>>;
  /** Tables whose index it queries as well. */
  readonly indexesOf?: readonly TableName[];
  readonly keys: Readonly<
    Partial<Record<KmsKeyName, { readonly action: KeyAction; readonly conditions: Conditions }>>
  >;
}

const PERMISSIONS: Readonly<Record<FunctionName, Permissions>> = {
  token: {
    tables: {
      tenancy: ['GetItem', 'BatchGetItem'],
      keys: ['GetItem', 'BatchGetItem'],
      sessions: ['PutItem', 'UpdateItem'],
      limits: ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'],
    },
    keys: {
      master: { action: 'Decrypt', conditions: wholeEncryptionContext },
      derivation: { action: 'GenerateMac', conditions: hmacSha256 },
    },
  },
  keys: {
    tables: {
      tenancy: ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'],
      keys: ['GetItem', 'PutItem', 'UpdateItem'],
      sessions: ['GetItem'],
      limits: ['UpdateItem'],
    },
    keys: {
      master: { action: 'GenerateDataKey', conditions: wholeEncryptionContext },
      fingerprint: { action: 'GenerateMac', conditions: hmacSha256 },
    },
  },
  manage: {
    tables: {
      tenancy: [
        'GetItem',
        'BatchGetItem',
        'Query',
        'ConditionCheckItem',
        'PutItem',
        'UpdateItem',
        'DeleteItem',
      ],
      sessions: ['Query'],
    },
    indexesOf: ['tenancy'],
    keys: {},
  },
};

const TABLE_NAMES: readonly TableName[] = ['tenancy', 'keys', 'sessions', 'limits'];
const KEY_NAMES: readonly KmsKeyName[] = ['master', 'fingerprint', 'derivation'];

/**
 * The statements for `functionName`, except for its own logs. The key of the tables is usable only from inside a call
 * to DynamoDB, and only to decrypt, which is what every read and write of an item asks of its caller.
 */
export const permissionsOf = (
  scope: Construct,
  functionName: FunctionName,
  data: DataStack,
): readonly PolicyStatement[] => {
  const { tables, indexesOf = [], keys } = PERMISSIONS[functionName];
  return [
    ...TABLE_NAMES.flatMap((name) => {
      const actions = tables[name];
      if (actions === undefined) return [];
      return new PolicyStatement({
        actions: actions.map((action) => `dynamodb:${action}`),
        resources: [data.tables[name].tableArn],
      });
    }),
    ...indexesOf.flatMap((name) => {
      const table = TABLES[name];
      if (!('index' in table)) return [];
      return new PolicyStatement({
        actions: ['dynamodb:Query'],
        resources: [`${data.tables[name].tableArn}/index/${table.index.name}`],
      });
    }),
    ...KEY_NAMES.flatMap((name) => {
      const use = keys[name];
      if (use === undefined) return [];
      return new PolicyStatement({
        actions: [`kms:${use.action}`],
        resources: [data.keys[name].keyArn],
        conditions: use.conditions,
      });
    }),
    new PolicyStatement({
      actions: ['kms:Decrypt'],
      resources: [data.tablesKey.keyArn],
      conditions: throughDynamoDb(scope),
    }),
  ];
};
