import { describe, expect, test } from '@jest/globals';
import { KMS_KEYS } from '../../lambdas/contract/kms-keys.ts';
import { TABLES, type TableDefinition } from '../../lambdas/contract/tables.ts';
import { exampleApp, exampleEdge, inWords, ofType, type Resource, templateOf } from './synthesized.ts';

const { data, api, audit, observability, edge } = exampleApp({
  settings: { region: 'eu-central-1', edge: exampleEdge },
});
const own = templateOf(data);
const words = (value: unknown) => inWords(value, own);

const tables = ofType(own, 'AWS::DynamoDB::Table');
const keys = ofType(own, 'AWS::KMS::Key');

const named = (resources: readonly Resource[], name: string): Resource => {
  const found = resources.find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`There is no ${name} in the template.`);
  return found;
};

describe('the stacks', () => {
  test('with data are protected from deletion, and the others can be deployed again after a deletion', () => {
    // The API holds nothing, but CloudFront in another region reads its id.
    for (const stack of [data, audit, api]) expect(stack.terminationProtection).toBe(true);
    for (const stack of [observability, edge]) expect(stack?.terminationProtection).toBe(false);
  });

  test('without data have no fixed name that a retained resource could block', () => {
    const retained = [api, observability, edge]
      .filter((stack) => stack !== undefined)
      .flatMap((stack) => templateOf(stack).resources)
      .filter(({ DeletionPolicy }) => DeletionPolicy === 'RetainExceptOnCreate');
    expect(retained.map(({ Type }) => Type)).toEqual(retained.map(() => 'AWS::Logs::LogGroup'));
    for (const { Properties } of retained) expect(Properties).not.toHaveProperty('LogGroupName');
  });

  test('output queues, table names, key ARNs and the roles to assume', () => {
    const outputs = Object.keys(own.outputs).filter((name) => !/^(PublishOutput|ExportsOutput)/.test(name));
    expect(outputs).toEqual([
      // Dev has its user pool.
      'UserPoolId',
      'SignInUrl',
      'Issuer',
      'Audience',
      'HangUpQueueUrl',
      'NoticeQueueUrl',
      'TenancyTableName',
      'KeysTableName',
      'SessionsTableName',
      'LimitsTableName',
      'UsageTableName',
      'AuditTableName',
      'MasterKeyArn',
      'FingerprintKeyArn',
      'DerivationKeyArn',
      'MarksKeyArn',
      'AuditKeyArn',
      'CheckpointsKeyArn',
      'TablesKeyArn',
      'PlatformKeyOperatorArn',
      'RewrapOperatorArn',
      'SetPlanOperatorArn',
      'ModelCheckOperatorArn',
      'StopOperatorArn',
      'RebuildUsageOperatorArn',
      'RestoreOperatorArn',
      'MarkKeysOperatorArn',
      'VerifyArchiveOperatorArn',
      'BreakGlassOperatorArn',
    ]);
  });
});

describe('the DynamoDB tables', () => {
  test('are those of the contract', () => {
    expect(tables.map(({ name }) => name.replace(/Table$/, '').toLowerCase())).toEqual(Object.keys(TABLES));
  });

  test.each(tables.map((table) => [table.name, table] as const))(
    'include %s, which survives every deployment and can be restored',
    (_, { DeletionPolicy, UpdateReplacePolicy, Properties }) => {
      expect({ DeletionPolicy, UpdateReplacePolicy }).toEqual({
        DeletionPolicy: 'RetainExceptOnCreate',
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
    'include %s, which is encrypted under our own key',
    (_, { Properties }) => {
      expect(Properties['SSESpecification']).toMatchObject({ SSEEnabled: true, SSEType: 'KMS' });
      const { KMSMasterKeyId } = Object(Properties['SSESpecification']);
      expect(words(KMSMasterKeyId)).toBe('TablesKey');
    },
  );

  test.each(Object.values<TableDefinition>(TABLES).map((table) => [table.name, table] as const))(
    'include %s with the keys, the index, the expiry and the stream of the contract',
    (name, { ttlAttribute, index, stream }) => {
      const { Properties } = named(tables, `${name.charAt(0).toUpperCase()}${name.slice(1)}Table`);
      expect(Properties['KeySchema']).toEqual([
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ]);
      expect(Properties['TimeToLiveSpecification']).toEqual(
        ttlAttribute && { AttributeName: ttlAttribute, Enabled: true },
      );
      expect(Properties['StreamSpecification']).toEqual(stream && { StreamViewType: stream });
      expect(Properties['GlobalSecondaryIndexes']).toEqual(
        index && [
          {
            IndexName: index.name,
            KeySchema: [
              { AttributeName: index.partitionKey, KeyType: 'HASH' },
              { AttributeName: index.sortKey, KeyType: 'RANGE' },
            ],
            Projection: { ProjectionType: index.keysOnly === true ? 'KEYS_ONLY' : 'ALL' },
          },
        ],
      );
    },
  );

  test('put no key image into a stream, so that no ciphertext enters the pipeline', () => {
    const { Properties } = named(tables, 'KeysTable');
    expect(Properties['StreamSpecification']).toEqual({ StreamViewType: 'KEYS_ONLY' });
  });

  test('keep the audit trail without expiry, until an operator decides otherwise', () => {
    expect(named(tables, 'AuditTable').Properties).not.toHaveProperty('TimeToLiveSpecification');
  });
});

describe('the KMS keys', () => {
  test('are those of the contract, and one for the tables', () => {
    expect(keys.map(({ name }) => name)).toEqual([
      'MasterKey',
      'FingerprintKey',
      'DerivationKey',
      'MarksKey',
      'AuditKey',
      'CheckpointsKey',
      'TablesKey',
    ]);
    expect(keys.map(({ Properties }) => Properties['KeyUsage'])).toEqual([
      ...Object.values(KMS_KEYS).map(({ usage }) => usage),
      'ENCRYPT_DECRYPT',
    ]);
  });

  test.each(keys.map((key) => [key.name, key] as const))(
    'include %s, which no deployment deletes, and which can be deleted by hand only after 30 days',
    (_, { DeletionPolicy, UpdateReplacePolicy, Properties }) => {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
      expect(Properties['PendingWindowInDays']).toBe(30);
    },
  );

  test('rotate every year if KMS supports it', () => {
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
      ['MarksKey', 'HMAC_256', undefined, undefined],
      ['AuditKey', 'HMAC_256', undefined, undefined],
      ['CheckpointsKey', 'HMAC_256', undefined, undefined],
      ['TablesKey', 'SYMMETRIC_DEFAULT', true, 365],
    ]);
  });

  test('have an alias with their stage', () => {
    const aliases = ofType(own, 'AWS::KMS::Alias').map(({ Properties }) => [
      Properties['AliasName'],
      words(Properties['TargetKeyId']),
    ]);
    expect(aliases).toEqual([
      ['alias/spelo-byok/dev/master', 'MasterKey'],
      ['alias/spelo-byok/dev/fingerprint', 'FingerprintKey'],
      ['alias/spelo-byok/dev/derivation', 'DerivationKey'],
      ['alias/spelo-byok/dev/marks', 'MarksKey'],
      ['alias/spelo-byok/dev/audit', 'AuditKey'],
      ['alias/spelo-byok/dev/checkpoints', 'CheckpointsKey'],
      ['alias/spelo-byok/dev/tables', 'TablesKey'],
    ]);
  });
});

describe('the sign-in page of a Cognito pool', () => {
  test('is the managed login with a style for the client, because only this version supports prompt=login', () => {
    expect(ofType(own, 'AWS::Cognito::UserPoolDomain')).toMatchObject([
      { Properties: { ManagedLoginVersion: 2 } },
    ]);
    expect(ofType(own, 'AWS::Cognito::ManagedLoginBranding')).toMatchObject([
      {
        Properties: {
          UseCognitoProvidedValues: true,
          ClientId: { Ref: expect.stringMatching(/^SignInClient/) },
        },
      },
    ]);
  });
});
