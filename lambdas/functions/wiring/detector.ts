import { anomalySightingsOf } from '../../adapters/aws/anomaly-sightings.ts';
import { dynamoDbClient } from '../../adapters/aws/clients.ts';
import { dynamoDbAnomalies, dynamoDbWorkspaces } from '../../adapters/aws/dynamodb-anomalies.ts';
import { dynamoDbKeys } from '../../adapters/aws/dynamodb-keys.ts';
import { dynamoDbMembership } from '../../adapters/aws/dynamodb-membership.ts';
import { outboxEventOf } from '../../adapters/aws/stream-events.ts';
import type { DetectorEnvironment } from '../../contract/environment.ts';
import { planNoticeOf } from '../../domain/plan-notice.ts';
import { anomalyDetector } from '../../streams/anomaly-detector.ts';
import type { StreamHandler } from '../../streams/audit-projector.ts';
import type { IncidentAnnouncer, NoticeAnnouncer, RotationRequests } from '../../use-cases/ports.ts';
import { watchKeyUse } from '../../use-cases/watch-key-use.ts';
import { metered, type World } from './world.ts';

/**
 * Watches the stream of sessions, and tells of notices that it finds in the outbox. It can switch a key off and ask for a
 * rotation; it holds no KMS permission on the master key. `outside` is EventBridge when deployed and a recorder in the local run.
 */
export const detectorHandler = (
  environment: DetectorEnvironment,
  { clock, random, backOff, log, meter }: Pick<World, 'clock' | 'random' | 'backOff' | 'log' | 'meter'>,
  outside: IncidentAnnouncer & NoticeAnnouncer & RotationRequests,
): StreamHandler => {
  const dynamoDb = dynamoDbClient(environment, meter);
  const tables = {
    tenancy: environment.TENANCY_TABLE,
    keys: environment.KEYS_TABLE,
    limits: environment.LIMITS_TABLE,
  };
  const watch = watchKeyUse({
    clock,
    random,
    backOff,
    records: dynamoDbAnomalies(dynamoDb, tables),
    workspaces: dynamoDbWorkspaces(dynamoDb, tables.tenancy),
    sites: dynamoDbMembership(dynamoDb, tables.tenancy),
    keys: dynamoDbKeys(dynamoDb, tables),
    announcer: outside,
    rotations: outside,
    onBegun: (incidents) => {
      meter.incidentsBegan(incidents.length);
      log.warn('anomaly detected', {
        workspace_id: incidents[0]?.workspaceId,
        incidents: incidents.length,
      });
    },
  });
  const detect = anomalyDetector({
    sightingsOf: anomalySightingsOf,
    noticeOf: (record) => {
      const event = outboxEventOf(record);
      return event && planNoticeOf(event);
    },
    announceNotice: outside.announceNotice,
    watch,
    log,
  });
  return metered(detect, meter);
};
