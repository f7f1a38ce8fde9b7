import { dynamoDbBudgets } from '../adapters/aws/budgets/dynamodb-budgets.ts';
import { dynamoDbCallRecords } from '../adapters/aws/calls/dynamodb-calls.ts';
import { dynamoDbEndingKeys } from '../adapters/aws/calls/dynamodb-ending-keys.ts';
import { dynamoDbKeyUses } from '../adapters/aws/calls/dynamodb-key-uses.ts';
import { lambdaWatchers } from '../adapters/aws/calls/lambda-watchers.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { watchRequestIn } from '../adapters/aws/calls/watch-request.ts';
import { dynamoDbClient, kmsClient, lambdaClient, sqsClient } from '../adapters/aws/clients.ts';
import { kmsKeyOpener } from '../adapters/aws/keys/kms-key-opener.ts';
import { dynamoDbSessionReader } from '../adapters/aws/sessions/dynamodb-session-reader.ts';
import { dynamoDbSessionUsage } from '../adapters/aws/sessions/dynamodb-session-usage.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import { dynamoDbWorkspaces } from '../adapters/aws/tenancy/dynamodb-workspaces.ts';
import { dynamoDbPeriodUsage } from '../adapters/aws/usage/dynamodb-period-usage.ts';
import { openAiCalls } from '../adapters/openai/realtime-calls.ts';
import { openAiSidebands } from '../adapters/openai/sidebands.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { TABLES } from '../contract/tables.ts';
import { chargeBudgets } from '../use-cases/budgets/charge-budgets.ts';
import { findSpentBudget } from '../use-cases/budgets/find-spent-budget.ts';
import { rememberWorkspace } from '../use-cases/budgets/remember-workspace.ts';
import { reserveResponse } from '../use-cases/budgets/reserve-response.ts';
import { watchCall } from '../use-cases/calls/watch-call.ts';
import { recordingCost } from './recording-cost.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/** Invoked asynchronously, once for each call; nothing is returned. */
export type WatchHandler = (event: unknown) => Promise<void>;

/** Opens keys to watch calls. It runs only by asynchronous invocation; no route and no visitor can invoke it. */
export const watchHandler = (
  environment: EnvironmentOf<'watch'>,
  { clock, random, backOff, log, metrics }: Pick<Runtime, 'clock' | 'random' | 'backOff' | 'log' | 'metrics'>,
): WatchHandler => {
  const dynamoDb = dynamoDbClient(environment, metrics);
  const kms = kmsClient(environment, metrics);
  const tables = {
    keys: environment.KEYS_TABLE,
    sessions: environment.SESSIONS_TABLE,
    usage: environment.USAGE_TABLE,
  };
  const hangUps = sqsHangUps(sqsClient(environment, metrics), environment.HANGUP_QUEUE_URL);
  const workspaces = dynamoDbWorkspaces(dynamoDb, environment.TENANCY_TABLE);
  const budgetWorkspaces = rememberWorkspace(workspaces, clock);
  const meters = recordingCost(
    dynamoDbSessionUsage(dynamoDb, { usage: tables.usage, dueIndex: TABLES.usage.index.name }),
    metrics,
  );
  const meterReader = dynamoDbSessionReader(dynamoDb, tables);
  const budgets = dynamoDbBudgets(dynamoDb, {
    usage: tables.usage,
    tenancy: environment.TENANCY_TABLE,
    writer: 'watch',
  });
  const watch = watchCall({
    clock,
    random,
    backOff,
    records: dynamoDbCallRecords(dynamoDb, tables.sessions),
    sites: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE),
    meterReader,
    sessionUsage: chargeBudgets({
      clock,
      random,
      hangUps,
      onUnsettled: ({ siteId, sessionId }, error) =>
        log.warn('budgets not settled', {
          site_id: siteId,
          session_id: sessionId,
          error_name: error instanceof Error ? error.name : typeof error,
        }),
      budgets,
      workspaces: budgetWorkspaces,
      sessionUsage: meters,
    }),
    plans: environment.PLANS,
    notices: dynamoDbPeriodUsage(dynamoDb, tables.usage),
    workspaces,
    keys: dynamoDbEndingKeys(dynamoDb, tables.keys),
    keyUses: dynamoDbKeyUses(dynamoDb, tables.sessions),
    opener: kmsKeyOpener(kms, [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS]),
    sidebands: openAiSidebands(environment.OPENAI_BASE_URL),
    calls: openAiCalls(environment.OPENAI_BASE_URL, metrics),
    spentBudgets: findSpentBudget({ clock, budgets, workspaces: budgetWorkspaces }),
    reservations: reserveResponse({
      clock,
      random,
      backOff,
      budgets,
      workspaces,
      meterReader,
      sessionUsage: meters,
    }),
    hangUps,
    watchers: lambdaWatchers(lambdaClient(environment, metrics), environment.WATCH_FUNCTION),
  });
  return flushingMetrics(async (event) => {
    const request = watchRequestIn(event);
    const ids = { site_id: request.siteId, session_id: request.sessionId };
    const outcome = await watch(request);
    log.info('watch ended', { ...ids, outcome });
  }, metrics);
};
