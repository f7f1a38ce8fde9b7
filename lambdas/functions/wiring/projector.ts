import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbAudit } from '../../adapters/aws/dynamodb-audit.ts';
import { kmsChainKeys } from '../../adapters/aws/kms-deriver.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import { auditEventOf } from '../../adapters/aws/stream-events.ts';
import type { ProjectorEnvironment } from '../../contract/environment.ts';
import { auditProjector, type StreamHandler } from '../../streams/audit-projector.ts';
import { appendAuditEvent } from '../../use-cases/append-audit-event.ts';
import { metered, type World } from './world.ts';

/** Turns the streams of tenancy, keys and sessions into the audit trail. It can add rows and nothing else. */
export const projectorHandler = (
  environment: ProjectorEnvironment,
  { backOff, log, meter }: Pick<World, 'backOff' | 'log' | 'meter'>,
): StreamHandler => {
  const append = appendAuditEvent({
    audit: dynamoDbAudit(dynamoDbClient(environment, meter), environment.AUDIT_TABLE),
    chainKeys: kmsChainKeys(kmsRoots(kmsClient(environment, meter), environment.AUDIT_KEY_ARN)),
    backOff,
  });
  const project = auditProjector({
    eventOf: auditEventOf,
    append: async (event) => {
      const outcome = await append(event);
      if (outcome === 'appended' && 'kms_request_id' in event.facts) meter.decryptRecorded();
      return outcome;
    },
    log,
  });
  return metered(project, meter);
};
