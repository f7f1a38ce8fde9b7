import {
  CfnDistribution,
  CfnFunction,
  CfnOriginAccessControl,
  CfnResponseHeadersPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { type EventPattern, Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { ArnFormat, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { BrokerAlarm } from './broker-alarm.ts';
import type { CommonProps } from './change-rules.ts';
import { byHand, calls } from './cloudtrail-calls.ts';
import { matchesOf, NoticeRule } from './notice-rule.ts';

/** Resources of CloudFront as its calls name them. */
export interface CloudFrontResources {
  /** Of distributions, policies of response headers and origin access controls. */
  readonly ids: readonly string[];
  /** Of functions. */
  readonly names: readonly string[];
  /** Alternate domain names. */
  readonly domains: readonly string[];
}

/** Every resource of CloudFront in `scope` that decides what a browser receives. */
export const cloudFrontIn = (scope: Construct): CloudFrontResources => {
  const found = scope.node.findAll();
  return {
    ids: found
      .filter(
        (each) =>
          each instanceof CfnDistribution ||
          each instanceof CfnResponseHeadersPolicy ||
          each instanceof CfnOriginAccessControl,
      )
      .map(({ ref }) => ref),
    names: found.filter((each) => each instanceof CfnFunction).map(({ name }) => name),
    domains: found
      .filter((each) => each instanceof CfnDistribution)
      .flatMap(({ distributionConfig }) =>
        'aliases' in distributionConfig ? (distributionConfig.aliases ?? []) : [],
      ),
  };
};

/**
 * Calls by hand that change one of the resources, or move one of their domain names to another distribution. Only EventBridge of
 * us-east-1 receives calls of CloudFront.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
 */
export const cloudFrontPattern = ({ ids, names, domains }: CloudFrontResources): EventPattern =>
  calls(
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
      'AssociateAlias',
      'UpdateDomainAssociation',
    ],
    {
      ...byHand,
      requestParameters: {
        $or: [
          { id: [...ids] },
          ...(names.length > 0 ? [{ name: [...names] }] : []),
          ...(domains.length > 0 ? [{ alias: [...domains] }, { domain: [...domains] }] : []),
        ],
      },
    },
  );

/** Notices of changes of how the dashboard and the widget are served: `eventPatterns` of CloudFront, of the bucket, or of both. */
export const addServingRule = (
  scope: Construct,
  props: CommonProps & { readonly eventPatterns: Readonly<Record<string, EventPattern>> },
): void => {
  new NoticeRule(scope, 'Serving', {
    ...props,
    runbook: 'The serving of the dashboard was changed',
    description: 'changes of the CloudFront distribution and the bucket of the dashboard',
    impact:
      'another page may be shown under the address of the dashboard, where owners type their OpenAI keys.',
    because: 'each call counts; outside of an announced deployment, there are none.',
  });
};

/** Changes by hand of the settings of the bucket: its policy, its events, a website, a replication. */
export const bucketPattern = (bucketName: string): EventPattern =>
  calls('s3', ['PutBucket', 'DeleteBucket'], {
    ...byHand,
    requestParameters: { bucketName: [bucketName] },
  });

export interface FileRuleProps extends CommonProps {
  readonly bucketName: string;
  readonly logRetention: RetentionDays;
}

/**
 * An alarm for each upload of files, and a log with one entry for each file. The events come from S3 and not from
 * CloudTrail, so that the trail does not depend on the dashboard. They name no role, and everybody who deploys uploads with
 * their own credentials: each upload alarms, and a person compares it with the deployments. An upload writes every file, so
 * the events go to a log, and the alarm alone sends a message.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export const addFileRule = (
  scope: Construct,
  { stage, topic, bucketName, logRetention }: FileRuleProps,
): void => {
  const log = new LogGroup(scope, 'FileEvents', {
    // EventBridge writes to no other names.
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
