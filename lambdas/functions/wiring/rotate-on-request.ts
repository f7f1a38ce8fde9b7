import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbWorkspaces } from '../../adapters/aws/dynamodb-anomalies.ts';
import { dynamoDbKeys } from '../../adapters/aws/dynamodb-keys.ts';
import { dynamoDbMembership } from '../../adapters/aws/dynamodb-membership.ts';
import { dynamoDbSessions } from '../../adapters/aws/dynamodb-sessions.ts';
import { kmsKeyOpener } from '../../adapters/aws/kms-key-opener.ts';
import { kmsKeySealer } from '../../adapters/aws/kms-key-sealer.ts';
import { rotationRequestIn } from '../../adapters/aws/rotation-event.ts';
import type { RotateOnRequestEnvironment } from '../../contract/environment.ts';
import { type RotationEventHandler, rotationRequests } from '../../streams/rotation-requests.ts';
import { reencryptOnRequest } from '../../use-cases/reencrypt-on-request.ts';
import { metered, type World } from './world.ts';

/** Opens and seals, as `rotate` does, but answers to events alone: no route and no visitor reaches it. */
export const rotateOnRequestHandler = (
  environment: RotateOnRequestEnvironment,
  { clock, random, log, meter }: Pick<World, 'clock' | 'random' | 'log' | 'meter'>,
): RotationEventHandler => {
  const dynamoDb = dynamoDbClient(environment, meter);
  const kms = kmsClient(environment, meter);
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
      keys: dynamoDbKeys(dynamoDb, tables),
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
  return metered(rotate, meter);
};
