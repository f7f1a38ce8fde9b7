import { Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { ArnFormat, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { BrokerAlarm } from './broker-alarm.ts';
import type { CommonProps } from './change-rules.ts';
import { byHand, calls } from './cloudtrail-calls.ts';
import { matchesOf, NoticeRule } from './notice-rule.ts';

/**
 * Notices of changes by hand of CloudFront in the whole account. For us-east-1, the only region that receives its calls. A rule that names
 * a distribution of a stack in another region would keep an old ID after that stack was deleted and created again
 * (docs/decisions/0126-who-changes-the-dashboard.md).
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-create-and-update-a-trail-by-using-the-aws-cli-update-trail.html
 */
export const addCloudFrontRule = (scope: Construct, props: CommonProps): void => {
  new NoticeRule(scope, 'CloudFront', {
    ...props,
    runbook: 'CloudFront was changed',
    description: 'changes of distributions, functions, response headers and domain names of CloudFront',
    impact:
      'another page may be shown under the address of the dashboard, where owners type their OpenAI keys, or another program may receive requests to the API.',
    because: 'each call counts; outside of an announced deployment, there are none.',
    eventPatterns: {
      '': calls(
        'cloudfront',
        [
          'UpdateDistribution',
          'DeleteDistribution',
          // WAF is attached and detached without an update of the distribution.
          'AssociateDistribution',
          'DisassociateDistribution',
          'UpdateFunction',
          'PublishFunction',
          'DeleteFunction',
          'UpdateResponseHeaders',
          'DeleteResponseHeaders',
          'UpdateOriginAccess',
          'DeleteOriginAccess',
          // Both move a domain name to another distribution.
          'AssociateAlias',
          'UpdateDomainAssociation',
        ],
        byHand,
      ),
    },
  });
};

/** Notices of changes by hand of the settings of the dashboard's bucket: its policy, its events, a website, a replication. */
export const addBucketRule = (
  scope: Construct,
  { bucketName, ...props }: CommonProps & { readonly bucketName: string },
): void => {
  new NoticeRule(scope, 'Bucket', {
    ...props,
    runbook: 'The bucket of the dashboard was changed',
    description: 'changes of the bucket of the dashboard',
    impact:
      'another person may replace the page where owners type their OpenAI keys, and the alarm on its files may be off.',
    because: 'each call counts; outside of an announced deployment, there are none.',
    eventPatterns: {
      '': calls('s3', ['PutBucket', 'DeleteBucket'], {
        ...byHand,
        requestParameters: { bucketName: [bucketName] },
      }),
    },
  });
};

export interface FileRuleProps extends CommonProps {
  readonly bucketName: string;
  readonly logRetention: RetentionDays;
}

/**
 * An alarm for each upload of files, and a log with one entry for each file. The events come from S3 and not from CloudTrail, so that
 * the trail does not depend on the dashboard. They name no role: a person compares each alarm with the deployments. An
 * upload writes every file, so the events go to a log, and the alarm alone sends a message.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export const addFileRule = (
  scope: Construct,
  { stage, topic, bucketName, logRetention }: FileRuleProps,
): void => {
  const log = new LogGroup(scope, 'FileEvents', {
    // The beginning that EventBridge asks for.
    logGroupName: `/aws/events/spelo-byok-${stage}-dashboard-files`,
    retention: logRetention,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const rule = new Rule(scope, 'FilesRule', {
    description: 'Spelo BYOK: files of the dashboard and the widget that are written or deleted',
    eventPattern: {
      source: ['aws.s3'],
      detailType: ['Object Created', 'Object Deleted'],
      detail: { bucket: { name: [bucketName] } },
    },
  });
  // The ARN of a target has no `:*` at its end, which CloudFormation's has.
  const arn = Stack.of(scope).formatArn({
    service: 'logs',
    resource: 'log-group',
    resourceName: log.logGroupName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  rule.addTarget({ bind: () => ({ arn }) });
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
  const writers = ['events', 'delivery.logs'].map((name) => new ServicePrincipal(`${name}.amazonaws.com`));
  log.addToResourcePolicy(
    new PolicyStatement({
      principals: writers,
      actions: ['logs:CreateLogStream'],
      resources: [log.logGroupArn],
    }),
  );
  log.addToResourcePolicy(
    new PolicyStatement({
      principals: writers,
      actions: ['logs:PutLogEvents'],
      resources: [log.logGroupArn],
      conditions: { ArnEquals: { 'aws:SourceArn': rule.ruleArn } },
    }),
  );
  Validations.of(rule).acknowledge({
    id: 'Serverless-EventBusDLQ',
    reason:
      'A lost entry of the log changes neither the alarm, which counts the rule itself, nor the files in the bucket.',
  });
  new BrokerAlarm(scope, 'FilesAlarm', {
    stage,
    topic,
    runbook: 'Files of the dashboard were written',
    impact:
      'if nobody has just deployed, the page where owners type their OpenAI keys, or the widget, may contain code of another person.',
    metric: matchesOf([rule]),
    above: 0,
    because: 'each file counts; you expect this alarm once if you just deployed, and at no other time.',
  });
};
