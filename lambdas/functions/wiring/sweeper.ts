import { dynamoDbClient } from '../../adapters/aws/clients.ts';
import { dynamoDbMeters, dynamoDbSessionEnds } from '../../adapters/aws/dynamodb-meters.ts';
import type { SweeperEnvironment } from '../../contract/environment.ts';
import { TABLES } from '../../contract/tables.ts';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import { closeSilentSessions } from '../../use-cases/close-silent-sessions.ts';
import { costMetered } from './cost-metered.ts';
import { metered, type World } from './world.ts';

/** Its event, a tick of the schedule, tells nothing. */
export type ScheduledHandler = (tick?: unknown) => Promise<void>;

/** Closes sessions of which nothing was heard for too long. Reaches meters, totals and the records of sessions, and nothing else. */
export const sweeperHandler = (
  environment: SweeperEnvironment,
  { clock, log, meter }: Pick<World, 'clock' | 'log' | 'meter'>,
): ScheduledHandler => {
  const dynamoDb = dynamoDbClient(environment, meter);
  const sweep = closeSilentSessions({
    clock,
    meters: costMetered(
      dynamoDbMeters(dynamoDb, {
        usage: environment.USAGE_TABLE,
        dueIndex: TABLES.usage.index.name,
      }),
      meter,
    ),
    ends: dynamoDbSessionEnds(dynamoDb, environment.SESSIONS_TABLE),
  });
  return metered(async () => {
    const { closed, alive, failed, more } = await sweep();
    log.info('silent sessions closed', { closed, alive, failed, more });
    // The run counts as failed, so that its alarm sees it; the next one tries these again.
    if (failed > 0) throw new DependencyUnavailableError('dynamodb', 'sweep', `${failed} sessions`);
  }, meter);
};
