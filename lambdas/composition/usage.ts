import { dynamoDbBudgetReader } from '../adapters/aws/budgets/dynamodb-budget-reader.ts';
import { dynamoDbLiveReader } from '../adapters/aws/calls/dynamodb-live.ts';
import { dynamoDbClient } from '../adapters/aws/clients.ts';
import { dynamoDbKeyFacts } from '../adapters/aws/keys/dynamodb-key-facts.ts';
import { dynamoDbErrors } from '../adapters/aws/sessions/dynamodb-errors.ts';
import { dynamoDbSessionReader } from '../adapters/aws/sessions/dynamodb-session-reader.ts';
import { dynamoDbWorkspaceSessions } from '../adapters/aws/sessions/dynamodb-workspace-sessions.ts';
import { dynamoDbApiTokenReader } from '../adapters/aws/tenancy/dynamodb-api-tokens.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import { dynamoDbUsage } from '../adapters/aws/usage/dynamodb-usage.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { USAGE_ROUTES } from '../contract/routes/usage.ts';
import { usageEndpoints } from '../http/endpoints/usage-endpoints.ts';
import { type HttpHandler, httpHandler } from '../http/http-handler.ts';
import { listLiveSessions } from '../use-cases/calls/list-live-sessions.ts';
import { listErrors } from '../use-cases/sessions/list-errors.ts';
import { listSessions } from '../use-cases/sessions/list-sessions.ts';
import { listWorkspaceSessions } from '../use-cases/sessions/list-workspace-sessions.ts';
import { readConcurrency } from '../use-cases/sessions/read-concurrency.ts';
import { readSession } from '../use-cases/sessions/read-session.ts';
import { compareOwnMonth } from '../use-cases/usage/compare-own-month.ts';
import { readOverview } from '../use-cases/usage/read-overview.ts';
import { readUsage } from '../use-cases/usage/read-usage.ts';
import { httpDeps } from './http-deps.ts';
import type { Runtime } from './runtime.ts';

/**
 * Usage, sessions, errors and slots; the price list and the calculator. Writes only the last use of API tokens. It reads only
 * the fingerprint of a stored key, not the sealed record.
 */
export const usageHandler = (environment: EnvironmentOf<'usage'>, runtime: Runtime): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, runtime.metrics);
  const tables = {
    sessions: environment.SESSIONS_TABLE,
    usage: environment.USAGE_TABLE,
    limits: environment.LIMITS_TABLE,
  };
  const totals = dynamoDbUsage(dynamoDb, tables);
  const ports = {
    clock: runtime.clock,
    plans: environment.PLANS,
    tenancy: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE),
    usage: totals,
    slots: totals,
    keys: dynamoDbKeyFacts(dynamoDb, environment.KEYS_TABLE),
    sessions: dynamoDbSessionReader(dynamoDb, tables),
    workspaceSessions: dynamoDbWorkspaceSessions(dynamoDb, tables),
    errors: dynamoDbErrors(dynamoDb, tables.sessions),
  };
  return httpHandler(
    USAGE_ROUTES,
    usageEndpoints({
      clock: ports.clock,
      plans: ports.plans,
      readUsage: readUsage(ports),
      readOverview: readOverview({ ...ports, budgets: dynamoDbBudgetReader(dynamoDb, tables) }),
      listSessions: listSessions(ports),
      listWorkspaceSessions: listWorkspaceSessions(ports),
      readSession: readSession(ports),
      listErrors: listErrors(ports),
      readConcurrency: readConcurrency(ports),
      listLive: listLiveSessions({
        ...ports,
        live: dynamoDbLiveReader(dynamoDb, tables.limits),
        meters: ports.sessions,
      }),
      compareOwnMonth: compareOwnMonth(ports),
    }),
    httpDeps(environment, runtime, dynamoDbApiTokenReader(dynamoDb, environment.TENANCY_TABLE)),
  );
};
