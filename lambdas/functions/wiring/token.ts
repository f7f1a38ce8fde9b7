import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbAdmission } from '../../adapters/aws/dynamodb-admission.ts';
import { dynamoDbKeys } from '../../adapters/aws/dynamodb-keys.ts';
import { dynamoDbRateLimiter } from '../../adapters/aws/dynamodb-limits.ts';
import { dynamoDbMembership } from '../../adapters/aws/dynamodb-membership.ts';
import { dynamoDbMeters } from '../../adapters/aws/dynamodb-meters.ts';
import { dynamoDbErrors, dynamoDbSessions } from '../../adapters/aws/dynamodb-sessions.ts';
import { dynamoDbSlots } from '../../adapters/aws/dynamodb-slots.ts';
import { dynamoDbTokenContext } from '../../adapters/aws/dynamodb-token-context.ts';
import { kmsDeriver } from '../../adapters/aws/kms-deriver.ts';
import { kmsKeyOpener } from '../../adapters/aws/kms-key-opener.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import { openAiHttp } from '../../adapters/openai/openai-http.ts';
import type { TokenEnvironment } from '../../contract/environment.ts';
import { TABLES } from '../../contract/tables.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../../domain/limits.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { tokenEndpoints } from '../../http/token-endpoints.ts';
import { answerPreflight } from '../../use-cases/answer-preflight.ts';
import { mintToken } from '../../use-cases/mint-token.ts';
import { testOpenAiKey } from '../../use-cases/test-openai-key.ts';
import { httpPorts } from './http-ports.ts';
import type { World } from './world.ts';

/** The function that can decrypt, and nothing that it does not need. */
export const tokenHandler = (environment: TokenEnvironment, world: World): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, world.meter);
  const kms = kmsClient(environment, world.meter);
  const tables = {
    tenancy: environment.TENANCY_TABLE,
    keys: environment.KEYS_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
    usage: environment.USAGE_TABLE,
  };
  const tenancy = dynamoDbMembership(dynamoDb, tables.tenancy);
  const deriver = kmsDeriver(kmsRoots(kms, environment.DERIVATION_KEY_ARN));
  // Not awaited: while the container starts, KMS may already answer. A request waits only for what it needs.
  void deriver.warmUp(world.clock());
  const rateLimits: RateLimits = {
    ...DEFAULT_RATE_LIMITS,
    perIp: { perMinute: environment.IP_LIMIT_PER_MINUTE, perSecond: environment.IP_LIMIT_PER_SECOND },
    perSite: { perMinute: environment.SITE_LIMIT_PER_MINUTE },
  };
  const ports = {
    clock: world.clock,
    random: world.random,
    backOff: world.backOff,
    deriver,
    limiter: dynamoDbRateLimiter(dynamoDb, tables.limits),
    contexts: dynamoDbTokenContext(dynamoDb, tables),
    admissions: dynamoDbAdmission(dynamoDb, tables),
    sessions: dynamoDbSessions(dynamoDb, tables.sessions),
    slots: dynamoDbSlots(dynamoDb, tables.limits),
    meters: dynamoDbMeters(dynamoDb, { usage: tables.usage, dueIndex: TABLES.usage.index.name }),
    errors: dynamoDbErrors(dynamoDb, tables.sessions),
    opener: kmsKeyOpener(kms, [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS]),
    openAi: openAiHttp(environment.OPENAI_BASE_URL, world.meter),
    keys: dynamoDbKeys(dynamoDb, tables),
    tenancy,
  };
  return httpHandler(
    tokenEndpoints({
      answerPreflight: answerPreflight({ sites: tenancy }),
      mintToken: mintToken(ports, {
        rateLimits,
        plans: environment.PLANS,
        addressSlotPercent: environment.ADDRESS_SLOT_PERCENT,
        openAiTimeoutMs: environment.OPENAI_TIMEOUT_MS,
      }),
      testOpenAiKey: testOpenAiKey(ports, rateLimits),
    }),
    httpPorts(environment, world),
  );
};
