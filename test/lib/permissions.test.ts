import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { EVENTS } from '../../lambdas/contract/events.ts';
import { ENCRYPTION_CONTEXT_KEYS } from '../../lambdas/contract/kms-keys.ts';
import { renderedMatrix } from './iam-matrix.ts';
import {
  CONDITIONS,
  functionNameOf,
  inPartitions,
  permissions,
  readingOnly,
  roleNameOf,
  roles,
  templates,
  wordsOf,
} from './permissions.ts';
import { ofType } from './synthesized.ts';

const FUNCTIONS = [
  'token',
  'events',
  'keys',
  'rotate',
  'audit',
  'manage',
  'usage',
  'projector',
  'archiver',
  'detector',
  'rotate-on-request',
  'sweeper',
  'retire-models',
  'reconcile',
  'heartbeat',
  'hangup',
  'watch',
  'notices',
];
const WATCHER = 'arn:{AWS::Partition}:lambda:{AWS::Region}:{AWS::AccountId}:function:spelo-byok-dev-watch';
const EVENT_BUS = 'arn:{AWS::Partition}:events:{AWS::Region}:{AWS::AccountId}:event-bus/default';
const OPERATORS = [
  'PlatformKeyOperator',
  'RewrapOperator',
  'SetPlanOperator',
  'ModelCheckOperator',
  'StopOperator',
  'RebuildUsageOperator',
  'RestoreOperator',
  'MarkKeysOperator',
  'VerifyArchiveOperator',
  'BreakGlassOperator',
];
/** Read by the break-glass role. */
const LOG_GROUPS = 'arn:{AWS::Partition}:logs:{AWS::Region}:{AWS::AccountId}:log-group:spelo-byok-dev-*';
/** A table that an operator restores from a backup; of no stack. */
const RESTORED =
  /^arn:\{AWS::Partition\}:dynamodb:\{AWS::Region\}:\{AWS::AccountId\}:table\/spelo-byok-dev-restored-(audit|tenancy|keys|sessions|usage)$/;

const rolesThat = (action: string | RegExp, resource: string): readonly string[] => [
  ...new Set(
    permissions
      .filter((found) => found.resource === resource)
      .filter((found) => (typeof action === 'string' ? found.action === action : action.test(found.action)))
      .map(({ role }) => role),
  ),
];

/** The condition, and that the call comes out of the function's own execution environment. */
const fromOwnCode = (role: string, condition: string): string =>
  [`ArnEquals lambda:SourceFunctionArn = ${FUNCTION_ARN}${role}`, condition].join(', ');
const FUNCTION_ARN = 'arn:{AWS::Partition}:lambda:{AWS::Region}:{AWS::AccountId}:function:spelo-byok-dev-';

const actionsOf = (role: string, resource: string): readonly string[] =>
  permissions
    .filter((found) => found.role === role && found.resource === resource)
    .map(({ action }) => action);

const STORED_KEYS = 'SITE#* or WORKSPACE#* or PLATFORM#platform';

describe('the IAM roles', () => {
  test('are one for each function and each command, with the names in the key policies', () => {
    expect(roles.map(roleNameOf)).toEqual([...FUNCTIONS, ...OPERATORS]);
    const names = [
      ...FUNCTIONS,
      'platform-key',
      'rewrap',
      'set-plan',
      'model-check',
      'stop',
      'rebuild-usage',
      'restore',
      'mark-keys',
      'verify-archive',
      'break-glass',
    ];
    expect(roles.map(({ Properties, template }) => wordsOf(template)(Properties['RoleName']))).toEqual(
      names.map((name) => `spelo-byok-dev-${name}-{AWS::Region}`),
    );
  });

  test('have names within the IAM limit, for any stage and region', () => {
    const longest = (name: string) =>
      name.replace('-dev-', `-${'s'.repeat(20)}-`).replace('{AWS::Region}', 'ap-northeast-1');
    for (const { Properties, template } of roles)
      expect(longest(wordsOf(template)(Properties['RoleName'])).length).toBeLessThanOrEqual(64);
  });

  test('of functions can be assumed by Lambda', () => {
    for (const { Properties } of roles.filter((role) => FUNCTIONS.includes(roleNameOf(role))))
      expect(Object(Properties['AssumeRolePolicyDocument']).Statement).toEqual([
        { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
      ]);
  });

  test('of operators can be assumed for an hour by people of this account who signed in with MFA', () => {
    // The break-glass role asks for more (test/lib/break-glass.test.ts).
    const commands = OPERATORS.filter((role) => role !== 'BreakGlassOperator');
    const operators = roles.filter((role) => commands.includes(roleNameOf(role)));
    expect(operators).toHaveLength(commands.length);
    for (const { Properties, template } of operators) {
      const [statement, ...more] = Object(Properties['AssumeRolePolicyDocument']).Statement;
      expect(more).toEqual([]);
      expect(wordsOf(template)(statement.Principal.AWS)).toBe(
        'arn:{AWS::Partition}:iam::{AWS::AccountId}:root',
      );
      expect(statement.Condition).toEqual({ Bool: { 'aws:MultiFactorAuthPresent': 'true' } });
      expect(Properties['MaxSessionDuration']).toBe(3600);
    }
  });

  test('have only their inline policies', () => {
    for (const template of Object.values(templates))
      for (const type of ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::RolePolicy'])
        expect(ofType(template, type)).toEqual([]);
  });

  test('name every action and every resource, with exactly these wildcards', () => {
    const wild = permissions
      .filter(({ action, resource }) => `${action}${resource}`.includes('*'))
      .filter(({ action }) => !action.startsWith('xray:'));
    expect(wild.map(({ role, action, resource }) => [role, action, resource])).toEqual([
      ['projector', 'dynamodb:ListStreams', '*'],
      ['archiver', 's3:PutObject', 'ArchiveBucket/audit/*'],
      ['archiver', 'dynamodb:ListStreams', '*'],
      ['detector', 'dynamodb:ListStreams', '*'],
      ['reconcile', 's3:GetObject', 'ArchiveBucket/audit/*'],
      ['reconcile', 's3:GetObject', 'ArchiveBucket/reconciliations/*'],
      ['reconcile', 's3:GetObject', 'TrailBucket/AWSLogs/*'],
      ['reconcile', 's3:PutObject', 'ArchiveBucket/reconciliations/*'],
      ['BreakGlassOperator', 'logs:FilterLogEvents', LOG_GROUPS],
      ['BreakGlassOperator', 'logs:StartQuery', LOG_GROUPS],
      ['BreakGlassOperator', 'logs:GetQueryResults', '*'],
    ]);
  });

  test('of functions, and not of operators, may write to X-Ray, which has no resources', () => {
    const tracing = permissions.filter(({ action }) => action.startsWith('xray:'));
    expect(tracing).toEqual(
      FUNCTIONS.flatMap((role) =>
        ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'].map((action) => ({
          role,
          action,
          resource: '*',
          condition: '',
        })),
      ),
    );
  });

  test('can use only tables, keys, the archive, the event bus, their dead-letter queues and their own logs', () => {
    const known =
      /^(Tenancy|Keys|Sessions|Limits|Usage|Audit)Table(\/index\/by-sub|\/index\/by-due|\/index\/by-workspace|\/stream)?$|^(Master|Fingerprint|Derivation|Marks|Audit|Checkpoints|Tables|Evidence|Notices)Key$|^ArchiveBucket(\/(audit|reconciliations)\/\*)?$|^TrailBucket(\/AWSLogs\/\*)?$|^(HangUps|Notices)\/Queue$|^\*$/;
    const rest = permissions.filter(
      ({ resource }) =>
        !known.test(resource) &&
        !RESTORED.test(resource) &&
        ![EVENT_BUS, WATCHER, LOG_GROUPS].includes(resource),
    );
    expect(rolesThat('lambda:InvokeFunction', WATCHER)).toEqual(['token', 'sweeper', 'watch']);
    for (const { role, resource } of rest) {
      const [construct = '', ...path] = resource.split('/');
      expect(functionNameOf(construct)).toBe(role);
      expect(['Logs', 'Broker/Logs', 'DeadLetters']).toContain(path.join('/'));
    }
    expect(rest.length).toBeGreaterThan(0);
  });
});

describe('the KMS keys', () => {
  const onMaster = permissions.filter(({ resource }) => resource === 'MasterKey');

  test('include the master key with exactly these uses, each with the complete encryption context', () => {
    expect(onMaster.map(({ role, action, condition }) => [role, action, condition])).toEqual([
      ['token', 'kms:Decrypt', fromOwnCode('token', CONDITIONS.wholeContext)],
      ['keys', 'kms:GenerateDataKey', CONDITIONS.tenantContext],
      ['rotate', 'kms:Decrypt', fromOwnCode('rotate', CONDITIONS.tenantContext)],
      ['rotate', 'kms:GenerateDataKey', CONDITIONS.tenantContext],
      ['rotate-on-request', 'kms:Decrypt', fromOwnCode('rotate-on-request', CONDITIONS.tenantContext)],
      ['rotate-on-request', 'kms:GenerateDataKey', CONDITIONS.tenantContext],
      ['hangup', 'kms:Decrypt', fromOwnCode('hangup', CONDITIONS.wholeContext)],
      ['watch', 'kms:Decrypt', fromOwnCode('watch', CONDITIONS.wholeContext)],
      ['PlatformKeyOperator', 'kms:GenerateDataKey', CONDITIONS.platformContext],
      ['RewrapOperator', 'kms:ReEncryptFrom', CONDITIONS.wholeContext],
      ['RewrapOperator', 'kms:ReEncryptTo', CONDITIONS.wholeContext],
    ]);
  });

  test('let only the two rotation roles both open and seal', () => {
    const opens = rolesThat(/^kms:Decrypt/, 'MasterKey');
    const seals = rolesThat(/^kms:(Encrypt|GenerateDataKey)/, 'MasterKey');
    expect(opens.filter((role) => seals.includes(role))).toEqual(['rotate', 'rotate-on-request']);
  });

  test('let the detector compute marks, but not seal, hash or derive', () => {
    const used = permissions.filter(({ role, action }) => role === 'detector' && action.startsWith('kms:'));
    expect(used.map(({ resource }) => resource)).toEqual([
      'MarksKey',
      'TablesKey',
      'NoticesKey',
      'NoticesKey',
    ]);
  });

  test('let no route and no event seal a platform key', () => {
    for (const role of ['keys', 'rotate', 'rotate-on-request'])
      for (const found of onMaster.filter((permission) => permission.role === role))
        expect(found.condition).toContain('spelo:scope = site or workspace');
  });

  test('limit each HMAC key to one algorithm and its roles', () => {
    const macs = permissions.filter(({ action }) => action === 'kms:GenerateMac');
    expect(new Set(macs.map(({ condition }) => condition))).toEqual(new Set([CONDITIONS.hmac]));
    expect(rolesThat('kms:GenerateMac', 'FingerprintKey')).toEqual([
      'keys',
      'rotate',
      'rotate-on-request',
      'PlatformKeyOperator',
    ]);
    expect(rolesThat('kms:GenerateMac', 'DerivationKey')).toEqual([
      'token',
      'events',
      'keys',
      'rotate',
      'manage',
      'notices',
    ]);
    expect(rolesThat('kms:GenerateMac', 'MarksKey').toSorted()).toEqual(
      [
        'token',
        'keys',
        'rotate',
        'detector',
        'rotate-on-request',
        'PlatformKeyOperator',
        'RewrapOperator',
        'RestoreOperator',
        'MarkKeysOperator',
      ].toSorted(),
    );
    expect(rolesThat('kms:GenerateMac', 'AuditKey')).toEqual([
      'audit',
      'projector',
      'reconcile',
      'VerifyArchiveOperator',
    ]);
    expect(rolesThat(/./, 'CheckpointsKey')).toEqual(['reconcile']);
  });

  test('for encryption at rest serve callers only through the storage service', () => {
    const conditionsOn = (key: string) =>
      new Set(permissions.filter(({ resource }) => resource === key).map(({ condition }) => condition));
    expect(conditionsOn('TablesKey')).toEqual(new Set([CONDITIONS.throughDynamoDb]));
    expect(conditionsOn('EvidenceKey')).toEqual(new Set([CONDITIONS.throughS3]));
    expect(conditionsOn('NoticesKey')).toEqual(new Set([CONDITIONS.throughSqs]));
    expect(rolesThat(/^(?!kms:Decrypt$)/, 'TablesKey')).toEqual([]);
    expect(rolesThat(/./, 'EvidenceKey')).toEqual(['archiver', 'reconcile']);
  });

  test('can be administered by no role, and no role can create a grant', () => {
    const used = permissions.filter(({ action }) => action.startsWith('kms:')).map(({ action }) => action);
    expect(new Set(used)).toEqual(
      new Set([
        'kms:Decrypt',
        'kms:GenerateDataKey',
        'kms:GenerateMac',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ]),
    );
  });
});

describe('the audit trail', () => {
  test('can be extended only by the projector, which can neither change nor delete a row, and by the restore command', () => {
    expect(actionsOf('projector', 'AuditTable')).toEqual([
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
    ]);
    expect(rolesThat(/Put|Write/, 'AuditTable')).toEqual(['projector', 'RestoreOperator']);
    expect(rolesThat(/Update|Delete|BatchWrite|PartiQL|Transact/, 'AuditTable')).toEqual([]);
  });

  test('can be read by the function that shows it, and its stream by the archiver', () => {
    expect(actionsOf('audit', 'AuditTable')).toEqual(['dynamodb:BatchGetItem', 'dynamodb:Query']);
    expect(rolesThat(/./, 'AuditTable')).toEqual([
      'audit',
      'projector',
      'reconcile',
      'RestoreOperator',
      'BreakGlassOperator',
    ]);
    expect(actionsOf('BreakGlassOperator', 'AuditTable')).toEqual(['dynamodb:Query']);
    expect(actionsOf('reconcile', 'AuditTable')).toEqual(['dynamodb:Query']);
    // A role that restores rows cannot compute the hash of a forged one, and a role that computes hashes writes none.
    expect(actionsOf('RestoreOperator', 'AuditKey')).toEqual([]);
    expect(permissions.filter(({ role }) => role === 'VerifyArchiveOperator')).toEqual([
      {
        role: 'VerifyArchiveOperator',
        action: 'kms:GenerateMac',
        resource: 'AuditKey',
        condition: CONDITIONS.hmac,
      },
      {
        role: 'VerifyArchiveOperator',
        action: 'kms:Decrypt',
        resource: 'TablesKey',
        condition: CONDITIONS.throughDynamoDb,
      },
    ]);
    expect(rolesThat(/./, 'AuditTable/stream')).toEqual(['archiver']);
  });

  test('is copied by a function that can only put objects below audit/', () => {
    expect(
      permissions.filter(({ role, action }) => role !== 'reconcile' && action.startsWith('s3:')),
    ).toEqual([
      { role: 'archiver', action: 's3:PutObject', resource: 'ArchiveBucket/audit/*', condition: '' },
    ]);
  });

  test('is compared by a function that can read the evidence and write results, but not change what it reads', () => {
    const own = permissions.filter(({ role, action }) => role === 'reconcile' && action.startsWith('s3:'));
    expect(own.map(({ action, resource, condition }) => [action, resource, condition])).toEqual([
      ['s3:ListBucket', 'TrailBucket', 'StringLike s3:prefix = AWSLogs/*'],
      ['s3:ListBucket', 'ArchiveBucket', 'StringLike s3:prefix = audit/* or reconciliations/*'],
      ['s3:GetObject', 'ArchiveBucket/audit/*', ''],
      ['s3:GetObject', 'ArchiveBucket/reconciliations/*', ''],
      ['s3:GetObject', 'TrailBucket/AWSLogs/*', ''],
      ['s3:ListBucketVersions', 'ArchiveBucket', ''],
      ['s3:ListBucketVersions', 'TrailBucket', ''],
      ['s3:PutObject', 'ArchiveBucket/reconciliations/*', ''],
    ]);
    expect(actionsOf('reconcile', 'MasterKey')).toEqual([]);
  });

  test('comes from the streams of tenancy, keys and sessions, which the projector and the detector read', () => {
    for (const table of ['TenancyTable', 'KeysTable', 'SessionsTable'])
      expect(rolesThat(/./, `${table}/stream`)).toEqual(['projector', 'detector']);
    expect(actionsOf('projector', 'KeysTable')).toEqual([]);
  });
});

describe('the permissions on tables', () => {
  const writes = /Put|Update|Delete|Write/;
  const conditionsOf = (role: string, resource: string, action: RegExp) =>
    permissions
      .filter((found) => found.role === role && found.resource === resource && action.test(found.action))
      .map(({ action, condition }) => [action, condition]);

  test('let only roles that seal, wrap, suspend or delete keys write keys', () => {
    expect(rolesThat(writes, 'KeysTable')).toEqual([
      'keys',
      'rotate',
      'detector',
      'rotate-on-request',
      'hangup',
      'PlatformKeyOperator',
      'RewrapOperator',
      'RestoreOperator',
    ]);
  });

  test('let routes, streams and events write only keys of sites and workspaces', () => {
    const ending = inPartitions('ENDING#*');
    for (const role of ['keys', 'rotate', 'detector', 'rotate-on-request'])
      for (const [action, condition] of conditionsOf(role, 'KeysTable', /./))
        if (role === 'detector' && action === 'dynamodb:BatchGetItem')
          expect(condition).toBe(inPartitions('SITE#* or WORKSPACE#* or PLATFORM#platform'));
        else if (condition !== ending || role !== 'keys' || action !== 'dynamodb:PutItem')
          expect(condition).toBe(inPartitions('SITE#* or WORKSPACE#*'));
    // Of the kept version it can only put the record.
    expect(conditionsOf('PlatformKeyOperator', 'KeysTable', /./)).toEqual([
      ...['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem'].map((action) => [
        `dynamodb:${action}`,
        inPartitions('PLATFORM#platform'),
      ]),
      ['dynamodb:PutItem', inPartitions('ENDING#platform#platform')],
    ]);
  });

  test('let manage, keys and retire-models change workspaces, members and sites, operators change plans, and others add events', () => {
    expect(rolesThat(writes, 'TenancyTable')).toEqual([
      'events',
      'keys',
      'rotate',
      'audit',
      'manage',
      'usage',
      'detector',
      'rotate-on-request',
      'sweeper',
      'retire-models',
      'heartbeat',
      'hangup',
      'watch',
      ...OPERATORS.filter((role) => role !== 'ModelCheckOperator' && role !== 'VerifyArchiveOperator'),
    ]);
    const puts = (...patterns: string[]) => [['dynamodb:PutItem', inPartitions(patterns.join(' or '))]];
    const own = (writer: string) => `EVENTS#${writer}#*`;
    expect(conditionsOf('events', 'TenancyTable', writes)).toEqual(puts(own('events')));
    expect(conditionsOf('watch', 'TenancyTable', writes)).toEqual(puts(own('watch')));
    for (const role of ['hangup', 'sweeper'])
      expect(conditionsOf(role, 'TenancyTable', writes)).toEqual(puts(own(role)));
    expect(conditionsOf('heartbeat', 'TenancyTable', writes)).toEqual(puts('EVENTS#heartbeat#heartbeat'));
    expect(conditionsOf('RebuildUsageOperator', 'TenancyTable', writes)).toEqual(puts(own('rebuild-usage')));
    // They read, and note when an API token was last used.
    for (const role of ['audit', 'usage'])
      expect(conditionsOf(role, 'TenancyTable', writes)).toEqual([
        ['dynamodb:UpdateItem', inPartitions('TOKEN_USE#*')],
      ]);
    // A role that changes a key writes its mark.
    for (const [role, writer] of [
      ['rotate', 'rotate'],
      ['detector', 'detector'],
      ['rotate-on-request', 'rotate-on-request'],
      ['RewrapOperator', 'rewrap'],
      ['MarkKeysOperator', 'mark-keys'],
    ] as const)
      expect(conditionsOf(role, 'TenancyTable', writes)).toEqual(puts(own(writer), 'MARK#*'));
    expect(conditionsOf('PlatformKeyOperator', 'TenancyTable', writes)).toEqual(
      puts('EVENTS#platform-key#platform', 'MARK#PLATFORM#platform'),
    );
    for (const [role, writer] of [
      ['SetPlanOperator', 'set-plan'],
      ['retire-models', 'retire-models'],
    ] as const)
      expect(conditionsOf(role, 'TenancyTable', writes)).toEqual([
        ['dynamodb:UpdateItem', inPartitions('WORKSPACE#*')],
        ...puts(own(writer)),
      ]);
  });

  test('let each writer add audit events only to its own partitions, and change or delete none', () => {
    const outbox = permissions.filter(
      ({ resource, action, condition }) =>
        resource === 'TenancyTable' &&
        writes.test(action) &&
        (condition === '' || condition.includes('EVENTS#')),
    );
    const partitions = outbox.map(({ role, action, condition }) => [
      role,
      action,
      /EVENTS#([a-z-]+)#/.exec(condition)?.[1],
    ]);
    expect(new Set(partitions.map(([, action]) => action))).toEqual(new Set(['dynamodb:PutItem']));
    const operator = (name: string): string =>
      `${name
        .split('-')
        .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
        .join('')}Operator`;
    for (const [role, , writer = ''] of partitions) expect([writer, operator(writer)]).toContain(role);
    expect(new Set(partitions.map(([, , writer]) => writer)).size).toBe(partitions.length);
  });

  test('let keys read only key notes and site sessions, which it marks as ending, and manage read no sessions', () => {
    expect(conditionsOf('keys', 'SessionsTable', /./)).toEqual([
      ['dynamodb:GetItem', inPartitions('KEY#*')],
      ['dynamodb:GetItem', inPartitions('SITE#*')],
      ['dynamodb:UpdateItem', inPartitions('SITE#*')],
    ]);
    expect(actionsOf('manage', 'SessionsTable')).toEqual([]);
  });

  test('let usage read errors, sessions of sites, totals, slots and sealed key records, and write only the last use of API tokens', () => {
    const own = permissions.filter(({ role }) => role === 'usage');
    expect(
      own
        .filter(({ action }) => writes.test(action) && action.startsWith('dynamodb:'))
        .map(({ action, resource }) => [action, resource]),
    ).toEqual([['dynamodb:UpdateItem', 'TenancyTable']]);
    expect(conditionsOf('usage', 'SessionsTable', /./)).toEqual([
      ...['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'].map((action) => [
        action,
        inPartitions('ERRORS#* or SITE#*'),
      ]),
      ['dynamodb:GetItem', inPartitions('CALL#*')],
    ]);
    expect(conditionsOf('usage', 'LimitsTable', /./)).toEqual([
      ['dynamodb:Query', inPartitions('@* or LIVE#*')],
    ]);
    expect(conditionsOf('usage', 'KeysTable', /./)).toEqual([
      ['dynamodb:BatchGetItem', readingOnly('pk or sk or state or sealed', STORED_KEYS)],
    ]);
    expect(own.filter(({ action }) => action.startsWith('kms:')).map(({ resource }) => resource)).toEqual([
      'TablesKey',
    ]);
  });

  test('let the detector use only its own state in limits, and only key notes in sessions', () => {
    expect(conditionsOf('detector', 'LimitsTable', /./)).toEqual([
      ['dynamodb:GetItem', inPartitions('ANOMALY#*')],
      ['dynamodb:PutItem', inPartitions('ANOMALY#*')],
      ['dynamodb:Query', inPartitions('LIVE#*')],
    ]);
    expect(conditionsOf('detector', 'SessionsTable', /./)).toEqual([
      ['dynamodb:GetItem', inPartitions('KEY#*')],
      ['dynamodb:UpdateItem', inPartitions('KEY#*')],
    ]);
  });

  test('let manage read whether a key is stored, and use only deliveries and the counts of workspaces, codes and invitations in limits', () => {
    expect(conditionsOf('manage', 'KeysTable', /./)).toEqual([
      ['dynamodb:BatchGetItem', readingOnly('pk or sk or state', STORED_KEYS)],
    ]);
    expect(conditionsOf('manage', 'LimitsTable', /./)).toEqual([
      ...['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'].map((action) => [
        action,
        inPartitions('DELIVERIES#*'),
      ]),
      ['dynamodb:UpdateItem', inPartitions('RATE#new-workspace#* or RATE#mail-code#* or RATE#invitation#*')],
    ]);
  });

  test('let only hangup and watch read a version that is kept to end its calls', () => {
    const readers = permissions.filter(
      ({ resource, action, condition }) =>
        resource === 'KeysTable' && /GetItem|Query|Scan/.test(action) && condition.includes('ENDING#'),
    );
    expect(new Set(readers.map(({ role }) => role))).toEqual(new Set(['hangup', 'watch']));
  });

  test('let only functions that end calls write to the hang-up queue, and only hangup read it', () => {
    expect(rolesThat('sqs:SendMessage', 'HangUps/Queue')).toEqual([
      'token',
      'events',
      'keys',
      'manage',
      'detector',
      'sweeper',
      'hangup',
      'watch',
      'PlatformKeyOperator',
      'StopOperator',
      'BreakGlassOperator',
    ]);
    expect(rolesThat(/Receive|Delete|ChangeMessage/, 'HangUps/Queue')).toEqual(['hangup']);
  });

  test('let only the detector and the routes write to the notices queue, and only notices read it', () => {
    expect(rolesThat('sqs:SendMessage', 'Notices/Queue')).toEqual(['manage', 'detector', 'notices']);
    expect(rolesThat(/Receive|Delete|ChangeMessage/, 'Notices/Queue')).toEqual(['notices']);
  });

  test('let the function that connects to webhook addresses neither read nor open a key, and change only its log', () => {
    expect(actionsOf('notices', 'KeysTable')).toEqual([]);
    expect(actionsOf('notices', 'MasterKey')).toEqual([]);
    const written = permissions.filter(
      ({ role, action, resource }) => role === 'notices' && resource.endsWith('Table') && writes.test(action),
    );
    expect(written).toMatchObject([{ resource: 'LimitsTable', condition: inPartitions('DELIVERIES#*') }]);
  });

  test('let no function scan a table, except the one that checks the model of every site', () => {
    const scanning = permissions.filter(
      ({ action, resource }) => /Scan|PartiQL|Export/.test(action) && !RESTORED.test(resource),
    );
    expect(scanning.map(({ role, resource }) => [role, resource])).toEqual([
      ['retire-models', 'TenancyTable'],
      ['PlatformKeyOperator', 'LimitsTable'],
      ['RewrapOperator', 'KeysTable'],
      ['ModelCheckOperator', 'TenancyTable'],
      ['StopOperator', 'LimitsTable'],
      ['RebuildUsageOperator', 'TenancyTable'],
      ['RestoreOperator', 'KeysTable'],
      ['RestoreOperator', 'AuditTable'],
      ['MarkKeysOperator', 'KeysTable'],
      ['BreakGlassOperator', 'LimitsTable'],
    ]);
  });

  test('let only the restore command read tables restored from a backup', () => {
    const uses = permissions.filter(({ resource }) => RESTORED.test(resource));
    expect(new Set(uses.map(({ role }) => role))).toEqual(new Set(['RestoreOperator']));
    expect(uses.map(({ action, resource }) => `${RESTORED.exec(resource)?.[1]} ${action}`).sort()).toEqual([
      'audit dynamodb:Scan',
      'keys dynamodb:BatchGetItem',
      'keys dynamodb:DeleteItem',
      'keys dynamodb:PutItem',
      'keys dynamodb:Scan',
      'sessions dynamodb:Scan',
      'tenancy dynamodb:Scan',
      'usage dynamodb:Scan',
    ]);
    expect(rolesThat(/Delete/, 'KeysTable')).not.toContain('RestoreOperator');
  });

  test('let only manage list the workspaces of a person', () => {
    expect(rolesThat(/./, 'TenancyTable/index/by-sub')).toEqual(['manage']);
    expect(actionsOf('manage', 'TenancyTable/index/by-sub')).toEqual(['dynamodb:Query']);
  });

  test('let only usage list the sessions of a workspace', () => {
    expect(rolesThat(/./, 'SessionsTable/index/by-workspace')).toEqual(['usage']);
    expect(actionsOf('usage', 'SessionsTable/index/by-workspace')).toEqual(['dynamodb:Query']);
  });
});

describe('the event bus', () => {
  test('accepts its own events only from the detector and the reconciliation', () => {
    const { recordsDiffer, ...others } = EVENTS;
    const of = (...types: readonly string[]): string =>
      `StringEquals events:detail-type = ${types.toSorted().join(' or ')}, StringEquals events:source = spelo.byok`;
    expect(permissions.filter(({ action }) => action.startsWith('events:'))).toEqual(
      [
        ['detector', of(...Object.values(others))],
        ['reconcile', of(recordsDiffer)],
      ].map(([role, condition]) => ({ role, action: 'events:PutEvents', resource: EVENT_BUS, condition })),
    );
  });
});

describe('docs/permissions.md', () => {
  const file = new URL('../../docs/permissions.md', import.meta.url);
  const MEANING: Readonly<Record<string, string>> = {
    [CONDITIONS.wholeContext]: 'the whole encryption context is present',
    [CONDITIONS.tenantContext]: 'the whole encryption context is present, scope `site` or `workspace`',
    [CONDITIONS.platformContext]: 'the whole encryption context is present, scope `platform`',
    [CONDITIONS.hmac]: 'HMAC-SHA-256',
    [CONDITIONS.throughDynamoDb]: 'DynamoDB makes the call',
    [CONDITIONS.throughS3]: 'S3 makes the call',
    [CONDITIONS.throughSqs]: 'SQS makes the call',
  };
  const PARTITIONS = /^ForAllValues:StringLike dynamodb:LeadingKeys = (.*), dynamodb:LeadingKeys present$/;
  const meaningOf = (condition: string): string => {
    if (condition.startsWith('ArnEquals lambda:SourceFunctionArn'))
      return `${meaningOf(condition.slice(condition.indexOf(', ') + 2))}, from the code of the function`;
    const partitions = PARTITIONS.exec(condition)?.[1];
    if (partitions === undefined) return MEANING[condition] ?? condition;
    return `the partition key is ${partitions.replace(/[^ ]*[#@][^ ]+/g, '`$&`')}`;
  };

  const NAMES: Readonly<Record<string, string>> = {
    '*': 'every stream',
    [EVENT_BUS]: 'default event bus',
    [LOG_GROUPS]: 'log groups of the stage',
  };
  /** Calls that IAM knows no resource for. */
  const WITHOUT_RESOURCE: Readonly<Record<string, string>> = {
    'xray:PutTelemetryRecords': 'X-Ray',
    'xray:PutTraceSegments': 'X-Ray',
    'logs:GetQueryResults': 'queries of logs',
  };
  const nameOf = (action: string, resource: string): string =>
    WITHOUT_RESOURCE[action] ?? NAMES[resource] ?? resource.replace(RESTORED, 'restored copy of `$1`');

  const table = (role: string): string => {
    const own = permissions.filter((permission) => permission.role === role);
    const byUse = Object.groupBy(
      own,
      ({ action, resource, condition }) => `${nameOf(action, resource)} | ${condition}`,
    );
    const rows = Object.values(byUse).map((granted = []) => {
      const actions = granted.map(({ action }) => `\`${action}\``).join(', ');
      const { action = '', resource = '', condition = '' } = granted[0] ?? {};
      return `| ${nameOf(action, resource)} | ${actions} | ${meaningOf(condition)} |`;
    });
    return `| Resource | Actions | Only if |\n|---|---|---|\n${rows.join('\n')}\n`;
  };
  const section = (role: string): string => `### ${role}\n\n${table(role)}`;

  const rendered = `# Permissions

Everything that each role may do in AWS, read from the synthesized templates. No role has another policy. To use a KMS
key that seals, hashes or derives takes the consent of the key's policy as well, which names the role (\`lib/key-uses.ts\`).
\`test/lib/reachable-calls.test.ts\` holds the actions on items and keys equal to the calls that the code can make.

Written by \`UPDATE_DOCS=1 npm test -- test/lib/permissions.test.ts\`; the same test fails when it is out of date.

The encryption context of a sealed key: ${ENCRYPTION_CONTEXT_KEYS.map((name) => `\`${name}\``).join(', ')}.

IAM cannot ask that a put be conditional. That the projector replaces no row is for its code (every put demands that
nothing is there), for the hash chain, which shows a row that was replaced, and for the archive, which keeps the first.

Two roles both open and seal, because re-encrypting a key takes both: \`rotate\`, behind a route, and
\`rotate-on-request\`, behind the detector's events. The detector itself can switch a key off and open none.

## Functions

${FUNCTIONS.map(section).join('\n')}
## Operators

Roles that a person of this account assumes for one command: an IAM user with MFA, or a person with a permission set of IAM
Identity Center that the stage names (\`operators.permissionSets\`). BreakGlassOperator is for emergencies and for IAM users only: it asks
for a fresh MFA code and a reason, and each use is an alarm ([runbook](runbook.md#the-break-glass-role-was-assumed)).

${OPERATORS.map(section).join('\n')}
${renderedMatrix}`;

  test('is the permission matrix of the deployment', () => {
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, rendered);
    expect(readFileSync(file, 'utf8')).toBe(rendered);
  });
});
