import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  ObjectLockRetention,
  ObjectOwnership,
  StorageClass,
} from 'aws-cdk-lib/aws-s3';
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { EvidenceRetention } from '../stage-config.ts';

const closed = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  versioned: true,
  removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
} as const;

/** Old enough not to be read every day, but still available immediately: queries and log-file validation keep working. */
const GLACIER_AFTER_DAYS = 90;

export interface EvidenceBucketProps {
  readonly encryptionKey: IKey;
  readonly accessLogs: AccessLogBucket;
  readonly retention: EvidenceRetention;
}

/** Objects that no one can change or remove during their retention, and that are removed after it. */
export class EvidenceBucket extends Bucket {
  constructor(scope: Construct, id: string, { encryptionKey, accessLogs, retention }: EvidenceBucketProps) {
    const locked = Duration.days(retention.retentionDays);
    super(scope, id, {
      ...closed,
      objectLockEnabled: true,
      objectLockDefaultRetention:
        retention.objectLock === 'compliance'
          ? ObjectLockRetention.compliance(locked)
          : ObjectLockRetention.governance(locked),
      encryption: BucketEncryption.KMS,
      encryptionKey,
      // A data key per object: CloudTrail then shows which object was read, and needs no Decrypt itself.
      bucketKeyEnabled: false,
      serverAccessLogsBucket: accessLogs,
      serverAccessLogsPrefix: `${id}/`,
      lifecycleRules: [
        {
          id: 'KeepThenExpire',
          transitions: [
            {
              storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL,
              transitionAfter: Duration.days(GLACIER_AFTER_DAYS),
            },
          ],
          expiration: Duration.days(retention.retentionDays + 1),
          noncurrentVersionExpiration: Duration.days(1),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
  }
}

/**
 * The access log of the evidence. The bucket is neither locked nor under our own key, because S3 does not deliver access
 * logs to such a bucket. https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
 */
export class AccessLogBucket extends Bucket {
  constructor(scope: Construct, id: string, retention: EvidenceRetention) {
    super(scope, id, {
      ...closed,
      encryption: BucketEncryption.S3_MANAGED,
      lifecycleRules: [
        {
          id: 'Expire',
          expiration: Duration.days(retention.retentionDays),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });
  }

  /** Never undefined, unlike in CDK's declaration of a bucket, which CDK's own props do not accept. */
  override get isWebsite(): boolean {
    return false;
  }
}
