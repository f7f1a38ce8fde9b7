import { rotationRequestIn } from '../adapters/aws/anomalies/rotation-event.ts';
import { dynamoDbClient, kmsClient } from '../adapters/aws/clients.ts';
import { dynamoDbKeys } from '../adapters/aws/keys/dynamodb-keys.ts';
import { kmsKeyOpener } from '../adapters/aws/keys/kms-key-opener.ts';
import { kmsKeySealer } from '../adapters/aws/keys/kms-key-sealer.ts';
import { dynamoDbSessions } from '../adapters/aws/sessions/dynamodb-sessions.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import { dynamoDbWorkspaces } from '../adapters/aws/tenancy/dynamodb-workspaces.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { type RotationEventHandler, rotationRequests } from '../streams/rotation-requests.ts';
import { reencryptOnRequest } from '../use-cases/keys/reencrypt-on-request.ts';
import { keyMarksOf } from './key-marks.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/** Opens and seals keys, like `rotate`, but only for events: no route and no visitor can invoke it. */
export const rotateOnRequestHandler = (
  environment: EnvironmentOf<'rotate-on-request'>,
  { clock, random, log, metrics }: Pick<Runtime, 'clock' | 'random' | 'log' | 'metrics'>,
): RotationEventHandler => {
  const dynamoDb = dynamoDbClient(environment, metrics);
  const kms = kmsClient(environment, metrics);
  const tables = {
    keys: environment.KEYS_TABLE,
    tenancy: environment.TENANCY_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
  };
  const rotate = rotationRequests({
    requestIn: rotationRequestIn,
    reencrypt: reencryptOnRequest({
      clock,
      random,
      keys: dynamoDbKeys(
        dynamoDb,
        { ...tables, writer: 'rotate-on-request' },
        keyMarksOf(environment, kms, log),
      ),
      sites: dynamoDbMembership(dynamoDb, tables.tenancy),
      workspaces: dynamoDbWorkspaces(dynamoDb, tables.tenancy),
      sessions: dynamoDbSessions(dynamoDb, tables.sessions),
      opener: kmsKeyOpener(kms, [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS]),
      sealer: kmsKeySealer(
        kms,
        { masterKeyArn: environment.MASTER_KEY_ARN, fingerprintKeyArn: environment.FINGERPRINT_KEY_ARN },
        random,
      ),
    }),
    log,
  });
  return flushingMetrics(rotate, metrics);
};
