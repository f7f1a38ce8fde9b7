import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbKeyActivity, dynamoDbKeys } from '../../adapters/aws/dynamodb-keys.ts';
import { dynamoDbMembership } from '../../adapters/aws/dynamodb-membership.ts';
import { dynamoDbSessions } from '../../adapters/aws/dynamodb-sessions.ts';
import { kmsDeriver } from '../../adapters/aws/kms-deriver.ts';
import { kmsKeyOpener } from '../../adapters/aws/kms-key-opener.ts';
import { kmsKeySealer } from '../../adapters/aws/kms-key-sealer.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import type { RotateEnvironment } from '../../contract/environment.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { rotateEndpoints } from '../../http/rotate-endpoints.ts';
import { journal } from '../../use-cases/journal.ts';
import { reencryptOpenAiKey } from '../../use-cases/reencrypt-openai-key.ts';
import { httpPorts } from './http-ports.ts';
import type { World } from './world.ts';

/** The one function that may both open and seal, and so holds nothing else. */
export const rotateHandler = (environment: RotateEnvironment, world: World): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, world.meter);
  const kms = kmsClient(environment, world.meter);
  const deriver = kmsDeriver(kmsRoots(kms, environment.DERIVATION_KEY_ARN));
  const tables = {
    keys: environment.KEYS_TABLE,
    tenancy: environment.TENANCY_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
  };
  const ports = {
    clock: world.clock,
    random: world.random,
    deriver,
    journal: journal({ ...world, deriver }),
    tenancy: dynamoDbMembership(dynamoDb, tables.tenancy),
    keys: dynamoDbKeys(dynamoDb, tables),
    activity: dynamoDbKeyActivity(dynamoDb, tables.sessions),
    sessions: dynamoDbSessions(dynamoDb, tables.sessions),
    opener: kmsKeyOpener(kms, [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS]),
    sealer: kmsKeySealer(
      kms,
      { masterKeyArn: environment.MASTER_KEY_ARN, fingerprintKeyArn: environment.FINGERPRINT_KEY_ARN },
      world.random,
    ),
  };
  return httpHandler(
    rotateEndpoints({ reencryptOpenAiKey: reencryptOpenAiKey(ports) }),
    httpPorts(environment, world),
  );
};
