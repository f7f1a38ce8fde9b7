import { dynamoDbOutbox } from '../adapters/aws/audit/event-outbox.ts';
import { ignoreConflict } from '../adapters/aws/aws-calls.ts';
import { dynamoDbClient } from '../adapters/aws/clients.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { beat } from '../use-cases/audit/beat.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';
import type { ScheduledHandler } from './sweeper.ts';

/** Writes the heartbeat that the projector, the detector and the archiver must receive. It can put only that event. */
export const heartbeatHandler = (
  environment: EnvironmentOf<'heartbeat'>,
  { clock, metrics }: Pick<Runtime, 'clock' | 'metrics'>,
): ScheduledHandler => {
  const outbox = dynamoDbOutbox(dynamoDbClient(environment, metrics), environment.TENANCY_TABLE, 'heartbeat');
  const write = beat({ clock, outbox });
  return flushingMetrics(() => ignoreConflict(write()), metrics);
};
