import { dynamoDbCallRecords } from '../adapters/aws/calls/dynamodb-calls.ts';
import { dynamoDbLive } from '../adapters/aws/calls/dynamodb-live.ts';
import { lambdaWatchers } from '../adapters/aws/calls/lambda-watchers.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, lambdaClient, sqsClient } from '../adapters/aws/clients.ts';
import { dynamoDbSessionEnds } from '../adapters/aws/sessions/dynamodb-session-ends.ts';
import { dynamoDbSessionUsage } from '../adapters/aws/sessions/dynamodb-session-usage.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { TABLES } from '../contract/tables.ts';
import { DependencyUnavailableError } from '../domain/dependency.ts';
import { closeSilentSessions } from '../use-cases/sessions/close-silent-sessions.ts';
import { recordingCost } from './recording-cost.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/** Invoked by an EventBridge schedule; the payload is ignored. */
export type ScheduledHandler = (tick?: unknown) => Promise<void>;

/** Closes sessions that have been silent for too long. It reaches only session usage, totals and the records of sessions. */
export const sweeperHandler = (
  environment: EnvironmentOf<'sweeper'>,
  { clock, log, metrics }: Pick<Runtime, 'clock' | 'log' | 'metrics'>,
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
      ends: dynamoDbSessionEnds(dynamoDb, environment.SESSIONS_TABLE),
      live: dynamoDbLive(dynamoDb, environment.LIMITS_TABLE),
      hangUps: sqsHangUps(sqsClient(environment, metrics), environment.HANGUP_QUEUE_URL),
      watchers: lambdaWatchers(lambdaClient(environment, metrics), environment.WATCH_FUNCTION),
    },
    { watch: environment.WATCH },
  );
  return flushingMetrics(async () => {
    const { closed, ending, alive, failed, more } = await sweep();
    log.info('silent sessions closed', { closed, ending, alive, failed, more });
    // The run counts as failed, so that its alarm sees it; the next one tries these again.
    if (failed > 0) throw new DependencyUnavailableError('dynamodb', 'sweep', `${failed} sessions`);
  }, metrics);
};
