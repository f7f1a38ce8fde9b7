import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ENCRYPTION_CONTEXT_KEYS } from '../../lambdas/contract/kms-keys.ts';
import { exampleApp, inWords, ofType, type Resource, statementsOfRole, templateOf } from './synthesized.ts';

const { data, api } = exampleApp();
const own = templateOf(api);
const other = templateOf(data);
const words = (value: unknown) => inWords(value, own, other);

const roles = ofType(own, 'AWS::IAM::Role');
const functionOf = (role: Resource) => role.name.replace('/Role', '').toLowerCase();

interface Permission {
  readonly functionName: string;
  readonly action: string;
  readonly resource: string;
  readonly condition: string;
}

/** `{ Null: { a: 'false' } }` is `a present`; anything else is spelled out. */
const conditionInWords = (condition: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string =>
  Object.entries(condition)
    .flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, value]) =>
        operator === 'Null' && value === 'false' ? `${key} present` : `${operator} ${key} = ${words(value)}`,
      ),
    )
    .join(', ');

const permissions: readonly Permission[] = roles.flatMap((role) =>
  statementsOfRole(role).flatMap(({ Action, Resource, Condition }) =>
    Action.flatMap((action) =>
      Resource.map((resource) => ({
        functionName: functionOf(role),
        action,
        resource: words(resource),
        condition: conditionInWords(Condition),
      })),
    ),
  ),
);

const contextPresent = ENCRYPTION_CONTEXT_KEYS.map((name) => `kms:EncryptionContext:${name} present`).join(
  ', ',
);
const throughDynamoDb = 'StringEquals kms:ViaService = dynamodb.{AWS::Region}.amazonaws.com';
const hmac = 'StringEquals kms:MacAlgorithm = HMAC_SHA_256';

const actionsOn = (functionName: string, resource: string): readonly string[] =>
  permissions
    .filter((permission) => permission.functionName === functionName && permission.resource === resource)
    .map(({ action }) => action);

describe('the roles', () => {
  test('are one for each function, for Lambda to assume, under the names that the key policies say', () => {
    expect(roles.map(({ Properties }) => words(Properties['RoleName']))).toEqual([
      'spelo-byok-dev-token-{AWS::Region}',
      'spelo-byok-dev-keys-{AWS::Region}',
      'spelo-byok-dev-manage-{AWS::Region}',
    ]);
    for (const { Properties } of roles)
      expect(Object(Properties['AssumeRolePolicyDocument']).Statement).toEqual([
        { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
      ]);
  });

  test('have no policy beyond the one that they are created with', () => {
    for (const type of ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::RolePolicy'])
      expect(ofType(own, type)).toEqual([]);
    for (const type of [
      'AWS::IAM::Policy',
      'AWS::IAM::ManagedPolicy',
      'AWS::IAM::RolePolicy',
      'AWS::IAM::Role',
    ])
      expect(ofType(other, type)).toEqual([]);
  });

  test('name every action and every resource, without a wildcard', () => {
    expect(permissions.filter(({ action, resource }) => `${action}${resource}`.includes('*'))).toEqual([]);
  });

  test('reach nothing but tables, keys and their own logs', () => {
    const others = permissions.filter(
      ({ functionName, resource }) =>
        !/^(Tenancy|Keys|Sessions|Limits)Table(\/index\/by-sub)?$|^(Master|Fingerprint|Derivation|Tables)Key$/.test(
          resource,
        ) && resource.toLowerCase() !== `${functionName}/logs`,
    );
    expect(others).toEqual([]);
  });
});

describe('the KMS keys', () => {
  const onKeys = permissions.filter(({ action }) => action.startsWith('kms:'));

  test('exactly one function may decrypt with the master key, and only with the whole encryption context', () => {
    expect(
      onKeys.filter(({ action, resource }) => action === 'kms:Decrypt' && resource === 'MasterKey'),
    ).toEqual([
      { functionName: 'token', action: 'kms:Decrypt', resource: 'MasterKey', condition: contextPresent },
    ]);
  });

  test('the function that seals cannot open: it gets data keys of the master key and nothing else of it', () => {
    expect(
      onKeys.filter(({ functionName, resource }) => functionName === 'keys' && resource === 'MasterKey'),
    ).toEqual([
      {
        functionName: 'keys',
        action: 'kms:GenerateDataKey',
        resource: 'MasterKey',
        condition: contextPresent,
      },
    ]);
  });

  test('each HMAC key serves one function and one algorithm', () => {
    expect(onKeys.filter(({ action }) => action === 'kms:GenerateMac')).toEqual([
      { functionName: 'token', action: 'kms:GenerateMac', resource: 'DerivationKey', condition: hmac },
      { functionName: 'keys', action: 'kms:GenerateMac', resource: 'FingerprintKey', condition: hmac },
    ]);
  });

  test('the key of the tables serves each function through DynamoDB only', () => {
    expect(onKeys.filter(({ resource }) => resource === 'TablesKey')).toEqual(
      ['token', 'keys', 'manage'].map((functionName) => ({
        functionName,
        action: 'kms:Decrypt',
        resource: 'TablesKey',
        condition: throughDynamoDb,
      })),
    );
  });

  test('nobody may administer a key, hand out a grant, encrypt or re-encrypt', () => {
    expect(new Set(onKeys.map(({ action }) => action))).toEqual(
      new Set(['kms:Decrypt', 'kms:GenerateDataKey', 'kms:GenerateMac']),
    );
  });

  test('manage uses none of the keys that seal, hash and derive', () => {
    const used = onKeys
      .filter(({ functionName }) => functionName === 'manage')
      .map(({ resource }) => resource);
    expect(used).toEqual(['TablesKey']);
  });
});

describe('the tables', () => {
  const writes = /Put|Update|Delete|Write/;
  const writersOf = (table: string) =>
    ['token', 'keys', 'manage'].filter((name) =>
      actionsOn(name, table).some((action) => writes.test(action)),
    );

  test('only the function that seals writes keys', () => {
    expect(writersOf('KeysTable')).toEqual(['keys']);
  });

  test('nobody deletes a key record: a shredded key leaves its version behind', () => {
    expect(
      permissions.filter(({ action, resource }) => resource === 'KeysTable' && /Delete/.test(action)),
    ).toEqual([]);
  });

  test('the function that faces visitors cannot change workspaces, members or sites', () => {
    expect(writersOf('TenancyTable')).toEqual(['keys', 'manage']);
  });

  test('manage does not even see keys and limits', () => {
    expect([...actionsOn('manage', 'KeysTable'), ...actionsOn('manage', 'LimitsTable')]).toEqual([]);
  });

  test('nobody may scan a table', () => {
    expect(permissions.filter(({ action }) => /Scan|PartiQL|Export/.test(action))).toEqual([]);
  });

  test('only manage asks which workspaces somebody belongs to', () => {
    expect(permissions.filter(({ resource }) => resource.includes('/index/'))).toEqual([
      {
        functionName: 'manage',
        action: 'dynamodb:Query',
        resource: 'TenancyTable/index/by-sub',
        condition: '',
      },
    ]);
  });
});

describe('docs/permissions.md', () => {
  const file = new URL('../../docs/permissions.md', import.meta.url);
  const byUse = Object.groupBy(permissions, ({ functionName, resource, condition }) =>
    [
      functionName,
      resource,
      condition === contextPresent ? 'the whole encryption context is present' : condition,
    ].join(' | '),
  );
  const rows = Object.entries(byUse).map(([use, granted = []]) => {
    const [functionName, resource, condition] = use.split(' | ');
    const actions = granted.map(({ action }) => `\`${action}\``).join(', ');
    return `| ${functionName} | ${resource} | ${actions} | ${condition} |`;
  });
  const rendered = `# Permissions

Everything that each function may do in AWS, read from the synthesized templates. No role has another policy. To use a
KMS key takes the consent of the key policy as well, which names the role (\`lib/key-policies.ts\`).

Written by \`UPDATE_DOCS=1 npm test -- test/lib/permissions.test.ts\`; the same test fails when it is out of date.

| Function | Resource | Actions | Only if |
|---|---|---|---|
${rows.join('\n')}

The encryption context of a sealed key: ${ENCRYPTION_CONTEXT_KEYS.map((name) => `\`${name}\``).join(', ')}.
`;

  test('is the matrix of what is deployed', () => {
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, rendered);
    expect(readFileSync(file, 'utf8')).toBe(rendered);
  });
});
