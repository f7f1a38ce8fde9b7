import type { EventPattern } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { NoticeRule } from './notice-rule.ts';

export interface ChangeRulesProps {
  readonly stage: string;
  readonly topic: ITopic;
  /** Of the stack with the tables: their names begin with it. */
  readonly dataStack: string;
  /** ARNs of tables whose writes CloudTrail records. */
  readonly writtenTables: readonly string[];
  /** Names of the buckets with the evidence. */
  readonly evidence: readonly string[];
}

type Detail = NonNullable<EventPattern['detail']>;

/** CloudFormation changes what the template says; who made it do so is told by the rule on stacks. */
const byHand = { sourceIPAddress: [{ 'anything-but': 'cloudformation.amazonaws.com' }] };

const prefixes = (...texts: readonly string[]) => texts.map((prefix) => ({ prefix }));

/** Calls of a service as CloudTrail records them. `names` are beginnings: Lambda's carry the date of their API version. */
const calls = (service: string, names: readonly string[], detail: Detail): EventPattern => ({
  source: [`aws.${service}`],
  detailType: ['AWS API Call via CloudTrail'],
  detail: {
    eventSource: [`${service === 'cloudwatch' ? 'monitoring' : service}.amazonaws.com`],
    eventName: prefixes(...names),
    ...detail,
  },
});

/**
 * Notices of changes that weaken what protects keys and evidence: code and roles of the functions, alarms and rules, tables and
 * buckets, and writes of tables by anybody but the stage's roles. Each call counts; an announced deployment is one notice.
 *
 * IAM's calls reach EventBridge in us-east-1 alone, so a stage in another region learns of a changed role from CloudTrail only.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
 */
export class ChangeRules extends Construct {
  constructor(scope: Construct, id: string, props: ChangeRulesProps) {
    super(scope, id);
    const { stage, topic, dataStack, writtenTables, evidence } = props;
    const { partition, region, account, stackName } = Stack.of(this);
    const own = `spelo-byok-${stage}-`;
    const arn = (service: string, resource: string): string =>
      `arn:${partition}:${service}:${region}:${account}:${resource}`;
    const tableArn = arn('dynamodb', `table/${dataStack}-`);
    const common = { stage, topic };
    const ofTable = {
      $or: [
        { tableName: prefixes(`${dataStack}-`, tableArn) },
        ...['resourceArn', 'tableArn', 'sourceTableArn', 'backupArn'].map((name) => ({
          [name]: prefixes(tableArn),
        })),
        { sourceTableName: prefixes(`${dataStack}-`) },
      ],
    };

    new NoticeRule(this, 'Code', {
      ...common,
      runbook: 'Code or an alarm was changed',
      description: 'changes of functions, stacks, roles, alarms, rules and the topic of the alarms',
      eventPatterns: {
        Function: calls(
          'lambda',
          ['UpdateFunctionCode', 'UpdateFunctionConfiguration', 'AddPermission', 'DeleteFunction'],
          { ...byHand, requestParameters: { functionName: prefixes(own, arn('lambda', `function:${own}`)) } },
        ),
        Mapping: calls('lambda', ['UpdateEventSourceMapping', 'DeleteEventSourceMapping'], {
          ...byHand,
          responseElements: { functionArn: prefixes(arn('lambda', `function:${own}`)) },
        }),
        Stack: calls(
          'cloudformation',
          ['UpdateStack', 'ExecuteChangeSet', 'DeleteStack', 'UpdateTermination'],
          {
            requestParameters: { stackName: prefixes(own, arn('cloudformation', `stack/${own}`)) },
          },
        ),
        Role: calls(
          'iam',
          [
            'PutRole',
            'DeleteRole',
            'AttachRole',
            'DetachRole',
            'UpdateRole',
            'UpdateAssumeRole',
            'CreateRole',
          ],
          { ...byHand, requestParameters: { roleName: prefixes(own) } },
        ),
        Alarm: calls(
          'cloudwatch',
          ['DeleteAlarms', 'DisableAlarmActions', 'PutMetricAlarm', 'SetAlarmState'],
          {
            ...byHand,
            requestParameters: { $or: [{ alarmNames: prefixes(own) }, { alarmName: prefixes(own) }] },
          },
        ),
        Rule: calls('events', ['DisableRule', 'DeleteRule', 'RemoveTargets', 'PutRule'], {
          ...byHand,
          requestParameters: { $or: ['name', 'rule'].map((name) => ({ [name]: prefixes(`${stackName}-`) })) },
        }),
        Topic: calls('sns', ['DeleteTopic', 'Unsubscribe', 'SetTopicAttributes', 'RemovePermission'], {
          ...byHand,
          requestParameters: {
            $or: ['topicArn', 'subscriptionArn'].map((name) => ({ [name]: prefixes(topic.topicArn) })),
          },
        }),
      },
      impact: 'code that opens keys may be in other hands, or this stage is no longer watched.',
      because: 'each call counts; outside of an announced deployment there is none.',
    });

    new NoticeRule(this, 'Data', {
      ...common,
      runbook: 'A table or the evidence was changed',
      description: 'changes of tables, streams, copies of tables and the buckets of the evidence',
      eventPatterns: {
        Table: calls(
          'dynamodb',
          [
            'UpdateTable',
            'DeleteTable',
            'UpdateTimeToLive',
            'UpdateContinuousBackups',
            'PutResource',
            'DeleteResource',
          ],
          { ...byHand, requestParameters: ofTable },
        ),
        Copy: calls('dynamodb', ['RestoreTable', 'ExportTable', 'CreateBackup', 'DeleteBackup'], {
          requestParameters: ofTable,
        }),
        Bucket: calls('s3', ['PutBucket', 'DeleteBucket'], {
          ...byHand,
          requestParameters: { bucketName: [...evidence] },
        }),
        Object: calls('s3', ['DeleteObject', 'PutObjectRetention', 'PutObjectLegalHold'], {
          requestParameters: { bucketName: [...evidence] },
        }),
      },
      impact:
        'deleted keys may be read from a copy, the audit trail may have a gap, or evidence may be removed.',
      because: 'each call counts; only a restore and an announced deployment make such calls.',
    });

    const issuer = (arns: readonly unknown[]) => ({
      userIdentity: { sessionContext: { sessionIssuer: { arn: arns } } },
    });
    const roles = `arn:${partition}:iam::${account}:role/`;
    new NoticeRule(this, 'Writes', {
      ...common,
      runbook: 'A table was written by another principal',
      description: 'writes of keys or tenancy by no role of the stage',
      eventPatterns: {
        '': calls(
          'dynamodb',
          [
            'PutItem',
            'UpdateItem',
            'DeleteItem',
            'BatchWriteItem',
            'TransactWriteItems',
            'Execute',
            'BatchExecute',
          ],
          {
            resources: { ARN: [...writtenTables] },
            $or: [
              issuer([
                {
                  'anything-but': {
                    prefix: [
                      `${roles}${own}`,
                      `${roles}aws-service-role/replication.dynamodb.amazonaws.com/`,
                    ],
                  },
                },
              ]),
              issuer([{ exists: false }]),
            ],
          },
        ),
      },
      impact: 'a key, a member or a site may be another than its owner set.',
      because: 'each call counts; a refused one, too: it was tried.',
    });
  }
}
