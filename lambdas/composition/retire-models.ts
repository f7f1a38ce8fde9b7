import { dynamoDbClient } from '../adapters/aws/clients.ts';
import { dynamoDbAllSites } from '../adapters/aws/tenancy/dynamodb-all-sites.ts';
import { dynamoDbModelMoves } from '../adapters/aws/tenancy/dynamodb-model-moves.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { DependencyUnavailableError } from '../domain/dependency.ts';
import { retireModels } from '../use-cases/tenancy/retire-models.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';
import type { ScheduledHandler } from './sweeper.ts';

/** Moves sites off models that OpenAI shuts down, and writes the notices. It only reads and changes sites. */
export const retireModelsHandler = (
  environment: EnvironmentOf<'retire-models'>,
  { clock, random, log, metrics }: Pick<Runtime, 'clock' | 'random' | 'log' | 'metrics'>,
): ScheduledHandler => {
  const dynamoDb = dynamoDbClient(environment, metrics);
  const run = retireModels({
    clock,
    random,
    sites: dynamoDbAllSites(dynamoDb, environment.TENANCY_TABLE),
    moves: dynamoDbModelMoves(dynamoDb, environment.TENANCY_TABLE),
  });
  return flushingMetrics(async () => {
    const { sites, moved, noticed, failed } = await run();
    log.info('models of sites looked at', { sites, moved, noticed, failed });
    // The run fails, so that its alarm fires. The next run tries these sites again.
    if (failed > 0) throw new DependencyUnavailableError('dynamodb', 'retire-models', `${failed} sites`);
  }, metrics);
};
