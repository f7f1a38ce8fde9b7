import {
  dynamoDbCallIssuer,
  dynamoDbCallRecords,
  dynamoDbEndRequests,
} from '../adapters/aws/calls/dynamodb-calls.ts';
import { dynamoDbKeyUses } from '../adapters/aws/calls/dynamodb-key-uses.ts';
import { dynamoDbLive } from '../adapters/aws/calls/dynamodb-live.ts';
import { lambdaWatchers } from '../adapters/aws/calls/lambda-watchers.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, lambdaClient, sqsClient } from '../adapters/aws/clients.ts';
import { dynamoDbKeyReader } from '../adapters/aws/keys/dynamodb-keys.ts';
import { kmsKeyOpener } from '../adapters/aws/keys/kms-key-opener.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import { dynamoDbAdmission } from '../adapters/aws/sessions/dynamodb-admission.ts';
import { dynamoDbErrors } from '../adapters/aws/sessions/dynamodb-errors.ts';
import { dynamoDbRateLimiter } from '../adapters/aws/sessions/dynamodb-rate-limiter.ts';
import { dynamoDbSessionEnds } from '../adapters/aws/sessions/dynamodb-session-ends.ts';
import { dynamoDbSessionReader } from '../adapters/aws/sessions/dynamodb-session-reader.ts';
import { dynamoDbSessionUsage } from '../adapters/aws/sessions/dynamodb-session-usage.ts';
import { dynamoDbSessions } from '../adapters/aws/sessions/dynamodb-sessions.ts';
import { dynamoDbSlots } from '../adapters/aws/sessions/dynamodb-slots.ts';
import { dynamoDbTokenContext } from '../adapters/aws/sessions/dynamodb-token-context.ts';
import { kmsPseudonyms } from '../adapters/aws/sessions/kms-pseudonyms.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import { joseEmbedTokens } from '../adapters/oidc/embed-tokens.ts';
import { openAiHttp } from '../adapters/openai/openai-http.ts';
import { openAiCalls, PROBE_CALL_TIMEOUTS } from '../adapters/openai/realtime-calls.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { TOKEN_ROUTES } from '../contract/routes/token.ts';
import { TABLES } from '../contract/tables.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../domain/limits.ts';
import { tokenEndpoints } from '../http/endpoints/token-endpoints.ts';
import { type HttpHandler, httpHandler } from '../http/http-handler.ts';
import { openCall } from '../use-cases/calls/open-call.ts';
import { testOpenAiKey } from '../use-cases/keys/test-openai-key.ts';
import { answerPreflight } from '../use-cases/sessions/answer-preflight.ts';
import { mintToken } from '../use-cases/sessions/mint-token.ts';
import { reportRefusedOrigin } from '../use-cases/tenancy/report-refused-origin.ts';
import { httpDeps } from './http-deps.ts';
import { keyMarksOf } from './key-marks.ts';
import { recordingKeyFailures } from './recording-key-failures.ts';
import { type Runtime, realPause } from './runtime.ts';

/** One of the functions that can decrypt (lib/key-uses.ts). It has only the dependencies that it needs. */
export const tokenHandler = (environment: EnvironmentOf<'token'>, runtime: Runtime): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, runtime.metrics);
  const kms = kmsClient(environment, runtime.metrics);
  const tables = {
    tenancy: environment.TENANCY_TABLE,
    keys: environment.KEYS_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
    usage: environment.USAGE_TABLE,
  };
  const tenancy = dynamoDbMembership(dynamoDb, tables.tenancy);
  const pseudonyms = kmsPseudonyms(kmsDerivationKeys(kms, environment.DERIVATION_KEY_ARN));
  // Not awaited, so that KMS can answer while the container starts. A request waits only for the roots that it needs.
  void pseudonyms.warmUp(runtime.clock());
  const marks = keyMarksOf(environment, kms, runtime.log);
  void marks.warmUp();
  const rateLimits: RateLimits = {
    ...DEFAULT_RATE_LIMITS,
    perIp: { perMinute: environment.IP_LIMIT_PER_MINUTE, perSecond: environment.IP_LIMIT_PER_SECOND },
    perSite: { perMinute: environment.SITE_LIMIT_PER_MINUTE },
  };
  const ports = {
    clock: runtime.clock,
    random: runtime.random,
    backOff: runtime.backOff,
    monotonicMs: runtime.monotonicMs,
    pause: realPause,
    pseudonyms,
    embedTokens: joseEmbedTokens(),
    embedSecrets: pseudonyms,
    limiter: dynamoDbRateLimiter(dynamoDb, tables.limits),
    contexts: dynamoDbTokenContext(dynamoDb, tables, marks),
    admissions: dynamoDbAdmission(dynamoDb, tables),
    sessions: recordingKeyFailures(dynamoDbSessions(dynamoDb, tables.sessions), runtime.metrics),
    slots: dynamoDbSlots(dynamoDb, tables.limits),
    sessionUsage: dynamoDbSessionUsage(dynamoDb, { usage: tables.usage, dueIndex: TABLES.usage.index.name }),
    errors: dynamoDbErrors(dynamoDb, tables.sessions),
    opener: kmsKeyOpener(kms, [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS]),
    openAi: openAiHttp(environment.OPENAI_BASE_URL, runtime.metrics),
    keys: dynamoDbKeyReader(dynamoDb, tables, marks),
    calls: openAiCalls(environment.OPENAI_BASE_URL, runtime.metrics),
    callIssuer: dynamoDbCallIssuer(dynamoDb, tables),
    records: {
      ...dynamoDbCallRecords(dynamoDb, tables.sessions),
      ...dynamoDbEndRequests(dynamoDb, tables.sessions),
    },
    keyUses: dynamoDbKeyUses(dynamoDb, tables.sessions),
    live: dynamoDbLive(dynamoDb, tables.limits),
    ends: dynamoDbSessionEnds(dynamoDb, tables.sessions),
    meterReader: dynamoDbSessionReader(dynamoDb, tables),
    hangUps: sqsHangUps(sqsClient(environment, runtime.metrics), environment.HANGUP_QUEUE_URL),
    watchers: lambdaWatchers(lambdaClient(environment, runtime.metrics), environment.WATCH_FUNCTION),
    tenancy,
  };
  const visitors = {
    rateLimits,
    plans: environment.PLANS,
    addressSlotPercent: environment.ADDRESS_SLOT_PERCENT,
  };
  return httpHandler(
    TOKEN_ROUTES,
    tokenEndpoints({
      answerPreflight: answerPreflight({
        sites: tenancy,
        noteRefused: (site, origin) => reportRefusedOrigin(ports, site, origin, runtime.clock()),
      }),
      mintToken: mintToken(ports, {
        ...visitors,
        openAiTimeoutMs: environment.OPENAI_TIMEOUT_MS,
        managedTokens: environment.MANAGED_MINTS,
      }),
      openCall: openCall(ports, { ...visitors, watch: environment.WATCH }),
      testOpenAiKey: testOpenAiKey(
        {
          ...ports,
          calls: openAiCalls(environment.OPENAI_BASE_URL, runtime.metrics, PROBE_CALL_TIMEOUTS),
        },
        rateLimits,
      ),
    }),
    httpDeps(environment, runtime),
  );
};
