import { CfnAlias, CfnReplicaKey, type Key } from 'aws-cdk-lib/aws-kms';
import {
  CfnOutput,
  CrossStackReferences,
  ReferenceStrength,
  RemovalPolicy,
  Stack,
  type StackProps,
} from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { WatchedKey } from './constructs/key-rules.ts';
import type { DataStack } from './data-stack.ts';
import { keyPolicy, tablesKeyPolicy } from './key-policies.ts';
import type { KmsKeyName } from './key-uses.ts';
import type { StageConfig } from './stage-config.ts';

export interface ReplicaStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
}

const KEY_NAMES: readonly KmsKeyName[] = ['master', 'fingerprint', 'derivation', 'marks', 'audit'];

/**
 * The stage's keys in another region, with the same material and policies that name the roles of that region. They
 * encrypt the tables' replicas, and open their sealed keys after a fail-over.
 */
export class ReplicaStack extends Stack {
  readonly keys: readonly WatchedKey[];

  constructor(scope: Construct, id: string, { config, data, ...props }: ReplicaStackProps) {
    super(scope, id, { description: 'Spelo BYOK: KMS keys of the stand-by region', ...props });
    const { stage } = config;
    // Exports stay within a region. The keys cannot change: the other stacks of their region import them.
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);
    this.keys = [
      ...KEY_NAMES.map((name) =>
        this.#replica(name, data.keys[name], stage, keyPolicy(this, stage, name, true)),
      ),
      this.#replica('tables', data.tablesKey, stage, tablesKeyPolicy(this, true)),
    ];
  }

  #replica(name: string, primary: Key, stage: string, policy: ReturnType<typeof keyPolicy>): WatchedKey {
    const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    const replica = new CfnReplicaKey(this, `${title}Key`, {
      primaryKeyArn: primary.keyArn,
      description: `Replica of the key ${name}`,
      pendingWindowInDays: 30,
      keyPolicy: policy,
    });
    replica.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    new CfnAlias(this, `${title}Alias`, {
      aliasName: `alias/spelo-byok/${stage}/${name}`,
      targetKeyId: replica.ref,
    });
    new CfnOutput(this, `${title}KeyArn`, { value: replica.attrArn });
    return { keyArn: replica.attrArn, keyId: replica.ref };
  }
}
