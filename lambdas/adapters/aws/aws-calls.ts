import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { ConflictError, type Dependency, DependencyUnavailableError } from '../../domain/dependency.ts';

/**
 * Limits of every AWS call in a request, milliseconds. Chosen so that a call which is slow once is repeated in time.
 * Several slow calls in a row can pass the function's 25 s, and API Gateway's 30 s then answers for us: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
export const AWS_CALL_LIMITS = { connectionTimeout: 1_000, requestTimeout: 3_000, maxAttempts: 3 } as const;

interface SdkError {
  readonly name: string;
  readonly $metadata?: { readonly requestId?: string };
}

const isSdkError = (error: unknown): error is SdkError => error instanceof Error;

/**
 * Runs one AWS call. A failed condition becomes ConflictError; everything else DependencyUnavailableError with the
 * service's error name and request id. The SDK's message and cause stay behind: they may quote the request.
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

/** A transaction lost a race: a condition failed, or another transaction held one of its items. */
const isFailedCondition = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).some(
    ({ Code }) => Code === 'ConditionalCheckFailed' || Code === 'TransactionConflict',
  );

/** For a write whose condition says that there is nothing left to do. */
export const ignoreConflict = async (write: Promise<unknown>): Promise<void> => {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
};
