import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbAudit } from '../../adapters/aws/dynamodb-audit.ts';
import { kmsChainKeys } from '../../adapters/aws/kms-deriver.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import { auditEventOf } from '../../adapters/aws/stream-events.ts';
import type { ProjectorEnvironment } from '../../contract/environment.ts';
import { auditProjector, type StreamHandler } from '../../streams/audit-projector.ts';
import { appendAuditEvent } from '../../use-cases/append-audit-event.ts';
import type { World } from './world.ts';

/** Turns the streams of tenancy, keys and sessions into the audit trail. It can add rows and nothing else. */
export const projectorHandler = (
  environment: ProjectorEnvironment,
  { log }: Pick<World, 'log'>,
): StreamHandler =>
  auditProjector({
    eventOf: auditEventOf,
    append: appendAuditEvent({
      audit: dynamoDbAudit(dynamoDbClient(environment), environment.AUDIT_TABLE),
      chainKeys: kmsChainKeys(kmsRoots(kmsClient(environment), environment.AUDIT_KEY_ARN)),
    }),
    log,
  });
