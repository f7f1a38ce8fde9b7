import { dynamoDbAudit } from '../adapters/aws/audit/dynamodb-audit.ts';
import { kmsChainKeys } from '../adapters/aws/audit/kms-chain-keys.ts';
import { dynamoDbClient, kmsClient } from '../adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import { dynamoDbApiTokenReader } from '../adapters/aws/tenancy/dynamodb-api-tokens.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { AUDIT_ROUTES } from '../contract/routes/audit.ts';
import { auditEndpoints } from '../http/endpoints/audit-endpoints.ts';
import { type HttpHandler, httpHandler } from '../http/http-handler.ts';
import { listAuditTrail } from '../use-cases/audit/list-audit-trail.ts';
import { verifyAuditTrail } from '../use-cases/audit/verify-audit-trail.ts';
import { httpDeps } from './http-deps.ts';
import type { Runtime } from './runtime.ts';

/** Reads and verifies the audit trail. Writes only the last use of API tokens. */
export const auditHandler = (environment: EnvironmentOf<'audit'>, runtime: Runtime): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, runtime.metrics);
  const ports = {
    clock: runtime.clock,
    tenancy: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE),
    audit: dynamoDbAudit(dynamoDb, environment.AUDIT_TABLE),
    chainKeys: kmsChainKeys(
      kmsDerivationKeys(kmsClient(environment, runtime.metrics), environment.AUDIT_KEY_ARN),
    ),
  };
  return httpHandler(
    AUDIT_ROUTES,
    auditEndpoints({ listAuditTrail: listAuditTrail(ports), verifyAuditTrail: verifyAuditTrail(ports) }),
    httpDeps(environment, runtime, dynamoDbApiTokenReader(dynamoDb, environment.TENANCY_TABLE)),
  );
};
