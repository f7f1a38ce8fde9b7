import type { EventPattern } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { byHand, calls, ownArn, prefixes } from './cloudtrail-calls.ts';
import { NoticeRule } from './notice-rule.ts';

export interface ChangeRulesProps {
  readonly stage: string;
  readonly topic: ITopic;
  /** Name of the stack with the tables, with which their names begin. */
  readonly dataStack: string;
  /** ARNs of tables whose writes CloudTrail records. */
  readonly writtenTables: readonly string[];
  /** Names of the buckets with the evidence. */
  readonly evidence: readonly string[];
}

export interface CommonProps {
  readonly stage: string;
  readonly topic: ITopic;
}

/** Changes of roles, of stacks, and of the monitoring in the region of `scope`: alarms, rules, logs, queues and the topic. */
const watchPatterns = (scope: Construct, { stage, topic }: CommonProps): Record<string, EventPattern> => {
  const own = `spelo-byok-${stage}-`;
  const { account } = Stack.of(scope);
  return {
    Stack: calls('cloudformation', ['UpdateStack', 'ExecuteChangeSet', 'DeleteStack', 'UpdateTermination'], {
      requestParameters: {
        $or: [
          { stackName: prefixes(own, ownArn(scope, 'cloudformation', `stack/${own}`)) },
          // The ARN of a change set names no stack, and is enough to execute it.
          { stackName: [{ exists: false }], changeSetName: prefixes('arn:') },
        ],
      },
    }),
    Role: calls(
      'iam',
      ['PutRole', 'DeleteRole', 'AttachRole', 'DetachRole', 'UpdateRole', 'UpdateAssumeRole', 'CreateRole'],
      { ...byHand, requestParameters: { roleName: prefixes(own) } },
    ),
    Alarm: calls('cloudwatch', ['DeleteAlarms', 'DisableAlarmActions', 'PutMetricAlarm', 'SetAlarmState'], {
      ...byHand,
      requestParameters: { $or: [{ alarmNames: prefixes(own) }, { alarmName: prefixes(own) }] },
    }),
    // PutTargets replaces a target of the same id.
    Rule: calls('events', ['DisableRule', 'DeleteRule', 'RemoveTargets', 'PutRule', 'PutTargets'], {
      ...byHand,
      requestParameters: {
        $or: ['name', 'rule'].map((name) => ({ [name]: prefixes(own) })),
      },
    }),
    // A filter policy or a data protection policy can drop every message.
    Topic: calls(
      'sns',
      [
        'DeleteTopic',
        'Unsubscribe',
        'SetTopicAttributes',
        'SetSubscriptionAttributes',
        'AddPermission',
        'RemovePermission',
        'PutDataProtectionPolicy',
      ],
      {
        ...byHand,
        requestParameters: {
          $or: ['topicArn', 'subscriptionArn', 'resourceArn'].map((name) => ({
            [name]: prefixes(topic.topicArn),
          })),
        },
      },
    ),
    // An alarm on failed records counts the matches of a metric filter in a log.
    Log: calls(
      'logs',
      ['DeleteLogGroup', 'DeleteLogStream', 'DeleteMetricFilter', 'PutMetricFilter', 'PutRetentionPolicy'],
      { ...byHand, requestParameters: { logGroupName: prefixes(own, `/aws/events/${own}`) } },
    ),
    // Dead letters, notices, and the hang-ups of calls.
    Queue: calls('sqs', ['DeleteQueue', 'PurgeQueue', 'SetQueueAttributes', 'AddPermission'], {
      ...byHand,
      requestParameters: { queueUrl: [{ wildcard: `*/${account}/${own}*` }] },
    }),
  };
};

/** For changes by which another person may control code that opens keys. */
const CODE = {
  runbook: 'Code or an alarm was changed',
  description: 'changes of functions, stacks, roles, alarms, rules, logs, queues and the topic of the alarms',
  impact: 'another person may control code that opens keys, or this stage is no longer watched.',
  because: 'each call counts; outside of an announced deployment, there are none.',
};

/** Notices of changed roles, and of changed monitoring in another region of the stage. */
export const addWatchRules = (scope: Construct, props: CommonProps): void => {
  new NoticeRule(scope, 'Code', { ...props, ...CODE, eventPatterns: watchPatterns(scope, props) });
};

/** Notices of changes of tables, of copies of them, and of the buckets of the evidence, if they are in this region. */
export const addDataRules = (
  scope: Construct,
  { stage, topic, dataStack, evidence }: Omit<ChangeRulesProps, 'writtenTables'>,
): void => {
  const tableArn = ownArn(scope, 'dynamodb', `table/${dataStack}-`);
  const ofTable = {
    $or: [
      { tableName: prefixes(`${dataStack}-`, tableArn) },
      ...['resourceArn', 'tableArn', 'sourceTableArn', 'backupArn'].map((name) => ({
        [name]: prefixes(tableArn),
      })),
      { sourceTableName: prefixes(`${dataStack}-`) },
    ],
  };
  new NoticeRule(scope, 'Data', {
    stage,
    topic,
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
      Copy: calls(
        'dynamodb',
        [
          'RestoreTable',
          'ExportTable',
          'CreateBackup',
          'DeleteBackup',
          'StartAwsBackup',
          // After this call, each change of an item is copied to a Kinesis stream, including the ciphertext of keys.
          'EnableKinesis',
          'UpdateKinesis',
        ],
        { requestParameters: ofTable },
      ),
      ...(evidence.length > 0 && {
        Bucket: calls('s3', ['PutBucket', 'DeleteBucket'], {
          ...byHand,
          requestParameters: { bucketName: [...evidence] },
        }),
        Object: calls('s3', ['DeleteObject', 'PutObjectRetention', 'PutObjectLegalHold'], {
          requestParameters: { bucketName: [...evidence] },
        }),
      }),
    },
    impact:
      'deleted keys may be read from a copy, the audit trail may have a gap, or evidence may be removed.',
    because: 'each call counts; only a restore and an announced deployment make such calls.',
  });
};

/**
 * Notices of item writes by any principal except the stage's roles and DynamoDB's replication. `tables` are ARNs or prefixes of
 * ARNs.
 */
export const addWriteRule = (
  scope: Construct,
  { stage, topic, tables }: CommonProps & { readonly tables: readonly unknown[] },
): void => {
  const issuer = (arns: readonly unknown[]) => ({
    userIdentity: { sessionContext: { sessionIssuer: { arn: arns } } },
  });
  const { partition, account } = Stack.of(scope);
  const roles = `arn:${partition}:iam::${account}:role/`;
  new NoticeRule(scope, 'Writes', {
    stage,
    topic,
    runbook: 'A table was written by another principal',
    description: 'writes of keys or tenancy by a principal that is not a role of the stage',
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
          resources: { ARN: [...tables] },
          $or: [
            issuer([
              {
                'anything-but': {
                  prefix: [
                    `${roles}spelo-byok-${stage}-`,
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
    impact: 'a key, a member or a site may differ from what its owner set.',
    because: 'each call counts, including a refused attempt.',
  });
};

/**
 * Notices of changes that weaken what protects keys and evidence: code and roles of the functions, alarms and rules, tables and
 * buckets, and writes of tables by anybody but the stage's roles. Each call counts; an announced deployment is one notice.
 * IAM's calls reach EventBridge only in us-east-1. If the stage is in another region, a ChangesStack watches there.
 */
export class ChangeRules extends Construct {
  constructor(scope: Construct, id: string, { writtenTables, ...props }: ChangeRulesProps) {
    super(scope, id);
    const { stage, topic } = props;
    const own = `spelo-byok-${stage}-`;
    const functions = ownArn(this, 'lambda', `function:${own}`);
    const { partition, account } = Stack.of(this);
    new NoticeRule(this, 'Code', {
      stage,
      topic,
      ...CODE,
      eventPatterns: {
        Function: calls(
          'lambda',
          [
            'CreateFunction',
            'UpdateFunction',
            'DeleteFunction',
            // Reserved concurrency of 0 stops a function.
            'PutFunction',
            'PutRuntimeManagement',
            'AddPermission',
            'RemovePermission',
          ],
          {
            ...byHand,
            requestParameters: {
              $or: [
                { functionName: prefixes(own, functions) },
                // Any other function that gets a role of the stage.
                { role: prefixes(`arn:${partition}:iam::${account}:role/${own}`) },
              ],
            },
          },
        ),
        Signing: calls('lambda', ['UpdateCodeSigning', 'DeleteCodeSigning'], byHand),
        Mapping: calls('lambda', ['UpdateEventSourceMapping', 'DeleteEventSourceMapping'], {
          ...byHand,
          responseElements: { functionArn: prefixes(functions) },
        }),
        ...watchPatterns(this, { stage, topic }),
      },
    });
    addDataRules(this, props);
    addWriteRule(this, { stage, topic, tables: writtenTables });
  }
}

/** Tables whose names begin with that of their stack, as an event pattern on ARNs of this region. */
export const tablesOf = (scope: Construct, dataStack: string) =>
  prefixes(ownArn(scope, 'dynamodb', `table/${dataStack}-`));
