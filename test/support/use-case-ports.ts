import { dynamoDbBudgets } from '../../lambdas/adapters/aws/budgets/dynamodb-budgets.ts';
import {
  dynamoDbCallIssuer,
  dynamoDbCallRecords,
  dynamoDbEndRequests,
} from '../../lambdas/adapters/aws/calls/dynamodb-calls.ts';
import { dynamoDbKeyUses } from '../../lambdas/adapters/aws/calls/dynamodb-key-uses.ts';
import { dynamoDbLive } from '../../lambdas/adapters/aws/calls/dynamodb-live.ts';
import { dynamoDbLiveWorkspaces } from '../../lambdas/adapters/aws/calls/dynamodb-live-workspaces.ts';
import { lambdaWatchers } from '../../lambdas/adapters/aws/calls/lambda-watchers.ts';
import { sqsHangUps } from '../../lambdas/adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, lambdaClient, sqsClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeyActivity, dynamoDbKeys } from '../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { keyMarks } from '../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsKeyOpener } from '../../lambdas/adapters/aws/keys/kms-key-opener.ts';
import { kmsKeySealer } from '../../lambdas/adapters/aws/keys/kms-key-sealer.ts';
import { kmsDerivationKeys } from '../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { dynamoDbAdmission } from '../../lambdas/adapters/aws/sessions/dynamodb-admission.ts';
import { dynamoDbErrors } from '../../lambdas/adapters/aws/sessions/dynamodb-errors.ts';
import { dynamoDbRateLimiter } from '../../lambdas/adapters/aws/sessions/dynamodb-rate-limiter.ts';
import { dynamoDbSessionEnds } from '../../lambdas/adapters/aws/sessions/dynamodb-session-ends.ts';
import { dynamoDbSessionReader } from '../../lambdas/adapters/aws/sessions/dynamodb-session-reader.ts';
import { dynamoDbSessionUsage } from '../../lambdas/adapters/aws/sessions/dynamodb-session-usage.ts';
import { dynamoDbSessions } from '../../lambdas/adapters/aws/sessions/dynamodb-sessions.ts';
import { dynamoDbSlots } from '../../lambdas/adapters/aws/sessions/dynamodb-slots.ts';
import { dynamoDbTokenContext } from '../../lambdas/adapters/aws/sessions/dynamodb-token-context.ts';
import { kmsPseudonyms } from '../../lambdas/adapters/aws/sessions/kms-pseudonyms.ts';
import { dynamoDbMembership } from '../../lambdas/adapters/aws/tenancy/dynamodb-membership.ts';
import { joseEmbedTokens } from '../../lambdas/adapters/oidc/embed-tokens.ts';
import { openAiHttp } from '../../lambdas/adapters/openai/openai-http.ts';
import { openAiCalls } from '../../lambdas/adapters/openai/realtime-calls.ts';
import { realPause } from '../../lambdas/composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { SiteId } from '../../lambdas/domain/identifiers.ts';
import { DEFAULT_RATE_LIMITS } from '../../lambdas/domain/limits.ts';
import { BUILT_IN_PLANS } from '../../lambdas/domain/tenancy/plan.ts';
import type { Caller } from '../../lambdas/domain/tenancy/workspace.ts';
import { auditEventFactory } from '../../lambdas/use-cases/audit/audit-event-factory.ts';
import type { MintRequest, MintSettings } from '../../lambdas/use-cases/sessions/mint-token.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import type { TestStack } from './stack.ts';
import { ORIGIN, type Tenant } from './tenant.ts';

/**
 * The ports of the token, keys and rotate functions over the real adapters, as their composition makes them, so that a
 * test can replace one of them.
 */
export const useCasePorts = (stack: TestStack) => {
  const token = parseEnvironment(ENVIRONMENTS.token, stack.variables);
  const keys = parseEnvironment(ENVIRONMENTS.keys, stack.variables);
  const dynamoDb = dynamoDbClient(token);
  const kms = kmsClient(token);
  const tables = {
    tenancy: token.TENANCY_TABLE,
    keys: token.KEYS_TABLE,
    sessions: token.SESSIONS_TABLE,
    limits: token.LIMITS_TABLE,
    usage: token.USAGE_TABLE,
  };
  const { clock, random, backOff } = localRuntime(() => undefined);
  const pseudonyms = kmsPseudonyms(kmsDerivationKeys(kms, token.DERIVATION_KEY_ARN));
  const marks = keyMarks(kmsDerivationKeys(kms, token.MARKS_KEY_ARN));
  return {
    clock,
    random,
    backOff,
    pseudonyms,
    auditEvents: auditEventFactory({ clock, random, pseudonyms }),
    retainSeconds: keys.KEY_RETENTION_HOURS * 3_600,
    limiter: dynamoDbRateLimiter(dynamoDb, tables.limits),
    contexts: dynamoDbTokenContext(dynamoDb, tables, marks),
    admissions: dynamoDbAdmission(dynamoDb, tables),
    sessions: dynamoDbSessions(dynamoDb, tables.sessions),
    ends: dynamoDbSessionEnds(dynamoDb, tables.sessions),
    slots: dynamoDbSlots(dynamoDb, tables.limits),
    sessionUsage: dynamoDbSessionUsage(dynamoDb, { usage: tables.usage, dueIndex: TABLES.usage.index.name }),
    errors: dynamoDbErrors(dynamoDb, tables.sessions),
    opener: kmsKeyOpener(kms, [token.MASTER_KEY_ARN, ...token.RETIRED_MASTER_KEY_ARNS]),
    sealer: kmsKeySealer(
      kms,
      { masterKeyArn: keys.MASTER_KEY_ARN, fingerprintKeyArn: keys.FINGERPRINT_KEY_ARN },
      random,
    ),
    openAi: openAiHttp(token.OPENAI_BASE_URL),
    keys: dynamoDbKeys(dynamoDb, { ...tables, writer: 'keys' }, marks),
    calls: openAiCalls(token.OPENAI_BASE_URL),
    callIssuer: dynamoDbCallIssuer(dynamoDb, tables),
    records: {
      ...dynamoDbCallRecords(dynamoDb, tables.sessions),
      ...dynamoDbEndRequests(dynamoDb, tables.sessions),
    },
    keyUses: dynamoDbKeyUses(dynamoDb, tables.sessions),
    monotonicMs: () => performance.now(),
    pause: realPause,
    watchers: lambdaWatchers(lambdaClient(token), token.WATCH_FUNCTION),
    live: dynamoDbLive(dynamoDb, tables.limits),
    budgets: dynamoDbBudgets(dynamoDb, { ...tables, writer: 'manage' }),
    embedTokens: joseEmbedTokens(),
    embedSecrets: pseudonyms,
    meterReader: dynamoDbSessionReader(dynamoDb, tables),
    workspaces: dynamoDbLiveWorkspaces(dynamoDb, tables.limits),
    hangUps: sqsHangUps(sqsClient(token), token.HANGUP_QUEUE_URL),
    activity: dynamoDbKeyActivity(dynamoDb, tables.sessions),
    tenancy: dynamoDbMembership(dynamoDb, tables.tenancy),
  };
};

export type UseCasePorts = ReturnType<typeof useCasePorts>;

/** A signed-in person, from this machine. */
export const callerOf = (sub: string): Caller => ({ sub, sourceIp: '127.0.0.1' });

/** Limits that no test reaches. */
export const RATE_LIMITS = {
  ...DEFAULT_RATE_LIMITS,
  perIp: { perMinute: 100_000 },
  perSite: { perMinute: 100_000 },
  probesPerWorkspace: { perMinute: 100_000 },
};

export const MINT_SETTINGS: MintSettings = {
  rateLimits: RATE_LIMITS,
  addressSlotPercent: 100,
  plans: BUILT_IN_PLANS,
  openAiTimeoutMs: 500,
  managedTokens: 'allow',
};

export const mintRequest = (tenant: Tenant, visitorId?: string): MintRequest => ({
  siteId: tenant.siteId as SiteId,
  origin: ORIGIN,
  sourceIp: '127.0.0.1',
  visitorId,
  embedToken: undefined,
  onOriginAllowed: () => undefined,
});
