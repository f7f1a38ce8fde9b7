import { describe, expect, test } from '@jest/globals';
import { isAllowed, rolePrincipals, trusts } from './iam.ts';
import { matrix, SENSITIVE } from './iam-matrix.ts';
import { permissions, templates, wordsOf } from './permissions.ts';
import { exampleApp, inWords, ofType, templateOf } from './synthesized.ts';

const ROLE = 'BreakGlassOperator';
const REGION = '{AWS::Region}';

/** The keys of a request of the IAM user `emergency` who does everything right. */
const right = {
  'aws:MultiFactorAuthPresent': 'true',
  'aws:MultiFactorAuthAge': '30',
  'aws:username': 'emergency',
  'aws:PrincipalArn': 'arn:{AWS::Partition}:iam::{AWS::AccountId}:user/emergency',
  'sts:RoleSessionName': 'emergency',
  'aws:RequestedRegion': REGION,
  'aws:RequestTag/reason': 'Visitors report strange calls',
  'aws:TagKeys': ['reason'],
};
type Key = keyof typeof right;
const without = (...keys: Key[]) =>
  Object.fromEntries(Object.entries(right).filter(([key]) => !keys.some((each) => each === key)));

describe('the break-glass role', () => {
  test('can be assumed by an IAM user with a recent MFA code, a reason and their own name', () => {
    expect(trusts(ROLE, 'sts:AssumeRole', right)).toBe(true);
    expect(trusts(ROLE, 'sts:TagSession', right)).toBe(true);
  });

  test.each([
    ['without MFA', { ...right, 'aws:MultiFactorAuthPresent': 'false' }],
    [
      'with long-term keys, which carry no MFA',
      without('aws:MultiFactorAuthPresent', 'aws:MultiFactorAuthAge'),
    ],
    ['with an MFA code that is an hour old', { ...right, 'aws:MultiFactorAuthAge': '3600' }],
    ['without a reason', { ...without('aws:RequestTag/reason'), 'aws:TagKeys': [] }],
    ['with a reason that says nothing', { ...right, 'aws:RequestTag/reason': 'test' }],
    ['with a further tag', { ...right, 'aws:TagKeys': ['reason', 'team'] }],
    ["with another person's name", { ...right, 'sts:RoleSessionName': 'ada' }],
    ['by a role, which has no user name', without('aws:username')],
    ['in another region, where the rule does not see it', { ...right, 'aws:RequestedRegion': 'us-east-1' }],
  ])('cannot be assumed %s', (_, context) => {
    expect(trusts(ROLE, 'sts:AssumeRole', context)).toBe(false);
  });

  test('can be assumed only by the users that the stage names, if it names any', () => {
    const { data } = exampleApp({ settings: { breakGlassUsers: ['emergency', 'ops/ada'] } });
    const own = templateOf(data);
    const [role] = ofType(own, 'AWS::IAM::Role').filter(({ name }) => name === ROLE);
    const [assume] = Object(role?.Properties['AssumeRolePolicyDocument']).Statement;
    expect(assume.Condition.ArnEquals['aws:PrincipalArn'].map((arn: unknown) => inWords(arn, own))).toEqual(
      ['emergency', 'ops/ada'].map((user) => `arn:{AWS::Partition}:iam::{AWS::AccountId}:user/${user}`),
    );
  });

  test('is valid for an hour', () => {
    const [role] = ofType(templates.data, 'AWS::IAM::Role').filter(({ name }) => name === ROLE);
    expect(role?.Properties['MaxSessionDuration']).toBe(3_600);
  });

  test('can stop voice, but performs no other sensitive action', () => {
    const own = Object.entries(matrix).filter(([, who]) => who.includes(ROLE));
    expect(own.map(([what]) => what)).toEqual(['stops voice']);
    const principal = rolePrincipals.find(({ name }) => name === ROLE);
    if (principal === undefined) throw new Error('There is no such role.');
    for (const [what, calls] of Object.entries(SENSITIVE))
      if (/key|MAC/.test(what)) for (const call of calls) expect(isAllowed(principal, call)).toBe(false);
  });

  test('can read tables and logs, but no key and no webhook secret', () => {
    const own = permissions.filter(({ role }) => role === ROLE);
    expect([...new Set(own.map(({ resource }) => resource))].sort()).toEqual(
      [
        '*',
        'AuditTable',
        'HangUps/Queue',
        'LimitsTable',
        'SessionsTable',
        'TablesKey',
        'TenancyTable',
        'UsageTable',
        `arn:{AWS::Partition}:logs:${REGION}:{AWS::AccountId}:log-group:spelo-byok-dev-*`,
      ].sort(),
    );
    const reads = own.filter(
      ({ resource, action }) => resource === 'TenancyTable' && /Get|Query/.test(action),
    );
    for (const { condition } of reads) expect(condition).toContain('WORKSPACE#* or STOP#*');
  });
});

describe('each use of the break-glass role', () => {
  const words = wordsOf(templates.audit);
  const [rule] = ofType(templates.audit, 'AWS::Events::Rule').filter(({ name }) =>
    name.startsWith('BreakGlass/'),
  );

  test('sends a notice and an alarm', () => {
    const { detail, ...pattern } = Object(rule?.Properties['EventPattern']);
    expect(pattern).toEqual({ source: ['aws.sts'], 'detail-type': ['AWS API Call via CloudTrail'] });
    expect(detail.eventSource).toEqual(['sts.amazonaws.com']);
    expect(detail.eventName).toEqual(['AssumeRole']);
    const principal = rolePrincipals.find(({ name }) => name === ROLE);
    expect(detail.requestParameters.roleArn.map(words)).toEqual([principal?.arn]);
    const [alarm] = ofType(templates.audit, 'AWS::CloudWatch::Alarm').filter(({ name }) =>
      name.startsWith('BreakGlass/'),
    );
    expect(alarm?.Properties).toMatchObject({ MetricName: 'TriggeredRules', Threshold: 0 });
  });
});
