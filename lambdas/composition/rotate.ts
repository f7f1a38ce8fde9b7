import { dynamoDbClient, kmsClient } from '../adapters/aws/clients.ts';
import { dynamoDbKeyActivity, dynamoDbKeys } from '../adapters/aws/keys/dynamodb-keys.ts';
import { kmsKeyOpener } from '../adapters/aws/keys/kms-key-opener.ts';
import { kmsKeySealer } from '../adapters/aws/keys/kms-key-sealer.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import { dynamoDbSessions } from '../adapters/aws/sessions/dynamodb-sessions.ts';
import { kmsPseudonyms } from '../adapters/aws/sessions/kms-pseudonyms.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { ROTATE_ROUTES } from '../contract/routes/rotate.ts';
import { rotateEndpoints } from '../http/endpoints/rotate-endpoints.ts';
import { type HttpHandler, httpHandler } from '../http/http-handler.ts';
import { auditEventFactory } from '../use-cases/audit/audit-event-factory.ts';
import { reencryptOpenAiKey } from '../use-cases/keys/reencrypt-openai-key.ts';
import { httpDeps } from './http-deps.ts';
import { keyMarksOf } from './key-marks.ts';
import type { Runtime } from './runtime.ts';

/** The only function with a route that may both open and seal keys, and therefore does nothing else. */
export const rotateHandler = (environment: EnvironmentOf<'rotate'>, runtime: Runtime): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, runtime.metrics);
  const kms = kmsClient(environment, runtime.metrics);
  const pseudonyms = kmsPseudonyms(kmsDerivationKeys(kms, environment.DERIVATION_KEY_ARN));
  const tables = {
    keys: environment.KEYS_TABLE,
    tenancy: environment.TENANCY_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
  };
  const ports = {
    clock: runtime.clock,
    random: runtime.random,
    pseudonyms,
    auditEvents: auditEventFactory({ ...runtime, pseudonyms }),
    tenancy: dynamoDbMembership(dynamoDb, tables.tenancy),
    keys: dynamoDbKeys(dynamoDb, { ...tables, writer: 'rotate' }, keyMarksOf(environment, kms, runtime.log)),
    activity: dynamoDbKeyActivity(dynamoDb, tables.sessions),
    sessions: dynamoDbSessions(dynamoDb, tables.sessions),
    opener: kmsKeyOpener(kms, [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS]),
    sealer: kmsKeySealer(
      kms,
      { masterKeyArn: environment.MASTER_KEY_ARN, fingerprintKeyArn: environment.FINGERPRINT_KEY_ARN },
      runtime.random,
    ),
  };
  return httpHandler(
    ROTATE_ROUTES,
    rotateEndpoints({ reencryptOpenAiKey: reencryptOpenAiKey(ports) }),
    httpDeps(environment, runtime),
  );
};
