import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { through } from '../conditions.ts';

export interface DeadLetterQueueProps {
  readonly encryptionKey: IKey;
  /** The content, as the end of the sentence that explains why this queue has no dead-letter queue itself. */
  readonly of: string;
}

/** Records and messages that were given up on, encrypted and kept for the maximum time of SQS. */
export class DeadLetterQueue extends Queue {
  readonly #key: IKey;

  constructor(scope: Construct, id: string, { encryptionKey, of }: DeadLetterQueueProps) {
    super(scope, id, {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: encryptionKey,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.#key = encryptionKey;
    for (const id of ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy'])
      Validations.of(this).acknowledge({
        id,
        reason: `It is itself the queue of dead letters, of ${of}, which the rule does not look at.`,
      });
  }

  /** Permissions of a function, so that Lambda can put its failed records into the queue. */
  get sending(): readonly PolicyStatement[] {
    return [
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.queueArn] }),
      new PolicyStatement({
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: [this.#key.keyArn],
        conditions: through(this, 'sqs'),
      }),
    ];
  }
}
