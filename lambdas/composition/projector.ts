import { dynamoDbAudit } from '../adapters/aws/audit/dynamodb-audit.ts';
import { kmsChainKeys } from '../adapters/aws/audit/kms-chain-keys.ts';
import { auditEventOf } from '../adapters/aws/audit/stream-events.ts';
import { dynamoDbClient, kmsClient } from '../adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { auditProjector } from '../streams/audit-projector.ts';
import type { StreamHandler } from '../streams/stream-handler.ts';
import { appendAuditEvent } from '../use-cases/audit/append-audit-event.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/** Turns the streams of tenancy, keys and sessions into the audit trail. It can only add rows. */
export const projectorHandler = (
  environment: EnvironmentOf<'projector'>,
  { backOff, log, metrics }: Pick<Runtime, 'backOff' | 'log' | 'metrics'>,
): StreamHandler => {
  const append = appendAuditEvent({
    audit: dynamoDbAudit(dynamoDbClient(environment, metrics), environment.AUDIT_TABLE),
    chainKeys: kmsChainKeys(kmsDerivationKeys(kmsClient(environment, metrics), environment.AUDIT_KEY_ARN)),
    backOff,
  });
  const project = auditProjector({
    eventOf: auditEventOf,
    append: async (event) => {
      const outcome = await append(event);
      if (event.type === 'service.heartbeat') metrics.recordHeartbeat();
      if (outcome === 'appended' && 'kms_request_id' in event.facts) metrics.recordAuditedDecrypt();
      return outcome;
    },
    log,
  });
  return flushingMetrics(project, metrics);
};
