import { budgetChangeOfRecord } from '../adapters/aws/anomalies/budget-change-of-record.ts';
import { tenancyChangeOfRecord } from '../adapters/aws/anomalies/change-of-record.ts';
import { dynamoDbAnomalies } from '../adapters/aws/anomalies/dynamodb-anomalies.ts';
import {
  dynamoDbKeyExaminer,
  dynamoDbOutboxReader,
  dynamoDbTamperings,
} from '../adapters/aws/anomalies/dynamodb-tampering.ts';
import { keyOfRecord } from '../adapters/aws/anomalies/key-of-record.ts';
import { keyUsageEventsOf } from '../adapters/aws/anomalies/key-usage-events.ts';
import { foreignEventOf, outboxEventOf } from '../adapters/aws/audit/stream-events.ts';
import { dynamoDbBudgetReader } from '../adapters/aws/budgets/dynamodb-budget-reader.ts';
import { dynamoDbLiveReader } from '../adapters/aws/calls/dynamodb-live.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../adapters/aws/clients.ts';
import { dynamoDbKeyActivity, dynamoDbKeys } from '../adapters/aws/keys/dynamodb-keys.ts';
import { keyUsedOf } from '../adapters/aws/keys/key-used-of-record.ts';
import { sqsNotices } from '../adapters/aws/notices/notice-message.ts';
import { noticeOfRecord } from '../adapters/aws/notices/notices-of-record.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import { dynamoDbWorkspaces } from '../adapters/aws/tenancy/dynamodb-workspaces.ts';
import { dynamoDbDayUsage } from '../adapters/aws/usage/dynamodb-day-usage.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import type { Tampering } from '../domain/anomalies/tampering.ts';
import { siteNoticeOf } from '../domain/notices/site-notice.ts';
import { planNoticeOf } from '../domain/tenancy/plan-notice.ts';
import { anomalyDetector } from '../streams/anomaly-detector.ts';
import { examineRecord } from '../streams/examine-record.ts';
import type { StreamHandler } from '../streams/stream-handler.ts';
import { examineKey } from '../use-cases/anomalies/examine-key.ts';
import { explainBudgetChange } from '../use-cases/anomalies/explain-budget-change.ts';
import { explainChange } from '../use-cases/anomalies/explain-change.ts';
import { reportForeignEvent } from '../use-cases/anomalies/report-foreign-event.ts';
import { watchKeyUse } from '../use-cases/anomalies/watch-key-use.ts';
import { callEnder } from '../use-cases/calls/end-live-calls.ts';
import { noteKeyUse } from '../use-cases/keys/note-key-use.ts';
import type { IncidentAnnouncer, TamperingAnnouncer } from '../use-cases/ports/anomalies.ts';
import type { RotationRequests } from '../use-cases/ports/keys.ts';
import type { NoticeAnnouncer } from '../use-cases/ports/usage.ts';
import { keyMarksOf } from './key-marks.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/**
 * Watches the stream of sessions, notes when each key was last used, examines keys that were written, and sends the notices that it finds in the outbox. It can
 * switch a key off and ask for a rotation; it holds no KMS permission on the master key. `outside` is EventBridge when deployed and a recorder in the local run.
 */
export const detectorHandler = (
  environment: EnvironmentOf<'detector'>,
  { clock, random, backOff, log, metrics }: Pick<Runtime, 'clock' | 'random' | 'backOff' | 'log' | 'metrics'>,
  outside: IncidentAnnouncer & TamperingAnnouncer & NoticeAnnouncer & RotationRequests,
): StreamHandler => {
  const dynamoDb = dynamoDbClient(environment, metrics);
  const tables = {
    tenancy: environment.TENANCY_TABLE,
    keys: environment.KEYS_TABLE,
    limits: environment.LIMITS_TABLE,
    usage: environment.USAGE_TABLE,
  };
  const sqs = sqsClient(environment, metrics);
  const notices = sqsNotices(sqs, environment.NOTICE_QUEUE_URL);
  const marks = keyMarksOf(environment, kmsClient(environment, metrics), log);
  const tamperingPorts = {
    clock,
    tamperings: dynamoDbTamperings(dynamoDb, tables.tenancy),
    announcer: outside,
    onTampering: ({ kind, workspaceId, incidentId }: Tampering) =>
      log.error('tampering detected', { kind, workspace_id: workspaceId, incident_id: incidentId }),
  };
  const outbox = dynamoDbOutboxReader(dynamoDb, tables.tenancy);
  const workspaces = dynamoDbWorkspaces(dynamoDb, tables.tenancy);
  const examine = examineRecord({
    keyOf: keyOfRecord,
    changeOf: tenancyChangeOfRecord,
    budgetChangeOf: (record) => budgetChangeOfRecord(record, clock()),
    foreignEventOf,
    examineKey: examineKey({ ...tamperingPorts, examiner: dynamoDbKeyExaminer(dynamoDb, tables, marks) }),
    explainChange: explainChange({ ...tamperingPorts, outbox }),
    explainBudgetChange: explainBudgetChange({
      ...tamperingPorts,
      outbox,
      workspaces,
      budgets: dynamoDbBudgetReader(dynamoDb, tables),
      usage: dynamoDbDayUsage(dynamoDb, tables.usage),
    }),
    reportForeignEvent: reportForeignEvent(tamperingPorts),
  });
  const watch = watchKeyUse({
    clock,
    random,
    backOff,
    records: dynamoDbAnomalies(dynamoDb, tables),
    workspaces,
    sites: dynamoDbMembership(dynamoDb, tables.tenancy),
    keys: dynamoDbKeys(dynamoDb, { ...tables, writer: 'detector' }, marks),
    callEnder: callEnder({
      clock,
      live: dynamoDbLiveReader(dynamoDb, tables.limits),
      hangUps: sqsHangUps(sqs, environment.HANGUP_QUEUE_URL),
    }),
    announcer: outside,
    rotations: outside,
    onBegun: (incidents) => {
      metrics.recordIncidents(incidents.length);
      log.warn('anomaly detected', {
        workspace_id: incidents[0]?.workspaceId,
        incidents: incidents.length,
      });
    },
  });
  const detect = anomalyDetector({
    sightingsOf: keyUsageEventsOf,
    noticeOf: (record) => {
      const event = outboxEventOf(record);
      return event && (planNoticeOf(event) ?? siteNoticeOf(event));
    },
    announceNotice: outside.announceNotice,
    webhookNoticeOf: noticeOfRecord,
    sendNotice: (notice) => notices.send({ kind: 'notice', notice }),
    examine: async (record) => {
      await examine(record);
      if (outboxEventOf(record)?.type === 'service.heartbeat') metrics.recordHeartbeat();
    },
    watch,
    keyUsedOf,
    noteKeyUse: noteKeyUse({ activity: dynamoDbKeyActivity(dynamoDb, environment.SESSIONS_TABLE), backOff }),
    log,
  });
  return flushingMetrics(detect, metrics);
};
