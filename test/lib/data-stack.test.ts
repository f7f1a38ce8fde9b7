import { describe, expect, test } from '@jest/globals';
import { ENCRYPTION_CONTEXT_KEYS, KMS_KEYS } from '../../lambdas/contract/kms-keys.ts';
import { TABLES, type TableDefinition } from '../../lambdas/contract/tables.ts';
import { exampleApp, inWords, ofType, type Resource, statementsOfKey, templateOf } from './synthesized.ts';

const { data, api } = exampleApp();
const own = templateOf(data);
const other = templateOf(api);
const words = (value: unknown) => inWords(value, own, other);

const tables = ofType(own, 'AWS::DynamoDB::Table');
const keys = ofType(own, 'AWS::KMS::Key');

const named = (resources: readonly Resource[], name: string): Resource => {
  const found = resources.find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`There is no ${name} in the template.`);
  return found;
};

describe('the stacks', () => {
  test('are protected from deletion', () => {
    expect([data.terminationProtection, api.terminationProtection]).toEqual([true, true]);
  });

  test('hold the API to the data by outputs, never by exports that block an update', () => {
    expect(JSON.stringify(other)).not.toContain('Fn::ImportValue');
    expect(JSON.stringify(own.outputs)).not.toContain('"Export"');
  });

  test('tell the operator table names and key ARNs', () => {
    const outputs = Object.keys(own.outputs).filter((name) => !name.startsWith('PublishOutput'));
    expect(outputs).toEqual([
      'TenancyTableName',
      'KeysTableName',
      'SessionsTableName',
      'LimitsTableName',
      'MasterKeyArn',
      'FingerprintKeyArn',
      'DerivationKeyArn',
      'TablesKeyArn',
    ]);
  });
});

describe('the tables', () => {
  test('are those of the contract', () => {
    expect(tables.map(({ name }) => name.replace(/Table$/, '').toLowerCase())).toEqual(Object.keys(TABLES));
  });

  test.each(tables.map((table) => [table.name, table] as const))(
    '%s outlives every deployment and can be restored',
    (_, { DeletionPolicy, UpdateReplacePolicy, Properties }) => {
      expect({ DeletionPolicy, UpdateReplacePolicy }).toEqual({
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
      });
      expect(Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    },
  );

  test.each(tables.map((table) => [table.name, table] as const))(
    '%s is encrypted under our own key',
    (_, { Properties }) => {
      expect(Properties['SSESpecification']).toMatchObject({ SSEEnabled: true, SSEType: 'KMS' });
      const { KMSMasterKeyId } = Object(Properties['SSESpecification']);
      expect(words(KMSMasterKeyId)).toBe('TablesKey');
    },
  );

  test.each(Object.values<TableDefinition>(TABLES).map((table) => [table.name, table] as const))(
    '%s has the keys, the index and the expiry of the contract',
    (name, { ttlAttribute, index }) => {
      const { Properties } = named(tables, `${name.charAt(0).toUpperCase()}${name.slice(1)}Table`);
      expect(Properties['KeySchema']).toEqual([
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ]);
      expect(Properties['TimeToLiveSpecification']).toEqual(
        ttlAttribute && { AttributeName: ttlAttribute, Enabled: true },
      );
      expect(Properties['GlobalSecondaryIndexes']).toEqual(
        index && [
          {
            IndexName: index.name,
            KeySchema: [
              { AttributeName: index.partitionKey, KeyType: 'HASH' },
              { AttributeName: index.sortKey, KeyType: 'RANGE' },
            ],
            Projection: { ProjectionType: 'ALL' },
          },
        ],
      );
    },
  );

  test('stream what the audit needs, and of the keys no image: no ciphertext enters the pipeline', () => {
    const views = tables.map(({ name, Properties }) => [name, Properties['StreamSpecification']]);
    expect(Object.fromEntries(views)).toEqual({
      TenancyTable: { StreamViewType: 'NEW_IMAGE' },
      KeysTable: { StreamViewType: 'KEYS_ONLY' },
      SessionsTable: { StreamViewType: 'NEW_IMAGE' },
      LimitsTable: undefined,
    });
  });
});

describe('the KMS keys', () => {
  test('are those of the contract, and one for the tables', () => {
    expect(keys.map(({ name }) => name)).toEqual([
      'MasterKey',
      'FingerprintKey',
      'DerivationKey',
      'TablesKey',
    ]);
    expect(keys.map(({ Properties }) => Properties['KeyUsage'])).toEqual([
      ...Object.values(KMS_KEYS).map(({ usage }) => usage),
      'ENCRYPT_DECRYPT',
    ]);
  });

  test.each(keys.map((key) => [key.name, key] as const))(
    '%s is never deleted by a deployment, and by hand only after 30 days',
    (_, { DeletionPolicy, UpdateReplacePolicy, Properties }) => {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
      expect(Properties['PendingWindowInDays']).toBe(30);
    },
  );

  test('rotate every year where KMS rotates', () => {
    const rotation = keys.map(({ name, Properties }) => [
      name,
      Properties['KeySpec'],
      Properties['EnableKeyRotation'],
      Properties['RotationPeriodInDays'],
    ]);
    expect(rotation).toEqual([
      ['MasterKey', 'SYMMETRIC_DEFAULT', true, 365],
      ['FingerprintKey', 'HMAC_256', undefined, undefined],
      ['DerivationKey', 'HMAC_256', undefined, undefined],
      ['TablesKey', 'SYMMETRIC_DEFAULT', true, 365],
    ]);
  });

  test('have an alias of their stage', () => {
    const aliases = ofType(own, 'AWS::KMS::Alias').map(({ Properties }) => [
      Properties['AliasName'],
      words(Properties['TargetKeyId']),
    ]);
    expect(aliases).toEqual([
      ['alias/spelo-byok/dev/master', 'MasterKey'],
      ['alias/spelo-byok/dev/fingerprint', 'FingerprintKey'],
      ['alias/spelo-byok/dev/derivation', 'DerivationKey'],
      ['alias/spelo-byok/dev/tables', 'TablesKey'],
    ]);
  });
});

/** Actions that use the key or let somebody use it. What is left only looks after it. */
const GIVES_USE =
  /^kms:(\*|.*\*.*|Encrypt|Decrypt|ReEncrypt.*|GenerateDataKey.*|GenerateMac|VerifyMac|Sign|Verify|DeriveSharedSecret|CreateGrant|ReplicateKey|ImportKeyMaterial)$/;

const roleArn = (functionName: string) =>
  `arn:{AWS::Partition}:iam::{AWS::AccountId}:role/spelo-byok-dev-${functionName}-{AWS::Region}`;

const uses = keys.flatMap((key) =>
  statementsOfKey(key).flatMap((statement) =>
    statement.Action.filter((action) => GIVES_USE.test(action)).map((action) => ({
      key: key.name,
      action,
      condition: statement.Condition,
    })),
  ),
);

describe('the key policies', () => {
  test.each(keys.map((key) => [key.name, key] as const))(
    '%s lets administrators look after it, not use it',
    (_, key) => {
      const unconditional = statementsOfKey(key).filter(
        ({ Condition }) => Object.keys(Condition).length === 0,
      );
      expect(unconditional.map(({ Sid }) => Sid)).toEqual(['AdministerWithoutUse']);
      expect(
        unconditional.flatMap(({ Action }) => Action.filter((action) => GIVES_USE.test(action))),
      ).toEqual([]);
    },
  );

  test('speak of the account only, never of another or of everyone', () => {
    const principals = keys.flatMap((key) =>
      statementsOfKey(key).map(({ Principal }) => Object(Principal).AWS),
    );
    expect(new Set(principals.map(words))).toEqual(
      new Set(['arn:{AWS::Partition}:iam::{AWS::AccountId}:root']),
    );
  });

  test('name one role for each use of the keys that seal, hash and derive', () => {
    const named = uses
      .filter(({ key }) => key !== 'TablesKey')
      .map(({ key, action, condition }) => [
        key,
        action,
        words(condition['ArnEquals']?.['aws:PrincipalArn']),
      ]);
    expect(named).toEqual([
      ['MasterKey', 'kms:Decrypt', roleArn('token')],
      ['MasterKey', 'kms:GenerateDataKey', roleArn('keys')],
      ['FingerprintKey', 'kms:GenerateMac', roleArn('keys')],
      ['DerivationKey', 'kms:GenerateMac', roleArn('token')],
    ]);
  });

  test('require every name of the encryption context for each use of the master key', () => {
    const required = Object.fromEntries(
      ENCRYPTION_CONTEXT_KEYS.map((name) => [`kms:EncryptionContext:${name}`, 'false']),
    );
    for (const { condition } of uses.filter(({ key }) => key === 'MasterKey'))
      expect(condition['Null']).toEqual(required);
    expect(Object.keys(required)).toHaveLength(6);
  });

  test('open the key of the tables to DynamoDB alone', () => {
    for (const { condition } of uses.filter(({ key }) => key === 'TablesKey'))
      expect(words(condition['StringEquals']?.['kms:ViaService'])).toBe(
        'dynamodb.{AWS::Region}.amazonaws.com',
      );
    expect(uses.filter(({ key }) => key === 'TablesKey')).not.toEqual([]);
  });

  test('never use ForAllValues, which a request without context satisfies', () => {
    expect(JSON.stringify([own, other])).not.toContain('ForAllValues');
  });
});
