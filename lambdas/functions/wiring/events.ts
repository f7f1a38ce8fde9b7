import { dynamoDbClient, kmsClient } from '../../adapters/aws/clients.ts';
import { dynamoDbMembership } from '../../adapters/aws/dynamodb-membership.ts';
import { dynamoDbMeters, dynamoDbReports, dynamoDbSessionEnds } from '../../adapters/aws/dynamodb-meters.ts';
import { dynamoDbErrors } from '../../adapters/aws/dynamodb-sessions.ts';
import { dynamoDbSlots } from '../../adapters/aws/dynamodb-slots.ts';
import { kmsDeriver } from '../../adapters/aws/kms-deriver.ts';
import { kmsRoots } from '../../adapters/aws/kms-roots.ts';
import type { EventsEnvironment } from '../../contract/environment.ts';
import { TABLES } from '../../contract/tables.ts';
import { eventsEndpoints } from '../../http/events-endpoints.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { answerPreflight } from '../../use-cases/answer-preflight.ts';
import { recordReports } from '../../use-cases/record-reports.ts';
import { costMetered } from './cost-metered.ts';
import type { World } from './world.ts';

/** What widgets report of their sessions. Of KMS only the root of the signing secrets; it opens no key. */
export const eventsHandler = (environment: EventsEnvironment, world: World): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, world.meter);
  const reports = dynamoDbReports(dynamoDb, {
    tenancy: environment.TENANCY_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
    usage: environment.USAGE_TABLE,
  });
  return httpHandler(
    eventsEndpoints({
      answerPreflight: answerPreflight({ sites: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE) }),
      recordReports: recordReports({
        clock: world.clock,
        random: world.random,
        backOff: world.backOff,
        deriver: kmsDeriver(kmsRoots(kmsClient(environment, world.meter), environment.DERIVATION_KEY_ARN)),
        sessions: reports,
        meters: costMetered(
          dynamoDbMeters(dynamoDb, { usage: environment.USAGE_TABLE, dueIndex: TABLES.usage.index.name }),
          world.meter,
        ),
        health: reports,
        ends: dynamoDbSessionEnds(dynamoDb, environment.SESSIONS_TABLE),
        slots: dynamoDbSlots(dynamoDb, environment.LIMITS_TABLE),
        errors: dynamoDbErrors(dynamoDb, environment.SESSIONS_TABLE),
        notices: reports,
        plans: environment.PLANS,
      }),
    }),
    { ...world, accessTokens: undefined, edgeSecretDigests: environment.EDGE_PROOF_DIGESTS },
  );
};
