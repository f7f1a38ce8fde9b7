import { dynamoDbClient } from '../../adapters/aws/clients.ts';
import { dynamoDbMembership } from '../../adapters/aws/dynamodb-membership.ts';
import { dynamoDbErrors, dynamoDbSessionReader } from '../../adapters/aws/dynamodb-sessions.ts';
import { dynamoDbUsage } from '../../adapters/aws/dynamodb-usage.ts';
import type { UsageEnvironment } from '../../contract/environment.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { usageEndpoints } from '../../http/usage-endpoints.ts';
import { compareOwnMonth } from '../../use-cases/compare-own-month.ts';
import { listErrors } from '../../use-cases/list-errors.ts';
import { listSessions } from '../../use-cases/list-sessions.ts';
import { readConcurrency } from '../../use-cases/read-concurrency.ts';
import { readSession } from '../../use-cases/read-session.ts';
import { readUsage } from '../../use-cases/read-usage.ts';
import { httpPorts } from './http-ports.ts';
import type { World } from './world.ts';

/** Usage, sessions, errors and slots; the price list and the calculator. Reads alone, and no key of any kind. */
export const usageHandler = (environment: UsageEnvironment, world: World): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, world.meter);
  const tables = {
    sessions: environment.SESSIONS_TABLE,
    usage: environment.USAGE_TABLE,
    limits: environment.LIMITS_TABLE,
  };
  const totals = dynamoDbUsage(dynamoDb, tables);
  const ports = {
    clock: world.clock,
    plans: environment.PLANS,
    tenancy: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE),
    usage: totals,
    slots: totals,
    sessions: dynamoDbSessionReader(dynamoDb, tables),
    errors: dynamoDbErrors(dynamoDb, tables.sessions),
  };
  return httpHandler(
    usageEndpoints({
      clock: ports.clock,
      plans: ports.plans,
      readUsage: readUsage(ports),
      listSessions: listSessions(ports),
      readSession: readSession(ports),
      listErrors: listErrors(ports),
      readConcurrency: readConcurrency(ports),
      compareOwnMonth: compareOwnMonth(ports),
    }),
    httpPorts(environment, world),
  );
};
