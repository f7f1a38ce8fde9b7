import { dynamoDbBudgets } from '../adapters/aws/budgets/dynamodb-budgets.ts';
import { dynamoDbLive } from '../adapters/aws/calls/dynamodb-live.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import { dynamoDbErrors } from '../adapters/aws/sessions/dynamodb-errors.ts';
import { dynamoDbSessionEnds } from '../adapters/aws/sessions/dynamodb-session-ends.ts';
import { dynamoDbSessionSnapshots } from '../adapters/aws/sessions/dynamodb-session-snapshots.ts';
import { dynamoDbSessionUsage } from '../adapters/aws/sessions/dynamodb-session-usage.ts';
import { dynamoDbSlots } from '../adapters/aws/sessions/dynamodb-slots.ts';
import { kmsPseudonyms } from '../adapters/aws/sessions/kms-pseudonyms.ts';
import { dynamoDbMembership } from '../adapters/aws/tenancy/dynamodb-membership.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { EVENTS_ROUTES } from '../contract/routes/events.ts';
import { TABLES } from '../contract/tables.ts';
import { eventsEndpoints } from '../http/endpoints/events-endpoints.ts';
import { type HttpHandler, httpHandler } from '../http/http-handler.ts';
import { answerPreflight } from '../use-cases/sessions/answer-preflight.ts';
import { recordEvents } from '../use-cases/sessions/record-events.ts';
import { recordingCost } from './recording-cost.ts';
import type { Runtime } from './runtime.ts';

/**
 * The function that receives the reports of widgets. In KMS it uses only the root of the signing secrets, and it opens
 * no key.
 */
export const eventsHandler = (environment: EnvironmentOf<'events'>, runtime: Runtime): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, runtime.metrics);
  const reports = dynamoDbSessionSnapshots(dynamoDb, {
    tenancy: environment.TENANCY_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
    usage: environment.USAGE_TABLE,
  });
  return httpHandler(
    EVENTS_ROUTES,
    eventsEndpoints({
      answerPreflight: answerPreflight({ sites: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE) }),
      recordReports: recordEvents({
        clock: runtime.clock,
        random: runtime.random,
        backOff: runtime.backOff,
        pseudonyms: kmsPseudonyms(
          kmsDerivationKeys(kmsClient(environment, runtime.metrics), environment.DERIVATION_KEY_ARN),
        ),
        sessions: reports,
        sessionUsage: recordingCost(
          dynamoDbSessionUsage(dynamoDb, {
            usage: environment.USAGE_TABLE,
            dueIndex: TABLES.usage.index.name,
          }),
          runtime.metrics,
        ),
        health: reports,
        ends: dynamoDbSessionEnds(dynamoDb, environment.SESSIONS_TABLE),
        slots: dynamoDbSlots(dynamoDb, environment.LIMITS_TABLE),
        live: dynamoDbLive(dynamoDb, environment.LIMITS_TABLE),
        hangUps: sqsHangUps(sqsClient(environment, runtime.metrics), environment.HANGUP_QUEUE_URL),
        budgets: dynamoDbBudgets(dynamoDb, {
          usage: environment.USAGE_TABLE,
          tenancy: environment.TENANCY_TABLE,
          writer: 'events',
        }),
        errors: dynamoDbErrors(dynamoDb, environment.SESSIONS_TABLE),
        notices: reports,
        plans: environment.PLANS,
      }),
    }),
    { ...runtime, accessTokens: undefined, edgeSecretDigests: environment.EDGE_PROOF_DIGESTS },
  );
};
