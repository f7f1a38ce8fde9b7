import { describe, expect, test } from '@jest/globals';
import { call, type Json, matches, request, resolved } from './event-pattern.ts';
import { exampleApp, inWords, ofType, templateOf } from './synthesized.ts';

const { api, audit, data, observability } = exampleApp({});
const [own, stored, observing] = [templateOf(audit), templateOf(data), templateOf(observability)];
const words = (value: unknown): string => inWords(value, own, stored);

const patterns = ofType(own, 'AWS::Events::Rule')
  .filter(({ name }) => /^(Changes|KeyCopied|KeyEndangered)\//.test(name))
  .map(({ name, Properties }) => ({ name, pattern: resolved(Properties['EventPattern'], words) }));

const ACCOUNT = '{AWS::AccountId}';
const table = `${data.stackName}-KeysTable1A2B3C`;
const TOKEN_ROLE = 'spelo-byok-dev-token-eu-central-1';

const noticesOf = (event: unknown): readonly string[] =>
  patterns.filter(({ pattern }) => matches(pattern, event)).map(({ name }) => name);

describe('the rules on changes', () => {
  test.each([
    [
      'lambda',
      'UpdateFunctionCode20150331v2',
      request({ functionName: 'spelo-byok-dev-token' }),
      'Changes/Code/FunctionRule',
    ],
    [
      'lambda',
      'UpdateFunctionConfiguration20150331v2',
      request({ functionName: 'spelo-byok-dev-rotate' }),
      'Changes/Code/FunctionRule',
    ],
    [
      'lambda',
      'PutFunctionCodeSigningConfig',
      request({ functionName: 'spelo-byok-dev-token' }),
      'Changes/Code/FunctionRule',
    ],
    [
      'cloudformation',
      'ExecuteChangeSet',
      request({ stackName: 'spelo-byok-dev-api' }),
      'Changes/Code/StackRule',
    ],
    [
      'iam',
      'PutRolePolicy',
      request({ roleName: 'spelo-byok-dev-token-eu-central-1' }),
      'Changes/Code/RoleRule',
    ],
    [
      'iam',
      'UpdateAssumeRolePolicy',
      request({ roleName: 'spelo-byok-dev-token-eu-central-1' }),
      'Changes/Code/RoleRule',
    ],
    [
      'cloudwatch',
      'DeleteAlarms',
      request({ alarmNames: ['other', 'spelo-byok-dev-detector-fails'] }),
      'Changes/Code/AlarmRule',
    ],
    ['events', 'DisableRule', request({ name: 'spelo-byok-dev-audit-Tampering1' }), 'Changes/Code/RuleRule'],
    ['dynamodb', 'UpdateTable', request({ tableName: table }), 'Changes/Data/TableRule'],
    [
      'dynamodb',
      'RestoreTableToPointInTime',
      request({ sourceTableName: table, targetTableName: 'x' }),
      'Changes/Data/CopyRule',
    ],
    [
      's3',
      'PutBucketObjectLockConfiguration',
      request({ bucketName: 'ArchiveBucket' }),
      'Changes/Data/BucketRule',
    ],
    ['s3', 'DeleteObjects', request({ bucketName: 'ArchiveBucket' }), 'Changes/Data/ObjectRule'],
    ['kms', 'ReplicateKey', { resources: [{ ARN: 'MasterKey' }] }, 'KeyCopied/SealingRule'],
    ['kms', 'RevokeGrant', { resources: [{ ARN: 'TablesKey' }] }, 'KeyEndangered/StoringRule'],
    [
      'lambda',
      'CreateFunction20150331',
      request({ functionName: 'innocent', role: `arn:{AWS::Partition}:iam::${ACCOUNT}:role/${TOKEN_ROLE}` }),
      'Changes/Code/FunctionRule',
    ],
    [
      'lambda',
      'UpdateFunctionConfiguration20150331v2',
      request({ functionName: 'innocent', role: `arn:{AWS::Partition}:iam::${ACCOUNT}:role/${TOKEN_ROLE}` }),
      'Changes/Code/FunctionRule',
    ],
    [
      'lambda',
      'PutFunctionConcurrency20171031',
      request({ functionName: 'spelo-byok-dev-detector', reservedConcurrentExecutions: 0 }),
      'Changes/Code/FunctionRule',
    ],
    [
      'lambda',
      'UpdateCodeSigningConfig20200422',
      request({ codeSigningConfigArn: 'arn:aws:lambda:eu-central-1:1:code-signing-config:csc-1' }),
      'Changes/Code/SigningRule',
    ],
    [
      'cloudformation',
      'ExecuteChangeSet',
      request({ changeSetName: 'arn:aws:cloudformation:eu-central-1:1:changeSet/a/b' }),
      'Changes/Code/StackRule',
    ],
    ['events', 'PutTargets', request({ rule: 'spelo-byok-dev-audit-Tampering1' }), 'Changes/Code/RuleRule'],
    [
      'events',
      'DisableRule',
      request({ name: 'spelo-byok-dev-observability-ApiChanged1' }),
      'Changes/Code/RuleRule',
    ],
    ['events', 'DeleteRule', request({ name: 'spelo-byok-dev-dashboard-Files1' }), 'Changes/Code/RuleRule'],
    [
      'logs',
      'DeleteLogGroup',
      request({ logGroupName: '/aws/events/spelo-byok-dev-dashboard-files' }),
      'Changes/Code/LogRule',
    ],
    [
      'sns',
      'SetSubscriptionAttributes',
      request({ subscriptionArn: 'Alarms', attributeName: 'FilterPolicy' }),
      'Changes/Code/TopicRule',
    ],
    ['sns', 'PutDataProtectionPolicy', request({ resourceArn: 'Alarms' }), 'Changes/Code/TopicRule'],
    [
      'logs',
      'DeleteMetricFilter',
      request({ logGroupName: 'spelo-byok-dev-audit-ProjectorBrokerLogs1A2B' }),
      'Changes/Code/LogRule',
    ],
    [
      'sqs',
      'PurgeQueue',
      request({ queueUrl: `https://sqs.eu-central-1.amazonaws.com/${ACCOUNT}/spelo-byok-dev-data-HangUps1` }),
      'Changes/Code/QueueRule',
    ],
    [
      'sqs',
      'DeleteQueue',
      request({ queueUrl: `https://queue.amazonaws.com/${ACCOUNT}/spelo-byok-dev-audit-DeadLetters1` }),
      'Changes/Code/QueueRule',
    ],
    [
      'dynamodb',
      'EnableKinesisStreamingDestination',
      request({ tableName: table, streamArn: 'arn:aws:kinesis:eu-central-1:2:stream/x' }),
      'Changes/Data/CopyRule',
    ],
  ] as const)('report %s %s', (service, eventName, more, rule) => {
    expect(noticesOf(call(service, eventName, more))).toEqual([rule]);
  });

  test('report a changed route of this API, and not of another API', () => {
    const [rule, ...others] = ofType(observing, 'AWS::Events::Rule').map(({ Properties }) =>
      resolved(Properties['EventPattern'], (value) => inWords(value, observing, templateOf(api))),
    );
    expect(others).toEqual([]);
    const changed = (eventName: string, apiId: unknown) =>
      matches(rule, call('apigateway', eventName, request({ apiId, integrationId: 'i1' })));
    const [apiId] = Object(rule).detail.requestParameters.apiId;
    for (const eventName of ['UpdateIntegration', 'CreateRoute', 'UpdateRoute', 'DeleteAuthorizer'])
      expect(changed(eventName, apiId)).toBe(true);
    expect(changed('GetIntegration', apiId)).toBe(false);
    expect(changed('UpdateIntegration', 'another')).toBe(false);
  });

  test('report an event source mapping of a function of the stage', () => {
    const functionArn = `arn:{AWS::Partition}:lambda:{AWS::Region}:${ACCOUNT}:function:spelo-byok-dev-projector`;
    const event = call('lambda', 'DeleteEventSourceMapping20150331', { responseElements: { functionArn } });
    expect(noticesOf(event)).toEqual(['Changes/Code/MappingRule']);
  });

  test.each([
    [
      'another stage',
      call('lambda', 'UpdateFunctionCode20150331v2', request({ functionName: 'spelo-byok-prod-token' })),
    ],
    [
      'CloudFormation, whose own call has a notice',
      call('lambda', 'UpdateFunctionCode20150331v2', {
        ...request({ functionName: 'spelo-byok-dev-token' }),
        sourceIPAddress: 'cloudformation.amazonaws.com',
      }),
    ],
    [
      'CloudFormation where AWS records no address',
      call('lambda', 'UpdateFunctionCode20150331v2', {
        ...request({ functionName: 'spelo-byok-dev-token' }),
        sourceIPAddress: 'AWS Internal',
        userIdentity: { invokedBy: 'cloudformation.amazonaws.com' },
      }),
    ],
    [
      'a function of another program',
      call('lambda', 'CreateFunction20150331', request({ functionName: 'x', role: 'arn:aws:iam::1:role/x' })),
    ],
    [
      'a queue of another program',
      call('sqs', 'PurgeQueue', request({ queueUrl: `https://sqs.eu-central-1.amazonaws.com/${ACCOUNT}/x` })),
    ],
    ['another bucket', call('s3', 'PutBucketPolicy', request({ bucketName: 'photos' }))],
    ['reads', call('dynamodb', 'DescribeTable', request({ tableName: table }))],
  ])('ignore %s', (_, event) => {
    expect(noticesOf(event)).toEqual([]);
  });
});

describe('the rule on table writes', () => {
  const writeBy = (userIdentity: Json) =>
    noticesOf(call('dynamodb', 'PutItem', { userIdentity, resources: [{ ARN: 'KeysTable' }] }));
  const role = (name: string) => ({
    sessionContext: { sessionIssuer: { arn: `arn:{AWS::Partition}:iam::${ACCOUNT}:role/${name}` } },
  });

  test('ignores the roles of the stage and replication', () => {
    expect(writeBy(role('spelo-byok-dev-keys-eu-central-1'))).toEqual([]);
    expect(
      writeBy(
        role('aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication'),
      ),
    ).toEqual([]);
  });

  test('reports all other roles, IAM users and root', () => {
    for (const identity of [
      role('Administrator'),
      { type: 'IAMUser', arn: 'arn:aws:iam::1:user/eve' },
      { type: 'Root' },
    ])
      expect(writeBy(identity)).toEqual(['Changes/Writes/Rule']);
  });
});

describe('the resource policies of tables', () => {
  const tables = ofType(stored, 'AWS::DynamoDB::Table');
  const writersOf = (name: string): readonly string[] => {
    const found = tables.find((each) => each.name === name)?.Properties['ResourcePolicy'];
    const [statement, ...more] = Object(found).PolicyDocument?.Statement ?? [];
    expect(more).toEqual([]);
    expect(statement).toMatchObject({ Effect: 'Deny', Principal: { AWS: '*' }, Resource: '*' });
    return statement.Condition.ArnNotEquals['aws:PrincipalArn'].map((arn: unknown) => inWords(arn, stored));
  };

  test.each([
    [
      'KeysTable',
      ['keys', 'rotate', 'detector', 'hangup', 'rotate-on-request', 'platform-key', 'rewrap', 'restore'],
    ],
    ['AuditTable', ['projector', 'restore']],
  ])('let only these roles and replication write to %s', (name, roles) => {
    expect(writersOf(name)).toEqual([
      ...roles.map(
        (role) => `arn:{AWS::Partition}:iam::{AWS::AccountId}:role/spelo-byok-dev-${role}-{AWS::Region}`,
      ),
      expect.stringMatching(
        /:role\/aws-service-role\/replication\.dynamodb\.amazonaws\.com\/AWSServiceRoleForDynamoDBReplication$/,
      ),
    ]);
  });

  test('are missing on tables without evidence, and never refuse DynamoDB itself', () => {
    const named = tables.filter(({ Properties }) => 'ResourcePolicy' in Properties).map(({ name }) => name);
    expect(named).toEqual(['TenancyTable', 'KeysTable', 'AuditTable']);
    // Expiry and backups call no action of an item as a principal of the account.
    for (const { Properties } of tables)
      expect(JSON.stringify(Properties['ResourcePolicy'] ?? '')).not.toMatch(
        /Scan|Query|GetItem|dynamodb:\*/,
      );
  });
});
