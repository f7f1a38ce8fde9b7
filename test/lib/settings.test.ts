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

  test('still opens, and wraps no data key any more', () => {
    expect(uses).toEqual([
      ['Token/Role', 'kms:Decrypt', 6],
      ['Rotate/Role', 'kms:Decrypt', 6],
      ['RewrapOperator', 'kms:ReEncryptFrom', 6],
      ['RotateOnRequest/Broker/Role', 'kms:Decrypt', 6],
    ]);
  });

  test('is told to the functions that open', () => {
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
    ]);
  });
});

describe('the settings of alarms and evidence', () => {
  const own = templateOf(audit);

  test('send alarms to the address of the stage, and to none that it does not name', () => {
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
