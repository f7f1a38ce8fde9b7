import { describe, expect, test } from '@jest/globals';
import { exampleApp, inWords, ofType, statementsOfRole, templateOf } from './synthesized.ts';

const RETIRED = 'arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000';

const { data, api, audit } = exampleApp({
  settings: {
    retiredMasterKeyArns: [RETIRED],
    alarmEmail: 'on-call@example.com',
    evidence: { objectLock: 'compliance', retentionDays: 3_650 },
  },
});

describe('a retired master key', () => {
  const templates = [templateOf(api), templateOf(data), templateOf(audit)];
  const uses = templates.flatMap((own) =>
    ofType(own, 'AWS::IAM::Role').flatMap((role) =>
      statementsOfRole(role)
        .filter(({ Resource }) => Resource.includes(RETIRED))
        .flatMap(({ Action, Condition }) =>
          Action.map((action) => [role.name, action, Object.keys(Condition['Null'] ?? {}).length]),
        ),
    ),
  );

  test('can still decrypt, and wraps no new data key', () => {
    expect(uses).toEqual([
      ['Token/Role', 'kms:Decrypt', 6],
      ['Rotate/Role', 'kms:Decrypt', 6],
      ['RewrapOperator', 'kms:ReEncryptFrom', 6],
      ['RotateOnRequest/Broker/Role', 'kms:Decrypt', 6],
      ['Hangup/Broker/Role', 'kms:Decrypt', 6],
      ['Watch/Broker/Role', 'kms:Decrypt', 6],
    ]);
  });

  test('is named in the environment of the functions that open keys, and of the reconciliation', () => {
    const told = templates.flatMap((own) =>
      ofType(own, 'AWS::Lambda::Function').flatMap(({ name, Properties }) => {
        const value = Object(Properties['Environment']).Variables.RETIRED_MASTER_KEY_ARNS;
        return value === undefined ? [] : [[name, inWords(value, own, ...templates)]];
      }),
    );
    expect(told).toEqual([
      ['Token/Function', RETIRED],
      ['Rotate/Function', RETIRED],
      ['RotateOnRequest/Broker/Function', RETIRED],
      ['Reconcile/Broker/Function', RETIRED],
      ['Hangup/Broker/Function', RETIRED],
      ['Watch/Broker/Function', RETIRED],
    ]);
  });
});

describe('the settings of alarms and evidence', () => {
  const own = templateOf(audit);

  test('send alarms only to the address of the stage', () => {
    const subscriptions = ofType(own, 'AWS::SNS::Subscription').map(({ Properties }) => [
      Properties['Protocol'],
      Properties['Endpoint'],
    ]);
    expect(subscriptions).toEqual([['email', 'on-call@example.com']]);
    expect(ofType(templateOf(exampleApp().audit), 'AWS::SNS::Subscription')).toEqual([]);
  });

  test('lock the evidence in compliance mode for ten years', () => {
    const locks = ofType(own, 'AWS::S3::Bucket').map(
      ({ Properties }) => Properties['ObjectLockConfiguration'],
    );
    expect(locks.filter((lock) => lock !== undefined)).toEqual(
      ['TrailBucket', 'ArchiveBucket'].map(() => ({
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 3_650 } },
      })),
    );
  });
});

describe('a stage with a stand-by region', () => {
  const stacks = exampleApp({
    settings: { region: 'eu-central-1', multiRegion: { replicaRegions: ['eu-west-1'] } },
  });
  const own = templateOf(stacks.data);

  test('has multi-region keys, and tables whose streams support replicas', () => {
    for (const { Properties } of ofType(own, 'AWS::KMS::Key')) expect(Properties['MultiRegion']).toBe(true);
    for (const { Properties } of ofType(own, 'AWS::DynamoDB::Table'))
      expect(Properties['StreamSpecification']).toEqual({ StreamViewType: 'NEW_AND_OLD_IMAGES' });
  });

  test('has a retained replica of each key there, with a policy for the roles of that region', () => {
    const [replica, ...more] = stacks.replicas;
    if (replica === undefined) throw new Error('There is no replica stack.');
    expect(more).toEqual([]);
    const there = templateOf(replica);
    const keys = ofType(there, 'AWS::KMS::ReplicaKey');
    expect(keys.map(({ Properties }) => inWords(Properties['PrimaryKeyArn'], there, own))).toEqual([
      'MasterKey',
      'FingerprintKey',
      'DerivationKey',
      'MarksKey',
      'AuditKey',
      'TablesKey',
    ]);
    expect(keys.map(({ DeletionPolicy }) => DeletionPolicy)).toEqual(keys.map(() => 'RetainExceptOnCreate'));
    expect(JSON.stringify(keys[0]?.Properties['KeyPolicy'])).toContain('spelo-byok-dev-token-eu-west-1');
  });

  test('differs from other stages, which have single-region keys and no key image in a stream', () => {
    const plain = templateOf(exampleApp().data);
    for (const { Properties } of ofType(plain, 'AWS::KMS::Key')) {
      expect(Properties).not.toHaveProperty('MultiRegion');
      expect(JSON.stringify(Properties)).not.toContain('ReplicateKey');
    }
    // Budgets are paired with their events by both images; they hold no key.
    const views = plain.resources
      .filter(({ Properties }) => Properties?.['StreamSpecification'] !== undefined)
      .map(({ name, Properties }) => [name, Properties['StreamSpecification']]);
    expect(Object.fromEntries(views)).toEqual({
      AuditTable: { StreamViewType: 'NEW_IMAGE' },
      KeysTable: { StreamViewType: 'KEYS_ONLY' },
      SessionsTable: { StreamViewType: 'NEW_IMAGE' },
      TenancyTable: { StreamViewType: 'NEW_IMAGE' },
      UsageTable: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
  });
});
