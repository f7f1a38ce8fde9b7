import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { KMS_KEYS } from '../lambdas/contract/kms-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import { BreakGlassRole } from './constructs/break-glass-role.ts';
import { BrokerKey } from './constructs/broker-key.ts';
import { BrokerTable } from './constructs/broker-table.ts';
import { HangUpQueue } from './constructs/hang-up-queue.ts';
import { NoticeQueue } from './constructs/notice-queue.ts';
import { OperatorRole } from './constructs/operator-role.ts';
import { SignInPool } from './constructs/sign-in-pool.ts';
import {
  ITEM_USES,
  type ItemAction,
  RESTORABLE_TABLES,
  ROLE_NAMES,
  restoredTableActions,
  restoredTableName,
  type TableName,
} from './item-uses.ts';
import { keyPolicy, tablesKeyPolicy } from './key-policies.ts';
import type { KmsKeyName } from './key-uses.ts';
import { roleArn } from './role-names.ts';
import type { DataResources } from './role-permissions.ts';
import { signInPrefix } from './sign-in-prefix.ts';
import type { StageConfig } from './stage-config.ts';

/** Tables with a resource policy that names their writers: keys, tenancy and the audit trail. */
const EVIDENT_TABLES: readonly TableName[] = ['keys', 'tenancy', 'audit'];

const WRITES: ReadonlySet<ItemAction> = new Set(['PutItem', 'UpdateItem', 'DeleteItem']);

const writersOf = (scope: Construct, stage: string, table: TableName): readonly string[] =>
  ROLE_NAMES.filter((role) =>
    ITEM_USES[role].some((use) => use.table === table && use.actions.some((action) => WRITES.has(action))),
  ).map((role) => roleArn(scope, stage, role));

export interface DataStackProps extends StackProps {
  readonly config: StageConfig;
}

/**
 * Resources that must outlive every deployment: tables, KMS keys and, where the stage has one, the pool of people.
 * Deleting the stack deletes none of them. Also the roles of the commands that an operator runs on them.
 */
export class DataStack extends Stack implements DataResources {
  readonly stage: string;
  readonly keys: Readonly<Record<KmsKeyName, Key>>;
  readonly tables: Readonly<Record<TableName, BrokerTable>>;
  /**
   * Encrypts the tables on disk. It is separate from the keys that seal, so that no function needs one key for both
   * purposes.
   */
  readonly tablesKey: Key;
  readonly retiredMasterKeyArns: readonly string[];
  readonly signIn: DataResources['signIn'];
  readonly hangUps: HangUpQueue;
  readonly notices: NoticeQueue;

  constructor(scope: Construct, id: string, { config, ...props }: DataStackProps) {
    super(scope, id, { description: 'Spelo BYOK: tables and KMS keys', ...props });

    this.stage = config.stage;
    this.retiredMasterKeyArns = config.retiredMasterKeyArns ?? [];

    const multiRegion = config.multiRegion !== undefined;
    const key = (name: KmsKeyName, constructId: string, description: string): Key =>
      new BrokerKey(this, constructId, {
        alias: stageAlias(KMS_KEYS[name].alias, config.stage),
        usage: KMS_KEYS[name].usage,
        description,
        policy: keyPolicy(this, config.stage, name, multiRegion),
        multiRegion,
      });
    this.keys = {
      master: key('master', 'MasterKey', 'Wraps the data key of each sealed OpenAI key'),
      fingerprint: key('fingerprint', 'FingerprintKey', 'Fingerprints OpenAI keys'),
      derivation: key('derivation', 'DerivationKey', 'Root of visitor hashes and session secrets'),
      marks: key('marks', 'MarksKey', 'Root of the marks that show a key which was put back'),
      audit: key('audit', 'AuditKey', 'Root of the keys of the audit chains'),
      checkpoints: key('checkpoints', 'CheckpointsKey', 'Signs the results of the daily reconciliation'),
    };
    this.hangUps = new HangUpQueue(this, 'HangUps');
    this.notices = new NoticeQueue(this, 'Notices');
    this.tablesKey = new BrokerKey(this, 'TablesKey', {
      alias: `alias/spelo-byok/${config.stage}/tables`,
      usage: 'ENCRYPT_DECRYPT',
      description: 'Encrypts the tables on disk',
      policy: tablesKeyPolicy(this, multiRegion),
      multiRegion,
    });

    const table = (name: TableName, constructId: string): BrokerTable =>
      new BrokerTable(this, constructId, {
        definition: TABLES[name],
        encryptionKey: this.tablesKey,
        deletionProtection: config.deletionProtection,
        replicated: multiRegion,
        writers: EVIDENT_TABLES.includes(name) ? writersOf(this, config.stage, name) : undefined,
      });
    this.tables = {
      tenancy: table('tenancy', 'TenancyTable'),
      keys: table('keys', 'KeysTable'),
      sessions: table('sessions', 'SessionsTable'),
      limits: table('limits', 'LimitsTable'),
      usage: table('usage', 'UsageTable'),
      audit: table('audit', 'AuditTable'),
    };

    this.signIn = this.#signIn(config);

    // Exported whether or not another stack reads it today: otherwise it would be removed together with its reader, while
    // the deployed reader still imports it, which CloudFormation refuses.
    for (const { tableName, tableArn } of Object.values(this.tables))
      for (const value of [tableName, tableArn]) this.exportValue(value);
    for (const { keyArn, keyId } of [...Object.values(this.keys), this.tablesKey])
      for (const value of [keyArn, keyId]) this.exportValue(value);

    const { stage, operators: people } = config;
    const operators = [
      new OperatorRole(this, 'PlatformKeyOperator', {
        stage,
        people,
        roleName: 'platform-key',
        description: "Spelo BYOK: seals the platform's own OpenAI key (npm run platform-key)",
        data: this,
      }),
      new OperatorRole(this, 'RewrapOperator', {
        stage,
        people,
        roleName: 'rewrap',
        description: 'Spelo BYOK: wraps data keys again under the master key, without seeing them',
        data: this,
      }),
      new OperatorRole(this, 'SetPlanOperator', {
        stage,
        people,
        roleName: 'set-plan',
        description: 'Spelo BYOK: puts a workspace on a plan (npm run set-plan)',
        data: this,
      }),
      new OperatorRole(this, 'ModelCheckOperator', {
        stage,
        people,
        roleName: 'model-check',
        description: 'Spelo BYOK: lists the sites whose model is shut down (npm run model-check)',
        data: this,
      }),
      new OperatorRole(this, 'StopOperator', {
        stage,
        people,
        roleName: 'stop',
        description: 'Spelo BYOK: stops voice of the stage or of a workspace (npm run stop)',
        data: this,
      }),
      new OperatorRole(this, 'RebuildUsageOperator', {
        stage,
        people,
        roleName: 'rebuild-usage',
        description:
          'Spelo BYOK: compares totals of usage with the meters and repairs them (npm run rebuild-usage)',
        data: this,
      }),
      new OperatorRole(this, 'RestoreOperator', {
        stage,
        people,
        roleName: 'restore',
        description:
          'Spelo BYOK: copies items of restored tables back into the live tables (npm run restore)',
        data: this,
        additional: RESTORABLE_TABLES.map(
          (name) =>
            new PolicyStatement({
              actions: restoredTableActions(name).map((action) => `dynamodb:${action}`),
              resources: [
                this.formatArn({
                  service: 'dynamodb',
                  resource: 'table',
                  resourceName: restoredTableName(stage, name),
                }),
              ],
            }),
        ),
      }),
      new OperatorRole(this, 'MarkKeysOperator', {
        stage,
        people,
        roleName: 'mark-keys',
        description: 'Spelo BYOK: writes the marks of keys that equal the audit trail (npm run mark-keys)',
        data: this,
      }),
      new OperatorRole(this, 'VerifyArchiveOperator', {
        stage,
        people,
        roleName: 'verify-archive',
        description: 'Spelo BYOK: checks the hash chains of the archive (npm run verify-archive)',
        data: this,
      }),
      new BreakGlassRole(this, 'BreakGlassOperator', { stage, data: this, users: config.breakGlassUsers }),
    ];

    new CfnOutput(this, 'HangUpQueueUrl', { value: this.hangUps.queue.queueUrl });
    new CfnOutput(this, 'NoticeQueueUrl', { value: this.notices.queue.queueUrl });
    for (const { node, tableName } of Object.values(this.tables)) {
      new CfnOutput(this, `${node.id}Name`, { value: tableName });
    }
    for (const { node, keyArn } of [...Object.values(this.keys), this.tablesKey]) {
      new CfnOutput(this, `${node.id}Arn`, { value: keyArn });
    }
    for (const { node, roleArn } of operators) {
      new CfnOutput(this, `${node.id}Arn`, { value: roleArn });
    }
  }

  #signIn({ stage, deletionProtection, signIn }: StageConfig): DataResources['signIn'] {
    if (!('cognito' in signIn)) return signIn;
    const pool = new SignInPool(this, 'SignIn', {
      stage,
      deletionProtection,
      ...signIn.cognito,
      domainPrefix: signInPrefix(stage, signIn.cognito, this.account),
    });
    new CfnOutput(this, 'UserPoolId', { value: pool.userPoolId });
    new CfnOutput(this, 'SignInUrl', { value: pool.signInUrl });
    new CfnOutput(this, 'Issuer', { value: pool.issuer });
    new CfnOutput(this, 'Audience', { value: pool.audience });
    return pool;
  }
}

/**
 * `alias/spelo-byok/master` of stage dev is `alias/spelo-byok/dev/master`: stages can share an account without
 * conflicts.
 */
const stageAlias = (alias: string, stage: string): string =>
  alias.replace('alias/spelo-byok/', `alias/spelo-byok/${stage}/`);
