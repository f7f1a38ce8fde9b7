import { describe, expect, test } from '@jest/globals';
import { CONDITIONS, templates, wordsOf } from './permissions.ts';
import { conditionInWords, ofType, statementsOfKey } from './synthesized.ts';

/** Actions that use the key or grant its use. The others only manage it. */
const GIVES_USE =
  /^kms:(\*|.*\*.*|Encrypt|Decrypt|ReEncrypt.*|GenerateDataKey.*|GenerateMac|VerifyMac|Sign|Verify|DeriveSharedSecret|CreateGrant|ReplicateKey|ImportKeyMaterial)$/;

const keys = [templates.data, templates.audit].flatMap((template) =>
  ofType(template, 'AWS::KMS::Key').map((key) => ({ ...key, words: wordsOf(template) })),
);
const cases = keys.map((key) => [key.name, key] as const);

const uses = keys.flatMap((key) =>
  statementsOfKey(key).flatMap(({ Action, Condition, Principal }) =>
    Action.filter((action) => GIVES_USE.test(action)).map((action) => {
      const { ArnEquals, ...rest } = Condition;
      return {
        key: key.name,
        action,
        services: Object(Principal).Service,
        role: ArnEquals && key.words(ArnEquals['aws:PrincipalArn']),
        condition: conditionInWords(rest, key.words),
      };
    }),
  ),
);
const usesOf = (name: string) =>
  uses.filter(({ key }) => key === name).map(({ action, role, condition }) => [action, role, condition]);

const roleArn = (name: string) =>
  `arn:{AWS::Partition}:iam::{AWS::AccountId}:role/spelo-byok-dev-${name}-{AWS::Region}`;

describe('the key policies', () => {
  test.each(cases)('let administrators manage %s, but not use it', (_, key) => {
    const ofTheAccount = statementsOfKey(key).filter(({ Principal }) => 'AWS' in Object(Principal));
    const unconditional = ofTheAccount.filter(({ Condition }) => Object.keys(Condition).length === 0);
    expect(unconditional.map(({ Sid }) => Sid)).toEqual(['AdministerWithoutUse']);
    expect(unconditional.flatMap(({ Action }) => Action.filter((action) => GIVES_USE.test(action)))).toEqual(
      [],
    );
  });

  test.each(cases)('give each statement of %s its own name', (_, key) => {
    const names = statementsOfKey(key).map(({ Sid }) => Sid);
    expect(new Set(names).size).toBe(names.length);
  });

  test('name only this account and AWS services, never another account or everyone', () => {
    const principals = keys.flatMap((key) =>
      statementsOfKey(key).map(({ Principal }) => {
        const { AWS, Service, ...more } = Object(Principal);
        expect(more).toEqual({});
        return AWS === undefined ? [Service].flat().join(' and ') : key.words(AWS);
      }),
    );
    expect(new Set(principals)).toEqual(
      new Set([
        'arn:{AWS::Partition}:iam::{AWS::AccountId}:root',
        'cloudtrail.amazonaws.com',
        'cloudwatch.amazonaws.com and events.amazonaws.com',
      ]),
    );
  });

  test('name the roles that open, seal and wrap, and require the complete encryption context of each', () => {
    expect(usesOf('MasterKey')).toEqual([
      ['kms:Decrypt', roleArn('token'), CONDITIONS.wholeContext],
      ['kms:Decrypt', roleArn('hangup'), CONDITIONS.wholeContext],
      ['kms:Decrypt', roleArn('watch'), CONDITIONS.wholeContext],
      ['kms:GenerateDataKey', roleArn('keys'), CONDITIONS.tenantContext],
      ['kms:Decrypt', roleArn('rotate'), CONDITIONS.tenantContext],
      ['kms:GenerateDataKey', roleArn('rotate'), CONDITIONS.tenantContext],
      ['kms:Decrypt', roleArn('rotate-on-request'), CONDITIONS.tenantContext],
      ['kms:GenerateDataKey', roleArn('rotate-on-request'), CONDITIONS.tenantContext],
      ['kms:GenerateDataKey', roleArn('platform-key'), CONDITIONS.platformContext],
      ['kms:ReEncryptFrom', roleArn('rewrap'), CONDITIONS.wholeContext],
      ['kms:ReEncryptTo', roleArn('rewrap'), CONDITIONS.wholeContext],
    ]);
    expect(CONDITIONS.wholeContext.split(', ')).toHaveLength(6);
  });

  test.each([
    ['FingerprintKey', ['keys', 'rotate', 'rotate-on-request', 'platform-key']],
    ['DerivationKey', ['token', 'events', 'keys', 'rotate', 'manage', 'notices']],
    [
      'MarksKey',
      [
        'token',
        'keys',
        'rotate',
        'rotate-on-request',
        'detector',
        'platform-key',
        'rewrap',
        'restore',
        'mark-keys',
      ],
    ],
    ['AuditKey', ['audit', 'projector', 'reconcile', 'verify-archive']],
    ['CheckpointsKey', ['reconcile']],
  ])('let %s derive for %j', (name, roles) => {
    expect(usesOf(name)).toEqual(roles.map((role) => ['kms:GenerateMac', roleArn(role), CONDITIONS.hmac]));
  });

  test('let only DynamoDB use the key of the tables', () => {
    expect(usesOf('TablesKey')).not.toEqual([]);
    for (const [, role, condition] of usesOf('TablesKey'))
      expect([role, condition]).toEqual([undefined, CONDITIONS.throughDynamoDb]);
  });

  test('let only this trail, the archiver, the reconciliation, and S3 readers use the evidence key', () => {
    const trail =
      'StringEquals aws:SourceArn = arn:{AWS::Partition}:cloudtrail:{AWS::Region}:{AWS::AccountId}:trail/spelo-byok-dev-part of {AWS::StackId}';
    expect(usesOf('EvidenceKey')).toEqual([
      ['kms:GenerateDataKey', undefined, trail],
      ['kms:GenerateDataKeyWithoutPlaintext', undefined, trail],
      ['kms:GenerateDataKey', `${roleArn('archiver')} or ${roleArn('reconcile')}`, CONDITIONS.throughS3],
      ['kms:Decrypt', undefined, CONDITIONS.throughS3],
    ]);
  });

  test('let only the AWS services of alarms and rules publish without a condition', () => {
    const unconditional = uses.filter(({ role, condition }) => role === undefined && condition === '');
    expect(unconditional.map(({ key, action, services }) => [key, action, services])).toEqual(
      ['kms:Decrypt', 'kms:GenerateDataKey'].map((action) => [
        'NoticesKey',
        action,
        ['cloudwatch.amazonaws.com', 'events.amazonaws.com'],
      ]),
    );
  });

  test('never use ForAllValues on a KMS key, which a request without context would satisfy', () => {
    for (const { condition } of uses) expect(condition).not.toContain('ForAllValues');
    const everything = JSON.stringify(Object.values(templates).map(({ resources }) => resources));
    for (const [, onto] of everything.matchAll(/"ForAllValues:\w+":\{"([^"]+)"/g))
      expect(['dynamodb:LeadingKeys', 'dynamodb:Attributes', 'aws:TagKeys']).toContain(onto);
    // A session with tags needs the tag `reason`, which an empty list of tags lacks.
    expect(everything.split('"aws:TagKeys"')).toHaveLength(3);
    expect(everything.split('"aws:RequestTag/reason"')).toHaveLength(3);
    // There it is needed, and never without the condition that the key is there at all.
    const lists = everything.match(
      /"ForAllValues:StringLike":\{"dynamodb:LeadingKeys":[^}]*\},"Null":\{"dynamodb:LeadingKeys":"false"\}/g,
    );
    expect(lists).toHaveLength(everything.split('ForAllValues:StringLike').length - 1);
    // Nor without the condition that a read names its attributes.
    const reads = everything.match(
      /"ForAllValues:StringEquals":\{"dynamodb:Attributes":[^}]*\},"StringEqualsIfExists":\{"dynamodb:Select":"SPECIFIC_ATTRIBUTES"\}/g,
    );
    expect(reads).toHaveLength(everything.split('"ForAllValues:StringEquals":{"dynamodb:').length - 1);
  });
});
