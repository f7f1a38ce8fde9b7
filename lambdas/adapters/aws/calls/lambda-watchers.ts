import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import type { WatcherInvoker } from '../../../use-cases/ports/calls.ts';
import { callAws } from '../aws-calls.ts';

/** AWS answers 202 when it has queued the event. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
const QUEUED = 202;

/** Starts watchers by asynchronous invocation. The event holds IDs and a time, but no key material and no settings. */
export const lambdaWatchers = (lambda: LambdaClient, functionName: string): WatcherInvoker => ({
  start: async (request) => {
    const { StatusCode } = await callAws('lambda', 'Invoke', () =>
      lambda.send(
        new InvokeCommand({
          FunctionName: functionName,
          InvocationType: 'Event',
          Payload: Buffer.from(JSON.stringify(request)),
        }),
      ),
    );
    if (StatusCode !== QUEUED) throw new DependencyUnavailableError('lambda', 'Invoke', String(StatusCode));
  },
});
