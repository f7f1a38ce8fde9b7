import { Schedule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { CfnElement, Duration, Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { EVENT_SOURCE, EVENTS } from '../../lambdas/contract/events.ts';
import { through } from '../conditions.ts';
import { puttingEvents } from '../event-bus.ts';
import type { BrokerFunctionProps } from './broker-function.ts';
import type { EvidenceBucket } from './evidence-bucket.ts';
import { NoticeRule } from './notice-rule.ts';
import { ScheduledFunction } from './scheduled-function.ts';

export interface ReconciliationProps
  extends Pick<
    BrokerFunctionProps,
    'stage' | 'environment' | 'permissions' | 'logRetention' | 'reservedConcurrencyOf'
  > {
  readonly topic: ITopic;
  /** The bucket that CloudTrail delivers to. */
  readonly trail: EvidenceBucket;
  readonly archive: EvidenceBucket;
  readonly evidenceKey: IKey;
}

/**
 * The daily comparison of CloudTrail, the audit trail and its archive. It begins three hours after the UTC day has ended, when
 * CloudTrail has delivered its calls, and every 20 minutes for three hours: a run that failed or became late continues,
 * and one that finds the day complete ends at once.
 */
export class Reconciliation extends ScheduledFunction {
  constructor(scope: Construct, id: string, props: ReconciliationProps) {
    const { stage, topic, trail, archive, evidenceKey, environment, permissions, ...common } = props;
    const folder = (bucket: EvidenceBucket, name: string): string => bucket.arnForObjects(`${name}/*`);
    super(scope, id, {
      ...common,
      stage,
      functionName: 'reconcile',
      schedule: Schedule.cron({ minute: '0/20', hour: '3-5' }),
      // A decrypt of the day takes about 2 KB with its two rows: 400,000 of them leave more than half free.
      memoryMiB: 2048,
      timeout: Duration.minutes(15),
      environment: {
        ...environment,
        TRAIL_BUCKET: trail.bucketName,
        ARCHIVE_BUCKET: archive.bucketName,
      },
      permissions: [
        ...permissions,
        listing(trail, ['AWSLogs/*']),
        listing(archive, ['audit/*', 'reconciliations/*']),
        new PolicyStatement({
          actions: ['s3:GetObject'],
          resources: [folder(trail, 'AWSLogs'), folder(archive, 'audit'), folder(archive, 'reconciliations')],
        }),
        new PolicyStatement({
          actions: ['s3:ListBucketVersions'],
          resources: [trail.bucketArn, archive.bucketArn],
        }),
        new PolicyStatement({ actions: ['s3:PutObject'], resources: [folder(archive, 'reconciliations')] }),
        new PolicyStatement({
          actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
          resources: [evidenceKey.keyArn],
          conditions: through(scope, 's3'),
        }),
        puttingEvents(scope, [EVENTS.recordsDiffer]),
      ],
    });
    for (const [bucket, name] of [
      [trail, 'AWSLogs'],
      [archive, 'audit'],
      [archive, 'reconciliations'],
    ] as const)
      Validations.of(this.broker.role).acknowledge({
        // cdk-nag names a resource by its logical id.
        id: `AwsSolutions-IAM5[Resource::<${logicalIdOf(bucket)}.Arn>/${name}/*]`,
        reason:
          'The objects are named by day or workspace; the function reads whole folders of the evidence.',
      });

    new NoticeRule(this, 'RecordsDiffer', {
      stage,
      topic,
      runbook: 'The records of key use differ',
      description: 'differences between CloudTrail, the audit trail, its archive and the last checkpoint',
      eventPatterns: { '': { source: [EVENT_SOURCE], detailType: [EVENTS.recordsDiffer] } },
      impact: 'a key may have been opened by other code than ours, or the audit trail may have been changed.',
      because: 'each difference counts; the records of an honest day agree one to one.',
    });
  }
}

const listing = (bucket: EvidenceBucket, prefixes: readonly string[]): PolicyStatement =>
  new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [bucket.bucketArn],
    conditions: { StringLike: { 's3:prefix': prefixes } },
  });

const logicalIdOf = (bucket: EvidenceBucket): string => {
  const resource = bucket.node.defaultChild;
  if (!(resource instanceof CfnElement)) throw new Error('The bucket has no CloudFormation resource.');
  return Stack.of(bucket).resolve(resource.logicalId);
};
