import { CfnTrail } from 'aws-cdk-lib/aws-cloudtrail';
import { AnyPrincipal, Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { ArnFormat, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { EvidenceBucket } from './evidence-bucket.ts';

export interface EvidenceTrailProps {
  readonly stage: string;
  readonly bucket: EvidenceBucket;
  readonly encryptionKey: IKey;
  /** ARNs of the tables whose writes are recorded. */
  readonly writtenTables: readonly string[];
  /**
   * Bucket whose object writes and deletions are recorded. For the trail's own bucket, only deletions and changes of locks are
   * recorded.
   */
  readonly archive: EvidenceBucket;
}

/** Calls that change an object, without puts, because each file of the trail would cause another event. */
const OTHER_THAN_PUT = ['DeleteObject', 'DeleteObjects', 'PutObjectRetention', 'PutObjectLegalHold'];

/**
 * Another name for each stack that is created, known before the trail is: the trail outlives its stack, and under a fixed name
 * the next stack could not be created. `arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>` is a stack's id.
 */
const trailNameOf = (scope: Construct, stage: string): string =>
  `spelo-byok-${stage}-${Fn.select(2, Fn.split('/', Stack.of(scope).stackId))}`;

/** ARN of the trail, before it exists: the policies of its bucket and key name it, and the trail needs both. */
export const trailArnOf = (scope: Construct, stage: string): string =>
  Stack.of(scope).formatArn({
    service: 'cloudtrail',
    resource: 'trail',
    resourceName: trailNameOf(scope, stage),
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });

/**
 * CloudTrail's record of every management event, read and write, in every region, with a signed digest each hour. KMS counts as such:
 * each Decrypt is recorded with its encryption context and request ID, which the audit rows contain as well. The recorded data events
 * are writes of keys and tenancy, with the primary keys of the items and no other attribute, and writes of archived objects.
 *
 * It uses the resource instead of CDK's construct, whose bucket policy does not restrict the service to this trail.
 */
export class EvidenceTrail extends Construct {
  readonly arn: string;
  readonly trailName: string;

  constructor(scope: Construct, id: string, props: EvidenceTrailProps) {
    super(scope, id);
    const { stage, bucket, encryptionKey, writtenTables, archive } = props;
    this.arn = trailArnOf(this, stage);
    this.trailName = trailNameOf(this, stage);

    const cloudTrail = new ServicePrincipal('cloudtrail.amazonaws.com');
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CheckByTheTrail',
        principals: [cloudTrail],
        actions: ['s3:GetBucketAcl'],
        resources: [bucket.bucketArn],
        conditions: { StringEquals: { 'aws:SourceArn': this.arn } },
      }),
    );
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'WriteByTheTrail',
        principals: [cloudTrail],
        actions: ['s3:PutObject'],
        resources: [bucket.arnForObjects(`AWSLogs/${Stack.of(this).account}/*`)],
        conditions: {
          StringEquals: { 'aws:SourceArn': this.arn, 's3:x-amz-acl': 'bucket-owner-full-control' },
        },
      }),
    );

    // CloudTrail calls as a service. No one else may write here, whatever IAM allows.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalisawsservice
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'RefuseWritesByPeople',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: [bucket.arnForObjects('*')],
        conditions: { Bool: { 'aws:PrincipalIsAWSService': 'false' } },
      }),
    );

    const trail = new CfnTrail(this, 'Trail', {
      trailName: this.trailName,
      s3BucketName: bucket.bucketName,
      kmsKeyId: encryptionKey.keyArn,
      isLogging: true,
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      enableLogFileValidation: true,
      // All management events, because this trail exists for those of KMS. Advanced selectors replace the basic ones.
      advancedEventSelectors: [
        { name: 'Management events', fieldSelectors: [{ field: 'eventCategory', equalTo: ['Management'] }] },
        writes('Writes of keys and tenancy', 'AWS::DynamoDB::Table', { equalTo: [...writtenTables] }),
        writes('Writes of the archive', 'AWS::S3::Object', { startsWith: [archive.arnForObjects('')] }),
        {
          name: 'Deletions of the trail',
          fieldSelectors: [
            { field: 'eventCategory', equalTo: ['Data'] },
            { field: 'resources.type', equalTo: ['AWS::S3::Object'] },
            { field: 'eventName', equalTo: OTHER_THAN_PUT },
            { field: 'resources.ARN', startsWith: [bucket.arnForObjects('')] },
          ],
        },
      ],
    });
    trail.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    if (bucket.policy !== undefined) trail.node.addDependency(bucket.policy);
  }
}

const writes = (
  name: string,
  type: string,
  arns: Partial<Record<'equalTo' | 'startsWith', string[]>>,
): CfnTrail.AdvancedEventSelectorProperty => ({
  name,
  fieldSelectors: [
    { field: 'eventCategory', equalTo: ['Data'] },
    { field: 'resources.type', equalTo: [type] },
    { field: 'readOnly', equalTo: ['false'] },
    { field: 'resources.ARN', ...arns },
  ],
});
