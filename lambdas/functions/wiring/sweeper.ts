import { dynamoDbClient } from '../../adapters/aws/clients.ts';
import { dynamoDbMeters } from '../../adapters/aws/dynamodb-meters.ts';
import type { SweeperEnvironment } from '../../contract/environment.ts';
import { TABLES } from '../../contract/tables.ts';
import { closeSilentSessions } from '../../use-cases/close-silent-sessions.ts';
import type { World } from './world.ts';

export type ScheduledHandler = () => Promise<void>;

/** Closes sessions of which nothing was heard for too long. Reaches meters and totals, and nothing else. */
export const sweeperHandler = (
  environment: SweeperEnvironment,
  { clock, log }: Pick<World, 'clock' | 'log'>,
): ScheduledHandler => {
  const sweep = closeSilentSessions({
    clock,
    meters: dynamoDbMeters(dynamoDbClient(environment), {
      usage: environment.USAGE_TABLE,
      dueIndex: TABLES.usage.index.name,
    }),
  });
  return async () => {
    const { closed, alive, more } = await sweep();
    log.info('silent sessions closed', { closed, alive, more });
  };
};
