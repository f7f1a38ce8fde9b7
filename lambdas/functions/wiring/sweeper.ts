import { dynamoDbClient } from '../../adapters/aws/clients.ts';
import { dynamoDbMeters, dynamoDbSessionEnds } from '../../adapters/aws/dynamodb-meters.ts';
import type { SweeperEnvironment } from '../../contract/environment.ts';
import { TABLES } from '../../contract/tables.ts';
import { closeSilentSessions } from '../../use-cases/close-silent-sessions.ts';
import type { World } from './world.ts';

export type ScheduledHandler = () => Promise<void>;

/** Closes sessions of which nothing was heard for too long. Reaches meters, totals and the records of sessions, and nothing else. */
export const sweeperHandler = (
  environment: SweeperEnvironment,
  { clock, log }: Pick<World, 'clock' | 'log'>,
): ScheduledHandler => {
  const dynamoDb = dynamoDbClient(environment);
  const sweep = closeSilentSessions({
    clock,
    meters: dynamoDbMeters(dynamoDb, {
      usage: environment.USAGE_TABLE,
      dueIndex: TABLES.usage.index.name,
    }),
    ends: dynamoDbSessionEnds(dynamoDb, environment.SESSIONS_TABLE),
  });
  return async () => {
    const { closed, alive, more } = await sweep();
    log.info('silent sessions closed', { closed, alive, more });
  };
};
