import { dynamoDbCallRecords, dynamoDbEndOrders } from '../adapters/aws/calls/dynamodb-calls.ts';
import { dynamoDbLiveReader } from '../adapters/aws/calls/dynamodb-live.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../adapters/aws/clients.ts';
import { dynamoDbKeyFacts } from '../adapters/aws/keys/dynamodb-key-facts.ts';
import { dynamoDbKeyActivity, dynamoDbKeys } from '../adapters/aws/keys/dynamodb-keys.ts';
import { kmsKeySealer } from '../adapters/aws/keys/kms-key-sealer.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import { dynamoDbRateLimiter } from '../adapters/aws/sessions/dynamodb-rate-limiter.ts';
import { kmsPseudonyms } from '../adapters/aws/sessions/kms-pseudonyms.ts';
import { dynamoDbApiTokenReader } from '../adapters/aws/tenancy/dynamodb-api-tokens.ts';
import { dynamoDbTenancy } from '../adapters/aws/tenancy/dynamodb-tenancy.ts';
import { openAiHttp } from '../adapters/openai/openai-http.ts';
import { openAiCalls, PROBE_CALL_TIMEOUTS } from '../adapters/openai/realtime-calls.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { KEYS_ROUTES } from '../contract/routes/keys.ts';
import { TABLES } from '../contract/tables.ts';
import { DEFAULT_RATE_LIMITS } from '../domain/limits.ts';
import { keysEndpoints } from '../http/endpoints/keys-endpoints.ts';
import { type HttpHandler, httpHandler } from '../http/http-handler.ts';
import { auditEventFactory } from '../use-cases/audit/audit-event-factory.ts';
import { callEnder } from '../use-cases/calls/end-live-calls.ts';
import { endSession } from '../use-cases/calls/end-session.ts';
import { keepingForCalls } from '../use-cases/calls/keep-for-calls.ts';
import { deleteOpenAiKey } from '../use-cases/keys/delete-openai-key.ts';
import { listKeyVersions } from '../use-cases/keys/list-key-versions.ts';
import { listOpenAiKeys } from '../use-cases/keys/list-openai-keys.ts';
import { rollBackOpenAiKey } from '../use-cases/keys/roll-back-openai-key.ts';
import { storeOpenAiKey } from '../use-cases/keys/store-openai-key.ts';
import { switchOpenAiKey } from '../use-cases/keys/switch-openai-key.ts';
import { viewOpenAiKey } from '../use-cases/keys/view-openai-key.ts';
import { archiveSite } from '../use-cases/tenancy/archive-site.ts';
import { deleteWorkspace } from '../use-cases/tenancy/delete-workspace.ts';
import { httpDeps } from './http-deps.ts';
import { keyMarksOf } from './key-marks.ts';
import type { Runtime } from './runtime.ts';

/** The function that seals and shreds keys. It has no way to open one. */
export const keysHandler = (environment: EnvironmentOf<'keys'>, runtime: Runtime): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, runtime.metrics);
  const kms = kmsClient(environment, runtime.metrics);
  const pseudonyms = kmsPseudonyms(kmsDerivationKeys(kms, environment.DERIVATION_KEY_ARN));
  const retainSeconds = environment.KEY_RETENTION_HOURS * 3_600;
  const live = dynamoDbLiveReader(dynamoDb, environment.LIMITS_TABLE);
  const hangUps = sqsHangUps(sqsClient(environment, runtime.metrics), environment.HANGUP_QUEUE_URL);
  const calls = { clock: runtime.clock, live, hangUps };
  const ending = { ...calls, callEnder: callEnder(calls) };
  const tables = { sessions: environment.SESSIONS_TABLE, tenancy: environment.TENANCY_TABLE };
  const ports = {
    ...ending,
    backOff: runtime.backOff,
    records: {
      ...dynamoDbCallRecords(dynamoDb, tables.sessions),
      ...dynamoDbEndOrders(dynamoDb, tables),
    },
    auditEvents: auditEventFactory({ ...runtime, pseudonyms }),
    retainSeconds,
    tenancy: dynamoDbTenancy(dynamoDb, {
      name: environment.TENANCY_TABLE,
      indexName: TABLES.tenancy.index.name,
      writer: 'keys',
    }),
    keys: keepingForCalls(
      dynamoDbKeys(
        dynamoDb,
        { keys: environment.KEYS_TABLE, tenancy: environment.TENANCY_TABLE, writer: 'keys' },
        keyMarksOf(environment, kms, runtime.log),
      ),
      ending,
    ),
    activity: dynamoDbKeyActivity(dynamoDb, environment.SESSIONS_TABLE),
    limiter: dynamoDbRateLimiter(dynamoDb, environment.LIMITS_TABLE),
    openAi: openAiHttp(environment.OPENAI_BASE_URL, runtime.metrics),
    calls: openAiCalls(environment.OPENAI_BASE_URL, runtime.metrics, PROBE_CALL_TIMEOUTS),
    sealer: kmsKeySealer(
      kms,
      { masterKeyArn: environment.MASTER_KEY_ARN, fingerprintKeyArn: environment.FINGERPRINT_KEY_ARN },
      runtime.random,
    ),
  };
  return httpHandler(
    KEYS_ROUTES,
    keysEndpoints({
      viewOpenAiKey: viewOpenAiKey(ports),
      storeOpenAiKey: storeOpenAiKey(ports, DEFAULT_RATE_LIMITS),
      deleteOpenAiKey: deleteOpenAiKey(ports),
      rollBackOpenAiKey: rollBackOpenAiKey(ports, retainSeconds),
      listKeyVersions: listKeyVersions(ports),
      listOpenAiKeys: listOpenAiKeys({
        ...ports,
        states: dynamoDbKeyFacts(dynamoDb, environment.KEYS_TABLE),
      }),
      switchOpenAiKey: switchOpenAiKey(ports),
      deleteWorkspace: deleteWorkspace(ports),
      archiveSite: archiveSite(ports),
      endSession: endSession(ports),
    }),
    httpDeps(environment, runtime, dynamoDbApiTokenReader(dynamoDb, environment.TENANCY_TABLE)),
  );
};
