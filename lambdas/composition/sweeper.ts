import { dynamoDbCallRecords } from '../adapters/aws/calls/dynamodb-calls.ts';
import { dynamoDbLive } from '../adapters/aws/calls/dynamodb-live.ts';
import { lambdaWatchers } from '../adapters/aws/calls/lambda-watchers.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, lambdaClient, sqsClient } from '../adapters/aws/clients.ts';
import { dynamoDbSessionEnds } from '../adapters/aws/sessions/dynamodb-session-ends.ts';
import { dynamoDbSessionUsage } from '../adapters/aws/sessions/dynamodb-session-usage.ts';
import { dynamoDbWorkspaces } from '../adapters/aws/tenancy/dynamodb-workspaces.ts';
import { dynamoDbPlanNotices } from '../adapters/aws/usage/dynamodb-plan-notices.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { TABLES } from '../contract/tables.ts';
import { DependencyUnavailableError } from '../domain/dependency.ts';
import { closeSilentSessions } from '../use-cases/sessions/close-silent-sessions.ts';
import { noteThresholdsAtEnd } from '../use-cases/usage/note-thresholds-at-end.ts';
import { recordingCost } from './recording-cost.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/** Invoked by an EventBridge schedule; the payload is ignored. */
export type ScheduledHandler = (tick?: unknown) => Promise<void>;

/** Closes sessions that have been silent for too long, and notes thresholds of their plans. It opens no key. */
export const sweeperHandler = (
  environment: EnvironmentOf<'sweeper'>,
  { clock, random, log, metrics }: Pick<Runtime, 'clock' | 'random' | 'log' | 'metrics'>,
): ScheduledHandler => {
  const dynamoDb = dynamoDbClient(environment, metrics);
  const sweep = closeSilentSessions(
    {
      clock,
      records: dynamoDbCallRecords(dynamoDb, environment.SESSIONS_TABLE),
      sessionUsage: recordingCost(
        dynamoDbSessionUsage(dynamoDb, {
          usage: environment.USAGE_TABLE,
          dueIndex: TABLES.usage.index.name,
        }),
        metrics,
      ),
      ends: noteThresholdsAtEnd({
        clock,
        random,
        plans: environment.PLANS,
        workspaces: dynamoDbWorkspaces(dynamoDb, environment.TENANCY_TABLE),
        notices: dynamoDbPlanNotices(
          dynamoDb,
          { tenancy: environment.TENANCY_TABLE, usage: environment.USAGE_TABLE },
          'sweeper',
        ),
        ends: dynamoDbSessionEnds(dynamoDb, environment.SESSIONS_TABLE),
      }),
      live: dynamoDbLive(dynamoDb, environment.LIMITS_TABLE),
      hangUps: sqsHangUps(sqsClient(environment, metrics), environment.HANGUP_QUEUE_URL),
      watchers: lambdaWatchers(lambdaClient(environment, metrics), environment.WATCH_FUNCTION),
    },
    { watch: environment.WATCH },
  );
  return flushingMetrics(async () => {
    const { closed, ending, alive, failed, more } = await sweep();
    log.info('silent sessions closed', { closed, ending, alive, failed, more });
    // The run fails, so that its alarm fires. The next run tries these sessions again.
    if (failed > 0) throw new DependencyUnavailableError('dynamodb', 'sweep', `${failed} sessions`);
  }, metrics);
};
