import { randomBytes } from 'node:crypto';
import { dynamoDbLiveWorkspaces } from '../../lambdas/adapters/aws/calls/dynamodb-live-workspaces.ts';
import { sqsHangUps } from '../../lambdas/adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeys } from '../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { keyMarks } from '../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsKeySealer } from '../../lambdas/adapters/aws/keys/kms-key-sealer.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { openAiHttp } from '../../lambdas/adapters/openai/openai-http.ts';
import { openAiCalls } from '../../lambdas/adapters/openai/realtime-calls.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import { storePlatformKey } from '../../lambdas/use-cases/keys/store-platform-key.ts';
import { operatorAuditEvents } from '../../tools/operator/operator.ts';
import type { TestStack } from './stack.ts';

/** The operator's ports for the platform key, and a function that closes them. */
export const platformKeyPorts = ({ variables }: Pick<TestStack, 'variables'>) => {
  const environment = parseEnvironment(ENVIRONMENTS.keys, variables);
  const { MASTER_KEY_ARN: masterKeyArn, FINGERPRINT_KEY_ARN: fingerprintKeyArn } = environment;
  const dynamoDb = dynamoDbClient(environment);
  const kms = kmsClient(environment);
  const sqs = sqsClient(environment);
  const ports = {
    keys: dynamoDbKeys(
      dynamoDb,
      { keys: environment.KEYS_TABLE, tenancy: environment.TENANCY_TABLE, writer: 'platform-key' },
      keyMarks(kmsDerivationKeys(kms, environment.MARKS_KEY_ARN)),
    ),
    sealer: kmsKeySealer(kms, { masterKeyArn, fingerprintKeyArn }, randomBytes),
    openAi: openAiHttp(environment.OPENAI_BASE_URL),
    calls: openAiCalls(environment.OPENAI_BASE_URL),
    workspaces: dynamoDbLiveWorkspaces(dynamoDb, environment.LIMITS_TABLE),
    hangUps: sqsHangUps(sqs, environment.HANGUP_QUEUE_URL),
    clock: () => new Date(),
    backOff: async () => undefined,
    auditEvents: operatorAuditEvents,
    retainSeconds: environment.KEY_RETENTION_HOURS * 3_600,
  };
  const close = (): void => {
    for (const client of [dynamoDb, kms, sqs]) client.destroy();
  };
  return { ports, close };
};

/** Stores the platform key as the operator's command does. */
export const putPlatformKey = async (stack: Pick<TestStack, 'variables'>, key: string): Promise<void> => {
  const { ports, close } = platformKeyPorts(stack);
  try {
    await storePlatformKey(ports)(key, { sub: 'operator', sourceIp: '' });
  } finally {
    close();
  }
};
