import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tokenHandler } from '../lambdas/composition/token.ts';
import { ENVIRONMENTS, parseEnvironment } from '../lambdas/contract/environment.ts';
import { localRuntime } from '../local/local-runtime.ts';
import { type LocalStack, startLocalStack } from '../local/local-stack.ts';
import { NO_BUDGETS, withoutStreams } from './bench-stack.ts';
import { type RelayedCall, type RelayHooks, startRelay } from './relay.ts';
import { startTokenGateway } from './token-gateway.ts';

/** The relay's name for the mint at OpenAI. */
export const OPENAI_MINT = 'POST /v1/realtime/client_secrets';
/** The relay's name for the creation of a call at OpenAI. */
export const OPENAI_CALL = 'POST /v1/realtime/calls';

/**
 * The local stack with a relay in front of each service that the token path calls. Watchers are accepted but never run,
 * because their calls would be counted with those of the token function.
 */
export interface TracedStack extends LocalStack {
  /** A fresh token function behind a separate gateway, as after a cold start. */
  withColdTokenFunction<Result>(use: (url: string) => Promise<Result>): Promise<Result>;
}

export const startTracedStack = async (hooks: RelayHooks): Promise<TracedStack> => {
  const relays = {
    dynamoDb: await startRelay(hooks),
    kms: await startRelay(hooks),
    openAi: await startRelay(hooks),
    sqs: await startRelay(hooks),
    lambda: await startRelay(hooks),
  };
  const watchers = createServer((_, response) => response.writeHead(202).end());
  await new Promise<void>((listening) => watchers.listen(0, '127.0.0.1', listening));
  const runtime = localRuntime(() => undefined);
  const stack = await startLocalStack({
    port: 0,
    path: process.env['PATH'],
    runtime,
    variables: {
      ...NO_BUDGETS,
      AWS_ENDPOINT_URL_DYNAMODB: relays.dynamoDb.url,
      AWS_ENDPOINT_URL_KMS: relays.kms.url,
      AWS_ENDPOINT_URL_SQS: relays.sqs.url,
      AWS_ENDPOINT_URL_LAMBDA: relays.lambda.url,
      OPENAI_BASE_URL: `${relays.openAi.url}/v1`,
    },
  });
  relays.dynamoDb.forwardTo(stack.dynamoDb.endpoint);
  relays.kms.forwardTo(stack.kms.endpoint);
  relays.openAi.forwardTo(stack.openAi?.baseUrl ?? '');
  relays.sqs.forwardTo(stack.sqs.endpoint);
  relays.lambda.forwardTo(`http://127.0.0.1:${(watchers.address() as AddressInfo).port}`);
  await withoutStreams(stack);

  return {
    ...stack,
    withColdTokenFunction: async (use) => {
      const token = tokenHandler(parseEnvironment(ENVIRONMENTS.token, stack.variables), runtime);
      const gateway = await startTokenGateway(token, () => 'cold');
      try {
        return await use(gateway.url);
      } finally {
        await gateway.close();
      }
    },
    close: async () => {
      await stack.close();
      await Promise.all(Object.values(relays).map((relay) => relay.close()));
      watchers.close();
    },
  };
};

export const isOpenAiMint = ({ operation }: Pick<RelayedCall, 'operation'>): boolean =>
  operation === OPENAI_MINT;
