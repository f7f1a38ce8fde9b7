import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { TableDefinition } from '../../lambdas/contract/tables.ts';

export interface BrokerTableProps {
  readonly definition: TableDefinition;
  readonly encryptionKey: IKey;
  readonly deletionProtection: boolean;
  /** Whether the table is to have replicas in other regions, which takes a stream of both images. */
  readonly replicated?: boolean;
  /** ARNs of the only roles that may write items; if absent, everyone whom IAM allows. */
  readonly writers?: readonly string[] | undefined;
}

const string = (name: string) => ({ name, type: AttributeType.STRING });

/**
 * A table of the contract, encrypted under our own key, restorable to any second of the last 35 days, deleted by no
 * deployment. The contract defines the content of its stream: no image of a key, so that neither ciphertext nor wrapped
 * data keys leave the table; a table with replicas sends both images (docs/decisions/0021-one-active-region.md).
 */
export class BrokerTable extends Table {
  /** Content of the stream records. Another value creates another stream with another ARN. */
  readonly streamView: 'NEW_IMAGE' | 'KEYS_ONLY' | 'NEW_AND_OLD_IMAGES' | undefined;

  /** Readers of the stream get only items whose partition key begins with this; all items, when undefined. */
  readonly streamedPrefix: string | undefined;

  constructor(
    scope: Construct,
    id: string,
    { definition, encryptionKey, deletionProtection, replicated = false, writers }: BrokerTableProps,
  ) {
    const stream = replicated ? 'NEW_AND_OLD_IMAGES' : definition.stream;
    super(scope, id, {
      partitionKey: string('pk'),
      sortKey: string('sk'),
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      ...(writers !== undefined && { resourcePolicy: writtenBy(scope, writers) }),
      // A table without a definition has no stream. Rate limits are not audited.
      ...(stream === undefined ? {} : { stream: StreamViewType[stream] }),
      ...(definition.ttlAttribute === undefined ? {} : { timeToLiveAttribute: definition.ttlAttribute }),
    });
    this.streamView = stream;
    this.streamedPrefix = definition.streamedPrefix;
    const { index } = definition;
    if (index !== undefined) {
      this.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: string(index.partitionKey),
        sortKey: string(index.sortKey),
        ...(index.keysOnly === true && { projectionType: ProjectionType.KEYS_ONLY }),
      });
    }
  }
}

/**
 * Refuses item writes by everyone else, whatever their own policies allow. DynamoDB itself deletes expired items.
 * Replication has a service-linked role, which a table with replicas must allow:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-security.html
 */
const writtenBy = (scope: Construct, roles: readonly string[]): PolicyDocument => {
  const { partition, account } = Stack.of(scope);
  const replication = `arn:${partition}:iam::${account}:role/aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication`;
  return new PolicyDocument({
    statements: [
      new PolicyStatement({
        sid: 'WriteByTheseRolesAlone',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: [
          'dynamodb:PutItem',
          'dynamodb:UpdateItem',
          'dynamodb:DeleteItem',
          'dynamodb:BatchWriteItem',
          'dynamodb:PartiQLInsert',
          'dynamodb:PartiQLUpdate',
          'dynamodb:PartiQLDelete',
        ],
        // The table that the policy belongs to, whose ARN its own template cannot name.
        resources: ['*'],
        conditions: { ArnNotEquals: { 'aws:PrincipalArn': [...roles, replication] } },
      }),
    ],
  });
};
