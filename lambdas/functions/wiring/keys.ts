import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbKeyActivity, dynamoDbKeys } from '../../adapters/aws/dynamodb-keys.ts';
import { dynamoDbRateLimiter } from '../../adapters/aws/dynamodb-limits.ts';
import { dynamoDbTenancy } from '../../adapters/aws/dynamodb-tenancy.ts';
import { kmsDeriver } from '../../adapters/aws/kms-deriver.ts';
import { kmsKeySealer } from '../../adapters/aws/kms-key-sealer.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import { openAiHttp } from '../../adapters/openai/openai-http.ts';
import type { KeysEnvironment } from '../../contract/environment.ts';
import { TABLES } from '../../contract/tables.ts';
import { DEFAULT_RATE_LIMITS } from '../../domain/limits.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { keysEndpoints } from '../../http/keys-endpoints.ts';
import { archiveSite } from '../../use-cases/archive-site.ts';
import { deleteOpenAiKey } from '../../use-cases/delete-openai-key.ts';
import { deleteWorkspace } from '../../use-cases/delete-workspace.ts';
import { journal } from '../../use-cases/journal.ts';
import { listKeyVersions } from '../../use-cases/list-key-versions.ts';
import { rollBackOpenAiKey } from '../../use-cases/roll-back-openai-key.ts';
import { storeOpenAiKey } from '../../use-cases/store-openai-key.ts';
import { switchOpenAiKey } from '../../use-cases/switch-openai-key.ts';
import { viewOpenAiKey } from '../../use-cases/view-openai-key.ts';
import { httpPorts } from './http-ports.ts';
import type { World } from './world.ts';

/** The function that seals and shreds keys. It has no way to open one. */
export const keysHandler = (environment: KeysEnvironment, world: World): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, world.meter);
  const kms = kmsClient(environment, world.meter);
  const deriver = kmsDeriver(kmsRoots(kms, environment.DERIVATION_KEY_ARN));
  const retainSeconds = environment.KEY_RETENTION_HOURS * 3_600;
  const ports = {
    clock: world.clock,
    journal: journal({ ...world, deriver }),
    retainSeconds,
    tenancy: dynamoDbTenancy(dynamoDb, {
      name: environment.TENANCY_TABLE,
      indexName: TABLES.tenancy.index.name,
    }),
    keys: dynamoDbKeys(dynamoDb, {
      keys: environment.KEYS_TABLE,
      tenancy: environment.TENANCY_TABLE,
    }),
    activity: dynamoDbKeyActivity(dynamoDb, environment.SESSIONS_TABLE),
    limiter: dynamoDbRateLimiter(dynamoDb, environment.LIMITS_TABLE),
    openAi: openAiHttp(environment.OPENAI_BASE_URL, world.meter),
    sealer: kmsKeySealer(
      kms,
      { masterKeyArn: environment.MASTER_KEY_ARN, fingerprintKeyArn: environment.FINGERPRINT_KEY_ARN },
      world.random,
    ),
  };
  return httpHandler(
    keysEndpoints({
      viewOpenAiKey: viewOpenAiKey(ports),
      storeOpenAiKey: storeOpenAiKey(ports, DEFAULT_RATE_LIMITS),
      deleteOpenAiKey: deleteOpenAiKey(ports),
      rollBackOpenAiKey: rollBackOpenAiKey(ports, retainSeconds),
      listKeyVersions: listKeyVersions(ports),
      switchOpenAiKey: switchOpenAiKey(ports),
      deleteWorkspace: deleteWorkspace(ports),
      archiveSite: archiveSite(ports),
    }),
    httpPorts(environment, world),
  );
};
