import type { Key } from 'aws-cdk-lib/aws-kms';
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { KMS_KEYS } from '../lambdas/contract/kms-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import { BrokerKey } from './constructs/broker-key.ts';
import { BrokerTable } from './constructs/broker-table.ts';
import { type KmsKeyName, keyPolicy, tablesKeyPolicy } from './key-policies.ts';
import type { StageConfig } from './stage-config.ts';

export type TableName = keyof typeof TABLES;

export interface DataStackProps extends StackProps {
  readonly config: StageConfig;
}

/** What must outlive every deployment: tables and KMS keys. Deleting the stack deletes none of them. */
export class DataStack extends Stack {
  readonly keys: Readonly<Record<KmsKeyName, Key>>;
  readonly tables: Readonly<Record<TableName, BrokerTable>>;
  /** Encrypts the tables on disk; apart from the keys that seal, so that no function needs both for the same thing. */
  readonly tablesKey: Key;

  constructor(scope: Construct, id: string, { config, ...props }: DataStackProps) {
    super(scope, id, { description: 'Spelo BYOK: tables and KMS keys', ...props });

    const key = (name: KmsKeyName, constructId: string, description: string): Key =>
      new BrokerKey(this, constructId, {
        alias: stageAlias(KMS_KEYS[name].alias, config.stage),
        usage: KMS_KEYS[name].usage,
        description,
        policy: keyPolicy(this, config.stage, name),
      });
    this.keys = {
      master: key('master', 'MasterKey', 'Wraps the data key of each sealed OpenAI key'),
      fingerprint: key('fingerprint', 'FingerprintKey', 'Fingerprints OpenAI keys'),
      derivation: key('derivation', 'DerivationKey', 'Root of visitor hashes and session secrets'),
    };
    this.tablesKey = new BrokerKey(this, 'TablesKey', {
      alias: `alias/spelo-byok/${config.stage}/tables`,
      usage: 'ENCRYPT_DECRYPT',
      description: 'Encrypts the tables on disk',
      policy: tablesKeyPolicy(this),
    });

    const table = (name: TableName, constructId: string): BrokerTable =>
      new BrokerTable(this, constructId, { definition: TABLES[name], encryptionKey: this.tablesKey });
    this.tables = {
      tenancy: table('tenancy', 'TenancyTable'),
      keys: table('keys', 'KeysTable'),
      sessions: table('sessions', 'SessionsTable'),
      limits: table('limits', 'LimitsTable'),
    };

    for (const { node, tableName } of Object.values(this.tables)) {
      new CfnOutput(this, `${node.id}Name`, { value: tableName });
    }
    for (const { node, keyArn } of [...Object.values(this.keys), this.tablesKey]) {
      new CfnOutput(this, `${node.id}Arn`, { value: keyArn });
    }
  }
}

/** `alias/spelo-byok/master` of stage dev is `alias/spelo-byok/dev/master`: stages share an account in peace. */
const stageAlias = (alias: string, stage: string): string =>
  alias.replace('alias/spelo-byok/', `alias/spelo-byok/${stage}/`);
