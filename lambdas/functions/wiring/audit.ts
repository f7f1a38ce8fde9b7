import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbAudit } from '../../adapters/aws/dynamodb-audit.ts';
import { dynamoDbMembership } from '../../adapters/aws/dynamodb-membership.ts';
import { kmsChainKeys } from '../../adapters/aws/kms-deriver.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import type { AuditEnvironment } from '../../contract/environment.ts';
import { auditEndpoints } from '../../http/audit-endpoints.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { listAuditTrail } from '../../use-cases/list-audit-trail.ts';
import { verifyAuditTrail } from '../../use-cases/verify-audit-trail.ts';
import { httpPorts } from './http-ports.ts';
import type { World } from './world.ts';

/** Reads and verifies the audit trail; writes nothing. */
export const auditHandler = (environment: AuditEnvironment, world: World): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, world.meter);
  const ports = {
    clock: world.clock,
    tenancy: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE),
    audit: dynamoDbAudit(dynamoDb, environment.AUDIT_TABLE),
    chainKeys: kmsChainKeys(kmsRoots(kmsClient(environment, world.meter), environment.AUDIT_KEY_ARN)),
  };
  return httpHandler(
    auditEndpoints({ listAuditTrail: listAuditTrail(ports), verifyAuditTrail: verifyAuditTrail(ports) }),
    httpPorts(environment, world),
  );
};
