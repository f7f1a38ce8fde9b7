import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { CallObserver, CallOutcome } from '../../domain/call-observer.ts';
import { ConflictError, type Dependency, DependencyUnavailableError } from '../../domain/dependency.ts';

/**
 * Limits of every AWS call: two attempts, so that one slow call is repeated in time. The timeout of one attempt,
 * milliseconds, is for functions behind streams and events, which have minutes.
 */
export const AWS_CALL_LIMITS = { connectionTimeout: 1_000, requestTimeout: 3_000, maxAttempts: 2 } as const;

/**
 * The limits in the form of the SDK's client settings. Behind a route, one attempt has `AWS_CALL_TIMEOUT_MS`, 1.5 s. The
 * longest path, the first mint of a container, has five sequential calls and one to OpenAI (docs/performance.md): 5 × 2 × 1.5
 * s + 8 s. That is less than the function's 25 s, which is less than API Gateway's 30 s.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
export const callLimits = (timeoutMs: number = AWS_CALL_LIMITS.requestTimeout) =>
  ({
    maxAttempts: AWS_CALL_LIMITS.maxAttempts,
    requestHandler: {
      connectionTimeout: Math.min(AWS_CALL_LIMITS.connectionTimeout, timeoutMs),
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
    },
  }) as const;

/** The part of an SDK client that is needed to observe its calls. */
interface WatchableClient {
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<{ response: unknown; output: object }>,
        context: { readonly commandName?: string },
      ) => (args: { input: object }) => Promise<{ response: unknown; output: object }>,
      options: { readonly step: 'initialize'; readonly name: string },
    ): void;
  };
}

const THROTTLED = /Throttl|TooManyRequests|ProvisionedThroughputExceeded|RequestLimitExceeded|LimitExceeded/;
const CONDITIONS = new Set([
  'ConditionalCheckFailedException',
  'TransactionCanceledException',
  'PreconditionFailed',
]);

const outcomeOf = (error: unknown): CallOutcome => {
  const name = error instanceof Error ? error.name : '';
  if (CONDITIONS.has(name)) return 'answered';
  return THROTTLED.test(name) ? 'throttled' : 'failed';
};

/** Reports every call of this client to `calls`, retries included: the operation, never its input. */
export const observeCalls = (
  client: WatchableClient,
  service: Dependency,
  calls: CallObserver | undefined,
): void => {
  if (calls === undefined) return;
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const ended = calls.startCall(service, commandName.replace(/Command$/, ''));
        try {
          const answer = await next(args);
          ended('answered');
          return answer;
        } catch (error) {
          ended(outcomeOf(error));
          throw error;
        }
      },
    { step: 'initialize', name: 'watchCalls' },
  );
};

/**
 * Stops this client from preparing calls for a log. The SDK copies input and output of every call, without fields that
 * its model calls sensitive, for a logger that does not exist. None of our inputs or outputs belongs in a log.
 */
export const withoutCallLog = (client: {
  readonly middlewareStack: { remove(name: string): boolean };
}): void => {
  client.middlewareStack.remove('loggerMiddleware');
};

interface SdkError {
  readonly name: string;
  readonly $metadata?: { readonly requestId?: string };
}

const isSdkError = (error: unknown): error is SdkError => error instanceof Error;

/**
 * Runs one AWS call. A failed condition becomes ConflictError; everything else DependencyUnavailableError with the
 * service's error name and request id. The SDK's message and cause are left out: they may quote the request.
 */
export const callAws = async <Result>(
  dependency: Dependency,
  operation: string,
  call: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException || isFailedCondition(error))
      throw new ConflictError();
    throw unavailable(dependency, operation, error);
  }
};

export const unavailable = (
  dependency: Dependency,
  operation: string,
  error: unknown,
): DependencyUnavailableError =>
  isSdkError(error)
    ? new DependencyUnavailableError(dependency, operation, error.name, error.$metadata?.requestId)
    : new DependencyUnavailableError(dependency, operation, 'UnknownError');

/** True if a transaction lost a race: a condition failed, or another transaction held one of its items. */
const isFailedCondition = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).some(
    ({ Code }) => Code === 'ConditionalCheckFailed' || Code === 'TransactionConflict',
  );

/** For a write whose failed condition means that there is nothing left to do. */
export const ignoreConflict = async (write: Promise<unknown>): Promise<void> => {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
};
