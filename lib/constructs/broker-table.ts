import { AttributeType, BillingMode, StreamViewType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { TableDefinition } from '../../lambdas/contract/tables.ts';

export interface BrokerTableProps {
  readonly definition: TableDefinition;
  readonly encryptionKey: IKey;
}

/**
 * What the audit pipeline gets to see. A change of a key carries no image: neither ciphertext nor wrapped data keys
 * leave the table. Rate limits are not audited.
 */
const STREAMS: Readonly<Record<TableDefinition['name'], StreamViewType | undefined>> = {
  tenancy: StreamViewType.NEW_IMAGE,
  keys: StreamViewType.KEYS_ONLY,
  sessions: StreamViewType.NEW_IMAGE,
  limits: undefined,
};

const string = (name: string) => ({ name, type: AttributeType.STRING });

/**
 * A table of the contract, encrypted under our own key, restorable to any second of the last 35 days, deleted by no
 * deployment. In one region, as the KMS keys are: a replica elsewhere could not open what it holds.
 */
export class BrokerTable extends Table {
  constructor(scope: Construct, id: string, { definition, encryptionKey }: BrokerTableProps) {
    const stream = STREAMS[definition.name];
    super(scope, id, {
      partitionKey: string('pk'),
      sortKey: string('sk'),
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      ...(stream === undefined ? {} : { stream }),
      ...(definition.ttlAttribute === undefined ? {} : { timeToLiveAttribute: definition.ttlAttribute }),
    });
    const { index } = definition;
    if (index !== undefined) {
      this.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: string(index.partitionKey),
        sortKey: string(index.sortKey),
      });
    }
  }
}
