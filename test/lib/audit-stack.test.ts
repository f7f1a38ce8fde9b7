import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { EVENT_SOURCE, EVENTS } from '../../lambdas/contract/events.ts';
import { FAILED_RECORD_MESSAGES } from '../../lambdas/contract/log-messages.ts';
import { templates, wordsOf } from './permissions.ts';
import { exampleApp, ofType, type Resource, type StackTemplate, templateOf } from './synthesized.ts';

const own = templates.audit;
const words = wordsOf(own);

const named = (type: string, name: string): Resource => {
  const found = ofType(own, type).find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`There is no ${type} ${name}.`);
  return found;
};

describe('data that must not be lost', () => {
  const STATEFUL = [
    'AWS::DynamoDB::Table',
    'AWS::KMS::Key',
    'AWS::S3::Bucket',
    'AWS::SQS::Queue',
    'AWS::CloudTrail::Trail',
    'AWS::Logs::LogGroup',
  ];
  const stateful = Object.values(templates).flatMap(({ resources }) =>
    resources.filter(({ Type }) => STATEFUL.includes(Type)),
  );

  test('is in tables, keys, buckets, queues, the trail and logs', () => {
    const count = Object.entries(Object.groupBy(stateful, ({ Type }) => Type)).map(([type, of]) => [
      type,
      of?.length,
    ]);
    expect(Object.fromEntries(count)).toEqual({
      'AWS::DynamoDB::Table': 6,
      'AWS::KMS::Key': 9,
      'AWS::S3::Bucket': 3,
      'AWS::SQS::Queue': 9,
      'AWS::CloudTrail::Trail': 1,
      'AWS::Logs::LogGroup': 19,
    });
  });

  test.each(stateful.map((resource) => [resource.name, resource] as const))(
    '%s survives every deployment',
    (_, { DeletionPolicy, UpdateReplacePolicy }) => {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
    },
  );
});

describe('the CloudTrail trail', () => {
  const { Properties } = named('AWS::CloudTrail::Trail', 'Trail');

  test('records read and write management events of every region', () => {
    expect(Properties).toMatchObject({
      IsLogging: true,
      IsMultiRegionTrail: true,
      IncludeGlobalServiceEvents: true,
    });
    // Advanced selectors replace basic ones; one that names the category alone takes all of it, read and write.
    expect(Properties).not.toHaveProperty('EventSelectors');
    expect([Properties['AdvancedEventSelectors']].flat()[0]).toEqual({
      Name: 'Management events',
      FieldSelectors: [{ Field: 'eventCategory', Equals: ['Management'] }],
    });
  });

  test('records writes of keys, tenancy and the archive, and only deletions and lock changes in its own bucket', () => {
    const [, ...dataEvents] = [Properties['AdvancedEventSelectors']].flat().map(Object);
    const fields = dataEvents.map(({ FieldSelectors }) =>
      Object.fromEntries(
        FieldSelectors.map((each: { Field: string; Equals?: unknown[]; StartsWith?: unknown[] }) => [
          each.Field,
          (each.Equals ?? each.StartsWith ?? []).map(words),
        ]),
      ),
    );
    expect(fields).toEqual([
      {
        eventCategory: ['Data'],
        'resources.type': ['AWS::DynamoDB::Table'],
        readOnly: ['false'],
        'resources.ARN': ['KeysTable', 'TenancyTable'],
      },
      {
        eventCategory: ['Data'],
        'resources.type': ['AWS::S3::Object'],
        readOnly: ['false'],
        'resources.ARN': ['ArchiveBucket/'],
      },
      {
        eventCategory: ['Data'],
        'resources.type': ['AWS::S3::Object'],
        eventName: ['DeleteObject', 'DeleteObjects', 'PutObjectRetention', 'PutObjectLegalHold'],
        'resources.ARN': ['TrailBucket/'],
      },
    ]);
  });

  test('includes KMS: no event source is excluded', () => {
    expect(JSON.stringify(own.resources)).not.toMatch(/ExcludeManagementEventSources/i);
  });

  test('is signed, encrypted under our own key and written to a locked bucket', () => {
    expect(Properties['EnableLogFileValidation']).toBe(true);
    expect(words(Properties['KMSKeyId'])).toBe('EvidenceKey');
    expect(words(Properties['S3BucketName'])).toBe('TrailBucket');
  });

  test('is the only trail that may write to its bucket', () => {
    const { Statement } = Object(
      named('AWS::S3::BucketPolicy', 'TrailBucket/Policy').Properties['PolicyDocument'],
    );
    const allowed = Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Allow');
    expect(allowed.map(({ Action }: { Action: string }) => Action)).toEqual([
      's3:GetBucketAcl',
      's3:PutObject',
    ]);
    for (const { Principal, Condition } of allowed) {
      expect(Principal).toEqual({ Service: 'cloudtrail.amazonaws.com' });
      expect(words(Condition.StringEquals['aws:SourceArn'])).toMatch(
        /:trail\/spelo-byok-dev-part of \{AWS::StackId\}$/,
      );
    }
  });
});

describe('the audit evidence', () => {
  const denied = (bucket: string) =>
    Object(named('AWS::S3::BucketPolicy', `${bucket}/Policy`).Properties['PolicyDocument'])
      .Statement.filter(
        ({ Effect, Action }: { Effect: string; Action: unknown }) =>
          Effect === 'Deny' && Action === 's3:PutObject',
      )
      .map(({ Principal, Resource, Condition }: Record<string, unknown>) => ({
        Principal,
        Condition,
        on: words(Resource),
      }));

  test('in the archive cannot be overwritten: the policy refuses each put without If-None-Match', () => {
    expect(denied('ArchiveBucket')).toEqual([
      { Principal: { AWS: '*' }, Condition: { Null: { 's3:if-none-match': 'true' } }, on: 'ArchiveBucket/*' },
    ]);
  });

  test('of the trail is written only by AWS services, never by a person or role', () => {
    expect(denied('TrailBucket')).toEqual([
      {
        Principal: { AWS: '*' },
        Condition: { Bool: { 'aws:PrincipalIsAWSService': 'false' } },
        on: 'TrailBucket/*',
      },
    ]);
  });

  test.each(['TrailBucket', 'ArchiveBucket'])(
    'in %s cannot be changed or deleted before its time',
    (name) => {
      expect(named('AWS::S3::Bucket', name).Properties).toMatchObject({
        ObjectLockEnabled: true,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 400 } },
        },
        VersioningConfiguration: { Status: 'Enabled' },
      });
    },
  );

  test.each(['TrailBucket', 'ArchiveBucket'])(
    'in %s moves to Glacier, and is deleted after its time',
    (name) => {
      const { Rules } = Object(named('AWS::S3::Bucket', name).Properties['LifecycleConfiguration']);
      expect(Rules).toMatchObject([
        {
          Status: 'Enabled',
          Transitions: [{ StorageClass: 'GLACIER_IR', TransitionInDays: 90 }],
          ExpirationInDays: 401,
        },
      ]);
    },
  );

  test.each(['TrailBucket', 'ArchiveBucket'])(
    'in %s is encrypted under our own key, and each read is logged',
    (name) => {
      const { Properties } = named('AWS::S3::Bucket', name);
      const [rule] = Object(Properties['BucketEncryption']).ServerSideEncryptionConfiguration;
      expect(rule.ServerSideEncryptionByDefault.SSEAlgorithm).toBe('aws:kms');
      expect(words(rule.ServerSideEncryptionByDefault.KMSMasterKeyID)).toBe('EvidenceKey');
      expect(words(Object(Properties['LoggingConfiguration']).DestinationBucketName)).toBe('AccessLogs');
    },
  );

  test.each(['TrailBucket', 'ArchiveBucket', 'AccessLogs'])(
    'in %s is closed to the public and to plain HTTP',
    (name) => {
      expect(named('AWS::S3::Bucket', name).Properties).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      });
      const policy = JSON.stringify(named('AWS::S3::BucketPolicy', `${name}/Policy`).Properties);
      expect(policy).toContain('"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"');
    },
  );
});

describe('an SQS queue', () => {
  const mappings = ofType(own, 'AWS::Lambda::EventSourceMapping').filter(
    ({ Properties }) => Properties['StartingPosition'] === undefined,
  );

  test.each([
    ['hang-ups', 'Hangup', 20],
    ['notices', 'Notices', 10],
  ])('of %s is handled by %s message by message, in at most %i containers', (_what, name, most) => {
    expect(mappings).toHaveLength(2);
    const found = mappings.filter(
      ({ Properties }) => words(Properties['FunctionName']) === `${name}/Broker/Function`,
    );
    expect(found).toMatchObject([
      {
        Properties: {
          BatchSize: 10,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ScalingConfig: { MaximumConcurrency: most },
        },
      },
    ]);
  });
});

describe('the DynamoDB streams', () => {
  const mappings = ofType(own, 'AWS::Lambda::EventSourceMapping')
    .filter(({ Properties }) => Properties['StartingPosition'] !== undefined)
    .map(({ Properties }) => ({
      stream: words(Properties['EventSourceArn']),
      to: words(Properties['FunctionName']),
      deadLetters: words(Object(Properties['DestinationConfig']).OnFailure.Destination),
      Properties,
    }));

  test('feed the projector and the detector from tenancy, keys and sessions, the detector from usage, the archiver from audit', () => {
    expect(mappings.map(({ stream, to, deadLetters }) => [stream, to, deadLetters])).toEqual([
      ['TenancyTable/stream', 'Projector/Broker/Function', 'Projector/DeadLetters'],
      ['KeysTable/stream', 'Projector/Broker/Function', 'Projector/DeadLetters'],
      ['SessionsTable/stream', 'Projector/Broker/Function', 'Projector/DeadLetters'],
      ['AuditTable/stream', 'Archiver/Broker/Function', 'Archiver/DeadLetters'],
      ['SessionsTable/stream', 'Detector/Broker/Function', 'Detector/DeadLetters'],
      ['TenancyTable/stream', 'Detector/Broker/Function', 'Detector/DeadLetters'],
      ['KeysTable/stream', 'Detector/Broker/Function', 'Detector/DeadLetters'],
      ['UsageTable/stream', 'Detector/Broker/Function', 'Detector/DeadLetters'],
    ]);
  });

  test.each(mappings.map((mapping) => [`${mapping.stream} to ${mapping.to}`, mapping] as const))(
    'include %s, read in order from the oldest record, where a bad record blocks others only for a short time',
    (_, { Properties }) => {
      const {
        EventSourceArn: _arn,
        FunctionName: _function,
        DestinationConfig: _destination,
        Tags: _tags,
        FilterCriteria: _filter,
        ...settings
      } = Properties;
      expect(settings).toEqual({
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 100,
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        MaximumRetryAttempts: 5,
        // Six hours: what is given up on can still be replayed from the stream for eighteen.
        MaximumRecordAgeInSeconds: 21_600,
        ParallelizationFactor: 1,
      });
    },
  );

  test('discard no record, except usage, which delivers only budgets because its sessions change too often', () => {
    const filtered = mappings.filter(({ Properties }) => Properties['FilterCriteria'] !== undefined);
    expect(filtered.map(({ stream }) => stream)).toEqual(['UsageTable/stream']);
    const { Filters } = Object(filtered[0]?.Properties['FilterCriteria']);
    expect(Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern))).toEqual([
      { dynamodb: { Keys: { pk: { S: [{ prefix: 'BUDGET#' }] } } } },
    ]);
  });

  test.each(ofType(own, 'AWS::SQS::Queue').map((queue) => [queue.name, queue] as const))(
    'have the dead-letter queue %s, which keeps records for 14 days, encrypted, over TLS',
    (name, { Properties }) => {
      expect(Properties['MessageRetentionPeriod']).toBe(14 * 86_400);
      expect(words(Properties['KmsMasterKeyId'])).toBe('NoticesKey');
      expect(JSON.stringify(named('AWS::SQS::QueuePolicy', `${name}/Policy`).Properties)).toContain(
        '"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"',
      );
    },
  );

  test('log partial failures with the message that the metric counts', () => {
    const { projector, archiver, detector } = FAILED_RECORD_MESSAGES;
    const patterns = ofType(own, 'AWS::Logs::MetricFilter').map(
      ({ Properties }) => Properties['FilterPattern'],
    );
    expect(patterns).toEqual(
      [projector, archiver, detector].map((message) => `{ $.message = "${message}" }`),
    );
    const files = { 'audit-projector': projector, 'audit-archiver': archiver, 'anomaly-detector': detector };
    for (const [file, message] of Object.entries(files))
      expect(readFileSync(new URL(`../../lambdas/streams/${file}.ts`, import.meta.url), 'utf8')).toContain(
        `log.error('${message}'`,
      );
  });
});

describe('the rules on CloudTrail events', () => {
  const rules = ofType(own, 'AWS::Events::Rule')
    .map(({ Properties }) => ({ Properties, ...Object(Properties['EventPattern']) }))
    .filter(({ source }) => /^aws\./.test(source));
  const rulesOn = (eventName: string) =>
    rules.filter(({ detail }) => detail.eventName.includes(eventName)).map(({ detail }) => detail);

  test.each(['PutKeyPolicy', 'CreateGrant', 'DisableKey', 'ScheduleKeyDeletion', 'DisableKeyRotation'])(
    'report %s on each of our nine keys, by ID and by ARN',
    (eventName) => {
      const groups = [
        ['MasterKey'],
        ['FingerprintKey', 'DerivationKey', 'MarksKey', 'AuditKey'],
        ['TablesKey', 'EvidenceKey', 'NoticesKey', 'CheckpointsKey'],
      ];
      const watched = rulesOn(eventName).map(({ $or }) => $or);
      expect(watched.map(([byArn]) => byArn.resources.ARN.map(words))).toEqual(groups);
      expect(watched.map(([, byId]) => byId.requestParameters.keyId.map(words))).toEqual(
        groups.map((keys) => keys.flatMap((key) => [key, key])),
      );
    },
  );

  test('report CreateGrant, unless an AWS service made the call', () => {
    for (const { userIdentity } of rulesOn('CreateGrant'))
      expect(userIdentity).toEqual({ invokedBy: [{ exists: false }] });
  });

  test.each(['StopLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors'])(
    'report %s on our trail',
    (eventName) => {
      const [rule, ...more] = rulesOn(eventName);
      expect(more).toEqual([]);
      const names = rule.requestParameters.$or.flatMap((either: Record<string, unknown>) =>
        Object.entries(either).map(([field, values]) => [field, words(values).split(' or ').at(0)]),
      );
      expect(names).toEqual([
        ['name', 'spelo-byok-dev-part of {AWS::StackId}'],
        ['trailName', 'spelo-byok-dev-part of {AWS::StackId}'],
      ]);
    },
  );

  test('are all enabled, and publish to the alarm topic', () => {
    for (const { Properties } of rules) {
      expect(Properties['State']).toBe('ENABLED');
      const [target, ...more] = [Properties['Targets']].flat().map((each) => Object(each));
      expect([words(target.Arn), more]).toEqual(['Alarms', []]);
    }
  });

  test('may publish to the alarm topic, as may the alarms of this stage, and everything requires TLS', () => {
    const { Statement } = Object(
      named('AWS::SNS::TopicPolicy', 'Alarms/Policy').Properties['PolicyDocument'],
    );
    expect(Statement).toMatchObject([
      { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      { Effect: 'Allow', Action: 'sns:Publish', Principal: { Service: 'cloudwatch.amazonaws.com' } },
      { Effect: 'Allow', Action: 'sns:Publish', Principal: { Service: 'events.amazonaws.com' } },
    ]);
    expect(words(named('AWS::SNS::Topic', 'Alarms').Properties['KmsMasterKeyId'])).toBe('NoticesKey');
  });
});

describe('the notices to the alarm topic', () => {
  test('remind people each month to check the CloudTrail digests, with the command', () => {
    const { ScheduleExpression, Targets } = named('AWS::Events::Rule', 'CheckDigests/Rule').Properties;
    expect(ScheduleExpression).toBe('cron(0 8 1 * ? *)');
    const [{ Arn, Input }] = [Targets].flat().map(Object);
    expect(words(Arn)).toBe('Alarms');
    expect(words(Input)).toMatch(/aws cloudtrail validate-logs --region .+ --trail-arn arn:.+ --start-time/);
  });

  test('contain one sentence for each event about a plan threshold', () => {
    const { EventPattern, Targets } = named('AWS::Events::Rule', 'PlanThreshold/Rule').Properties;
    expect(EventPattern).toEqual({
      source: [EVENT_SOURCE],
      'detail-type': [EVENTS.planThresholdReached],
    });
    const [target, ...more] = [Targets].flat().map(Object);
    expect(more).toEqual([]);
    expect(words(target.Arn)).toBe('Alarms');
    const { InputPathsMap, InputTemplate } = target.InputTransformer;
    // Each field of the sentence is one that the adapter puts into the event.
    const source = readFileSync(
      new URL('../../lambdas/adapters/aws/anomalies/eventbridge-incidents.ts', import.meta.url),
      'utf8',
    );
    const notice = source.slice(source.indexOf('put(EVENTS.planThresholdReached'));
    for (const path of Object.values(InputPathsMap))
      expect(notice).toContain(`${String(path).replace('$.detail.', '')}: notice.`);
    expect(InputTemplate).toMatch(/^"Spelo BYOK dev: workspace <.+> has used <.+> % of the minutes/);
  });
});

describe("the rules on the detector's events", () => {
  const patternOf = (name: string) => named('AWS::Events::Rule', name).Properties['EventPattern'];
  const targetsOf = (name: string) =>
    [named('AWS::Events::Rule', name).Properties['Targets']].flat().map(Object);

  test('are on the default bus, which the function uses', () => {
    const { Variables } = Object(
      named('AWS::Lambda::Function', 'Detector/Broker/Function').Properties['Environment'],
    );
    expect(Variables.EVENT_BUS_NAME).toBe('default');
    for (const { Properties } of ofType(own, 'AWS::Events::Rule')) {
      expect(Properties).not.toHaveProperty('EventBusName');
      expect(Properties['State']).toBe('ENABLED');
    }
  });

  test('send an incident to the alarm topic', () => {
    expect(patternOf('AnomalousUse/Rule')).toEqual({
      source: [EVENT_SOURCE],
      'detail-type': [EVENTS.anomalyDetected],
    });
    expect(targetsOf('AnomalousUse/Rule').map(({ Arn }) => words(Arn))).toEqual(['Alarms']);
  });

  test('send a rotation request to its function for an hour, and then to its dead-letter queue', () => {
    expect(patternOf('RotateOnRequest/Rule')).toEqual({
      source: [EVENT_SOURCE],
      'detail-type': [EVENTS.rotationRequested],
    });
    const [target, ...more] = targetsOf('RotateOnRequest/Rule');
    expect(more).toEqual([]);
    expect(words(target.Arn)).toBe('RotateOnRequest/Broker/Function');
    expect(words(target.DeadLetterConfig.Arn)).toBe('RotateOnRequest/DeadLetters');
    expect(target.RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 20 });
  });

  test('send a rotation request to the same dead-letter queue after the function failed three times', () => {
    const invocations = ofType(own, 'AWS::Lambda::EventInvokeConfig').map(({ Properties }) => {
      const { OnFailure } = Object(Properties['DestinationConfig']);
      return [
        words(OnFailure.Destination),
        Properties['MaximumEventAgeInSeconds'],
        Properties['MaximumRetryAttempts'],
      ];
    });
    expect(invocations.sort()).toEqual([
      ['RotateOnRequest/DeadLetters', 3_600, 2],
      // A watcher that starts again or late has missed what it was to count.
      ['Watch/DeadLetters', 60, 0],
    ]);
  });

  test('are the only writers of that dead-letter queue, apart from the function', () => {
    const { Statement } = Object(
      named('AWS::SQS::QueuePolicy', 'RotateOnRequest/DeadLetters/Policy').Properties['PolicyDocument'],
    );
    const [allowed, ...more] = Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Allow');
    expect(more).toEqual([]);
    expect(allowed).toMatchObject({
      Action: 'sqs:SendMessage',
      Principal: { Service: 'events.amazonaws.com' },
    });
    expect(words(allowed.Condition.ArnEquals['aws:SourceArn'])).toBe('RotateOnRequest/Rule');
  });

  test('may call the function only through EventBridge and this rule', () => {
    const permits = ofType(own, 'AWS::Lambda::Permission').map(({ Properties }) => [
      Properties['Principal'],
      words(Properties['FunctionName']),
      words(Properties['SourceArn']),
    ]);
    expect(permits).toEqual([
      ['events.amazonaws.com', 'RotateOnRequest/Broker/Function', 'RotateOnRequest/Rule'],
      ['events.amazonaws.com', 'Sweeper/Broker/Function', 'Sweeper/Schedule'],
      ['events.amazonaws.com', 'RetireModels/Broker/Function', 'RetireModels/Schedule'],
      ['events.amazonaws.com', 'Reconcile/Broker/Function', 'Reconcile/Schedule'],
      ['events.amazonaws.com', 'Heartbeat/Broker/Function', 'Heartbeat/Schedule'],
    ]);
  });
});

describe('outgoing mail', () => {
  const sending = (template: StackTemplate) =>
    ofType(template, 'AWS::IAM::Role').filter(({ Properties }) =>
      JSON.stringify(Properties).includes('ses:'),
    );

  test('is sent by no function of a stage without a sender', () => {
    expect(Object.values(templates).flatMap(sending)).toEqual([]);
  });

  test('is sent only by notices, from the one sender of the stage', () => {
    const alertMail = { sender: 'alerts@example.com', identity: 'example.com' };
    const { audit } = exampleApp({ settings: { region: 'eu-central-1', alertMail } });
    const [role, ...more] = sending(templateOf(audit));
    expect(more).toEqual([]);
    const [{ PolicyDocument }] = Object(role?.Properties['Policies']);
    const statement = PolicyDocument.Statement.find(
      ({ Action }: { Action: unknown }) => Action === 'ses:SendEmail',
    );
    expect(statement).toMatchObject({
      Effect: 'Allow',
      Condition: { StringEquals: { 'ses:FromAddress': 'alerts@example.com' } },
    });
    expect(JSON.stringify(statement.Resource)).toContain('identity/example.com');
  });
});
