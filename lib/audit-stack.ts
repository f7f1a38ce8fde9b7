import { EventField, Schedule } from 'aws-cdk-lib/aws-events';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnElement, CfnOutput, Duration, Stack, type StackProps, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { EVENT_SOURCE, EVENTS } from '../lambdas/contract/events.ts';
import { through } from './conditions.ts';
import { AlarmTopic } from './constructs/alarm-topic.ts';
import { BrokerKey } from './constructs/broker-key.ts';
import { ChangeRules } from './constructs/change-rules.ts';
import type { NetworkPlace } from './constructs/egress-network.ts';
import { EventFunction } from './constructs/event-function.ts';
import { AccessLogBucket, EvidenceBucket } from './constructs/evidence-bucket.ts';
import { EvidenceTrail, trailArnOf } from './constructs/evidence-trail.ts';
import { HangUpFunction } from './constructs/hang-up-function.ts';
import { HANGUP_TIMEOUT } from './constructs/hang-up-queue.ts';
import { addKeyRules, keysIn } from './constructs/key-rules.ts';
import { MessageRule } from './constructs/message-rule.ts';
import { NoticeFunction } from './constructs/notice-function.ts';
import { NOTICES_TIMEOUT } from './constructs/notice-queue.ts';
import { NoticeRule } from './constructs/notice-rule.ts';
import { addCloudFrontRule } from './constructs/page-rules.ts';
import { Reconciliation } from './constructs/reconciliation.ts';
import { ScheduledFunction } from './constructs/scheduled-function.ts';
import { StreamFunction } from './constructs/stream-function.ts';
import { TamperRule } from './constructs/tamper-rule.ts';
import { WatchFunction } from './constructs/watch-function.ts';
import type { DataStack } from './data-stack.ts';
import { puttingEvents } from './event-bus.ts';
import { functionEnvironments } from './function-environments.ts';
import { evidenceKeyPolicy, noticesKeyPolicy } from './key-policies.ts';
import { roleArn } from './role-names.ts';
import { permissionsOf } from './role-permissions.ts';
import { EDGE_REGION, type StageConfig, usesCloudFront } from './stage-config.ts';
import { watcherStatements } from './watcher-uses.ts';

export interface AuditStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly network: NetworkPlace | undefined;
}

/**
 * Two records of what happened to keys, independent of each other: CloudTrail, written by AWS, and the audit trail, written by our
 * functions and copied out of their reach. It also has the functions that no request reaches: the detector, which watches the use of
 * keys, with the functions that it triggers, and the sweeper, which closes silent sessions. And it has the alarms for all of these.
 */
export class AuditStack extends Stack {
  /** The topic of every alarm in the stage. */
  readonly topic: AlarmTopic;
  /** Names of the dead-letter queues, by the function whose records they hold. */
  readonly deadLetterQueues: Readonly<Record<string, string>>;
  readonly logGroupNames: readonly string[];

  constructor(scope: Construct, id: string, { config, data, network, ...props }: AuditStackProps) {
    super(scope, id, { description: 'Spelo BYOK: audit trail, CloudTrail, detector and alarms', ...props });
    const { stage } = config;

    const evidenceKey = new BrokerKey(this, 'EvidenceKey', {
      alias: `alias/spelo-byok/${stage}/evidence`,
      usage: 'ENCRYPT_DECRYPT',
      description: 'Encrypts CloudTrail logs and the archive of the audit trail',
      policy: evidenceKeyPolicy(this, stage, trailArnOf(this, stage)),
    });
    const noticesKey = new BrokerKey(this, 'NoticesKey', {
      alias: `alias/spelo-byok/${stage}/notices`,
      usage: 'ENCRYPT_DECRYPT',
      description: 'Encrypts alarms and dead letters',
      policy: noticesKeyPolicy(this),
    });

    const accessLogs = new AccessLogBucket(this, 'AccessLogs', config.evidence);
    const evidence = { encryptionKey: evidenceKey, accessLogs, retention: config.evidence };
    const trailBucket = new EvidenceBucket(this, 'TrailBucket', evidence);
    const archive = new EvidenceBucket(this, 'ArchiveBucket', evidence);
    archive.addToResourcePolicy(refusingOverwrites(archive));
    const written = [data.tables.keys, data.tables.tenancy];
    const writtenTables = written.map(({ tableArn }) => tableArn);
    const trail = new EvidenceTrail(this, 'Trail', {
      stage,
      bucket: trailBucket,
      encryptionKey: evidenceKey,
      // A write in a stand-by region is replicated to the tables of the stage.
      writtenTables: [
        ...writtenTables,
        ...(config.multiRegion?.replicaRegions ?? []).flatMap((region) =>
          written.map(({ tableName }) =>
            this.formatArn({ service: 'dynamodb', region, resource: 'table', resourceName: tableName }),
          ),
        ),
      ],
      archive,
    });

    this.topic = new AlarmTopic(this, 'Alarms', {
      stage,
      encryptionKey: noticesKey,
      email: config.alarmEmail,
    });

    const { topic } = this;

    const environments = functionEnvironments(config, data);
    const streamFunction = {
      stage,
      topic,
      // Lambda assigns processor time by memory. The reason for this size, here and below: docs/performance.md,
      // "Functions".
      memoryMiB: 512,
      // A batch of 100 records, one after another, with calls that are retried.
      timeout: Duration.minutes(2),
      logRetention: config.logRetentionDays,
      queueKey: noticesKey,
      reservedConcurrencyOf: config.reservedConcurrency,
      network,
    };
    const projector = new StreamFunction(this, 'Projector', {
      ...streamFunction,
      functionName: 'projector',
      environment: environments.projector,
      permissions: permissionsOf(this, 'projector', data),
      sources: { Tenancy: data.tables.tenancy, Keys: data.tables.keys, Sessions: data.tables.sessions },
      impact: 'the newest events are missing from the audit trail that owners see; keys and sessions work.',
    });
    const archiver = new StreamFunction(this, 'Archiver', {
      ...streamFunction,
      memoryMiB: 256,
      functionName: 'archiver',
      environment: { STAGE: stage, ARCHIVE_BUCKET: archive.bucketName },
      permissions: [...permissionsOf(this, 'archiver', data), ...this.#archiving(archive, evidenceKey)],
      sources: { Audit: data.tables.audit },
      impact: 'new rows of the audit trail are not yet copied to the archive; owners see the whole trail.',
    });
    Validations.of(archiver).acknowledge({
      // cdk-nag names a resource by its logical id.
      id: `AwsSolutions-IAM5[Resource::<${logicalIdOf(archive)}.Arn>/audit/*]`,
      reason:
        'Each object is new and named by workspace and sequence; the function writes below audit/ and nowhere else.',
    });

    // The second reader of each stream. DynamoDB supports at most two concurrent readers.
    const detector = new StreamFunction(this, 'Detector', {
      ...streamFunction,
      functionName: 'detector',
      environment: environments.detector,
      permissions: [
        ...permissionsOf(this, 'detector', data),
        puttingEvents(
          this,
          Object.values(EVENTS).filter((type) => type !== EVENTS.recordsDiffer),
        ),
      ],
      sources: {
        Sessions: data.tables.sessions,
        Tenancy: data.tables.tenancy,
        Keys: data.tables.keys,
        Usage: data.tables.usage,
      },
      impact:
        'misuse of a key is noticed late or not at all, and no key is suspended; keys and sessions work.',
    });
    const rotateOnRequest = new EventFunction(this, 'RotateOnRequest', {
      ...streamFunction,
      memoryMiB: 256,
      functionName: 'rotate-on-request',
      timeout: Duration.seconds(30),
      environment: environments['rotate-on-request'],
      permissions: permissionsOf(this, 'rotate-on-request', data),
      eventPattern: { source: [EVENT_SOURCE], detailType: [EVENTS.rotationRequested] },
      runbook: 'Rotation on request gave up',
      impact: 'the key of an incident was not re-encrypted; sessions with it continue.',
    });
    new NoticeRule(this, 'AnomalousUse', {
      stage,
      topic,
      runbook: 'Anomalous use of a key',
      description: 'anomalous use of a key',
      eventPatterns: { '': { source: [EVENT_SOURCE], detailType: [EVENTS.anomalyDetected] } },
      impact:
        "an attacker may be spending a customer's money with an OpenAI key, or the key is suspended and visitors get no session.",
      because: 'every incident; the detector has already compared it with what is usual for that key.',
    });

    new NoticeRule(this, 'Tampering', {
      stage,
      topic,
      runbook: 'A table was changed past the product',
      description: 'changes of tables that the product did not make',
      eventPatterns: { '': { source: [EVENT_SOURCE], detailType: [EVENTS.tamperingDetected] } },
      impact: 'a key or a right may be in force that its owner has taken away, or a visitor gets no session.',
      because: 'each one counts; the product explains every change that it makes.',
    });

    new MessageRule(this, 'PlanThreshold', {
      topic,
      description: 'plan thresholds reached',
      eventPattern: { source: [EVENT_SOURCE], detailType: [EVENTS.planThresholdReached] },
      message: `Spelo BYOK ${stage}: workspace ${EventField.fromPath('$.detail.workspace_id')} has used ${EventField.fromPath('$.detail.percent')} % of the minutes of its plan ${EventField.fromPath('$.detail.plan')} in ${EventField.fromPath('$.detail.period')}.`,
    });

    new MessageRule(this, 'CheckDigests', {
      topic,
      description: 'reminder to check the CloudTrail digests',
      schedule: Schedule.cron({ minute: '0', hour: '8', day: '1' }),
      message: `Spelo BYOK ${stage}: check CloudTrail's digests of the last month. Set START to the day of the last check, then: aws cloudtrail validate-logs --region ${this.region} --trail-arn ${trail.arn} --start-time START (docs/audit.md, "Reconciling").`,
    });

    const sweeper = new ScheduledFunction(this, 'Sweeper', {
      functionName: 'sweeper',
      schedule: Schedule.rate(Duration.minutes(1)),
      stage,
      memoryMiB: 512,
      // A run that takes longer than its period would hide that it cannot keep up.
      timeout: Duration.seconds(55),
      environment: environments.sweeper,
      permissions: [...permissionsOf(this, 'sweeper', data), ...watcherStatements(this, 'sweeper', stage)],
      logRetention: config.logRetentionDays,
      reservedConcurrencyOf: config.reservedConcurrency,
      network,
    });

    const retireModels = new ScheduledFunction(this, 'RetireModels', {
      functionName: 'retire-models',
      // Four runs on the day before a model is shut down: after a failed run, another one still comes in time.
      schedule: Schedule.rate(Duration.hours(6)),
      stage,
      memoryMiB: 512,
      timeout: Duration.minutes(10),
      environment: environments['retire-models'],
      permissions: permissionsOf(this, 'retire-models', data),
      logRetention: config.logRetentionDays,
      reservedConcurrencyOf: config.reservedConcurrency,
      network,
    });

    const reconciliation = new Reconciliation(this, 'Reconcile', {
      stage,
      topic,
      trail: trailBucket,
      archive,
      evidenceKey,
      environment: environments.reconcile,
      permissions: permissionsOf(this, 'reconcile', data),
      logRetention: config.logRetentionDays,
      reservedConcurrencyOf: config.reservedConcurrency,
    });

    const heartbeat = new ScheduledFunction(this, 'Heartbeat', {
      functionName: 'heartbeat',
      schedule: Schedule.rate(Duration.minutes(5)),
      stage,
      memoryMiB: 256,
      timeout: Duration.seconds(30),
      environment: environments.heartbeat,
      permissions: permissionsOf(this, 'heartbeat', data),
      logRetention: config.logRetentionDays,
      reservedConcurrencyOf: config.reservedConcurrency,
    });

    const hangup = new HangUpFunction(this, 'Hangup', {
      source: data.hangUps,
      topic,
      stage,
      memoryMiB: 512,
      timeout: HANGUP_TIMEOUT,
      environment: environments.hangup,
      permissions: permissionsOf(this, 'hangup', data),
      logRetention: config.logRetentionDays,
      reservedConcurrencyOf: config.reservedConcurrency,
      network,
    });

    const watch = new WatchFunction(this, 'Watch', {
      functionName: 'watch',
      topic,
      queueKey: noticesKey,
      stage,
      memoryMiB: 512,
      // The maximum in Lambda; a watcher hands over before it ends.
      timeout: Duration.minutes(15),
      environment: environments.watch,
      permissions: [...permissionsOf(this, 'watch', data), ...watcherStatements(this, 'watch', stage)],
      logRetention: config.logRetentionDays,
      reservedConcurrencyOf: config.reservedConcurrency,
      network,
    });

    const notices = new NoticeFunction(this, 'Notices', {
      source: data.notices,
      topic,
      stage,
      memoryMiB: 512,
      timeout: NOTICES_TIMEOUT,
      environment: environments.notices,
      permissions: [...permissionsOf(this, 'notices', data), ...this.#mailing(config)],
      logRetention: config.logRetentionDays,
      reservedConcurrencyOf: config.reservedConcurrency,
      network,
    });

    const background = { projector, archiver, detector, 'rotate-on-request': rotateOnRequest, watch };
    this.deadLetterQueues = {
      ...Object.fromEntries(
        Object.entries(background).map(([name, { deadLetters }]) => [name, deadLetters.queueName]),
      ),
      hangup: data.hangUps.deadLetters.queueName,
      notices: data.notices.deadLetters.queueName,
    };
    this.logGroupNames = [
      ...Object.values(background),
      sweeper.broker,
      retireModels.broker,
      reconciliation.broker,
      heartbeat.broker,
      hangup,
      notices,
    ].map(({ logGroup }) => logGroup.logGroupName);

    const { master, checkpoints, ...deriving } = data.keys;
    addKeyRules(this, {
      stage,
      topic,
      groups: {
        Sealing: [master, ...keysIn(this.region, data.retiredMasterKeyArns)],
        Deriving: Object.values(deriving),
        Storing: [data.tablesKey, evidenceKey, noticesKey, checkpoints],
      },
    });
    new ChangeRules(this, 'Changes', {
      stage,
      topic,
      dataStack: data.stackName,
      writtenTables,
      evidence: [trailBucket.bucketName, archive.bucketName],
    });
    // In another region, the stack of changes in us-east-1 has this rule.
    if (this.region === EDGE_REGION && usesCloudFront(config)) addCloudFrontRule(this, { stage, topic });
    new NoticeRule(this, 'BreakGlass', {
      stage,
      topic,
      runbook: 'The break-glass role was assumed',
      description: 'uses of the break-glass role',
      eventPatterns: {
        '': {
          source: ['aws.sts'],
          detailType: ['AWS API Call via CloudTrail'],
          detail: {
            eventSource: ['sts.amazonaws.com'],
            eventName: ['AssumeRole'],
            requestParameters: { roleArn: [roleArn(this, stage, 'break-glass')] },
          },
        },
      },
      impact: 'a person can stop voice for every visitor and read tables and logs, but no key.',
      because: 'each use counts; in normal operation there is none.',
    });
    new TamperRule(this, 'TrailTampered', {
      stage,
      topic,
      runbook: 'CloudTrail was changed or stopped',
      source: 'cloudtrail',
      // The last two can leave a running trail without any events.
      eventNames: ['StopLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors'],
      about: {
        '': {
          requestParameters: {
            $or: [{ name: [trail.trailName, trail.arn] }, { trailName: [trail.trailName, trail.arn] }],
          },
        },
      },
      impact: 'AWS may not record uses of keys; only the audit trail of the application continues.',
    });

    this.exportValue(topic.topicArn);
    new CfnOutput(this, 'AlarmTopicArn', { value: topic.topicArn });
    new CfnOutput(this, 'TrailBucketName', { value: trailBucket.bucketName });
    new CfnOutput(this, 'ArchiveBucketName', { value: archive.bucketName });
  }

  #mailing({ alertMail }: StageConfig): readonly PolicyStatement[] {
    if (alertMail === undefined) return [];
    return [
      new PolicyStatement({
        actions: ['ses:SendEmail'],
        resources: [
          this.formatArn({ service: 'ses', resource: 'identity', resourceName: alertMail.identity }),
        ],
        conditions: { StringEquals: { 'ses:FromAddress': alertMail.sender } },
      }),
    ];
  }

  #archiving(archive: EvidenceBucket, evidenceKey: IKey): readonly PolicyStatement[] {
    return [
      new PolicyStatement({ actions: ['s3:PutObject'], resources: [archive.arnForObjects('audit/*')] }),
      new PolicyStatement({
        actions: ['kms:GenerateDataKey'],
        resources: [evidenceKey.keyArn],
        conditions: through(this, 's3'),
      }),
    ];
  }
}

/**
 * Refuses every put that could overwrite an object. Copies and uploads in parts are refused as well.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
 */
const refusingOverwrites = (archive: EvidenceBucket): PolicyStatement =>
  new PolicyStatement({
    sid: 'RefuseOverwrites',
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: ['s3:PutObject'],
    resources: [archive.arnForObjects('*')],
    conditions: { Null: { 's3:if-none-match': 'true' } },
  });

const logicalIdOf = ({ stack, node }: EvidenceBucket): string => {
  if (!CfnElement.isCfnElement(node.defaultChild))
    throw new Error(`${node.id} has no CloudFormation resource.`);
  return `${stack.resolve(stack.getLogicalId(node.defaultChild))}`;
};
