import { describe, expect, test } from '@jest/globals';
import { exampleApp, inWords, ofType, templateOf } from './synthesized.ts';

const { audit, data } = exampleApp({});
const [own, stored] = [templateOf(audit), templateOf(data)];
const words = (value: unknown): string => inWords(value, own, stored);

/** The pattern with a readable text for each reference. */
const resolved = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.keys(value);
  if (names.length === 1 && /^(Ref|Fn::)/.test(names[0] ?? '')) return words(value);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolved(inner)]));
};

const patterns = ofType(own, 'AWS::Events::Rule')
  .filter(({ name }) => /^(Changes|KeyCopied)\//.test(name))
  .map(({ name, Properties }) => ({ name, pattern: resolved(Properties['EventPattern']) }));

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One value of a pattern's list: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
const fits = (wanted: unknown, value: unknown): boolean => {
  if (!isObject(wanted)) return value === wanted;
  if ('exists' in wanted) return (value !== undefined) === wanted['exists'];
  if (value === undefined) return false;
  if ('prefix' in wanted) return String(value).startsWith(String(wanted['prefix']));
  const not = wanted['anything-but'];
  if (isObject(not))
    return ![not['prefix']].flat().some((prefix) => String(value).startsWith(String(prefix)));
  return ![not].flat().includes(value);
};

const matches = (pattern: unknown, event: unknown): boolean => {
  if (Array.isArray(pattern)) {
    const values = Array.isArray(event) ? event : [event];
    return pattern.some((wanted) => values.some((value) => fits(wanted, value)));
  }
  if (!isObject(pattern)) return false;
  // A list of objects matches when one of them does.
  if (Array.isArray(event)) return event.some((each) => matches(pattern, each));
  return Object.entries(pattern).every(([name, inner]) =>
    name === '$or'
      ? (inner as unknown[]).some((either) => matches(either, event))
      : matches(inner, isObject(event) ? event[name] : undefined),
  );
};

const ACCOUNT = '{AWS::AccountId}';
const table = `${data.stackName}-KeysTable1A2B3C`;

/** A call as CloudTrail records it and EventBridge delivers it. */
const call = (service: string, eventName: string, more: Json = {}) => ({
  source: `aws.${service}`,
  'detail-type': 'AWS API Call via CloudTrail',
  detail: {
    eventSource: `${service === 'cloudwatch' ? 'monitoring' : service}.amazonaws.com`,
    eventName,
    sourceIPAddress: '203.0.113.7',
    ...more,
  },
});
const request = (requestParameters: Json) => ({ requestParameters });
const noticesOf = (event: unknown): readonly string[] =>
  patterns.filter(({ pattern }) => matches(pattern, event)).map(({ name }) => name);

describe('the rules on changes notice', () => {
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
  ] as const)('%s %s', (service, eventName, more, rule) => {
    expect(noticesOf(call(service, eventName, more))).toEqual([rule]);
  });

  test('an event source mapping of a function of the stage', () => {
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
    ['another bucket', call('s3', 'PutBucketPolicy', request({ bucketName: 'photos' }))],
    ['reads', call('dynamodb', 'DescribeTable', request({ tableName: table }))],
  ])('nothing of %s', (_, event) => {
    expect(noticesOf(event)).toEqual([]);
  });
});

describe('the rule on writes of tables', () => {
  const writeBy = (userIdentity: Json) =>
    noticesOf(call('dynamodb', 'PutItem', { userIdentity, resources: [{ ARN: 'KeysTable' }] }));
  const role = (name: string) => ({
    sessionContext: { sessionIssuer: { arn: `arn:{AWS::Partition}:iam::${ACCOUNT}:role/${name}` } },
  });

  test('is silent for the roles of the stage and for replication', () => {
    expect(writeBy(role('spelo-byok-dev-keys-eu-central-1'))).toEqual([]);
    expect(
      writeBy(
        role('aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication'),
      ),
    ).toEqual([]);
  });

  test('notices every other role, IAM users and root', () => {
    for (const identity of [
      role('Administrator'),
      { type: 'IAMUser', arn: 'arn:aws:iam::1:user/eve' },
      { type: 'Root' },
    ])
      expect(writeBy(identity)).toEqual(['Changes/Writes/Rule']);
  });
});

describe('the policies of tables', () => {
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
  ])('%s takes writes from these roles and from replication alone', (name, roles) => {
    expect(writersOf(name)).toEqual([
      ...roles.map(
        (role) => `arn:{AWS::Partition}:iam::{AWS::AccountId}:role/spelo-byok-dev-${role}-{AWS::Region}`,
      ),
      expect.stringMatching(
        /:role\/aws-service-role\/replication\.dynamodb\.amazonaws\.com\/AWSServiceRoleForDynamoDBReplication$/,
      ),
    ]);
  });

  test('leave out tables of which nothing is evidence, and no table refuses DynamoDB itself', () => {
    const named = tables.filter(({ Properties }) => 'ResourcePolicy' in Properties).map(({ name }) => name);
    expect(named).toEqual(['TenancyTable', 'KeysTable', 'AuditTable']);
    // Expiry and backups call no action of an item as a principal of the account.
    for (const { Properties } of tables)
      expect(JSON.stringify(Properties['ResourcePolicy'] ?? '')).not.toMatch(
        /Scan|Query|GetItem|dynamodb:\*/,
      );
  });
});
