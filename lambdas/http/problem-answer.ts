import { PROBLEMS, type Problem } from '../contract/problems.ts';
import { BrokerError, type BrokerErrorCode } from '../domain/broker-error.ts';
import { ConflictError, DependencyUnavailableError } from '../domain/dependency.ts';
import { framesOf, type Log } from '../telemetry/log.ts';

// Keeps the catalogue complete: an error code without a public problem does not compile.
const problems: Readonly<Record<BrokerErrorCode, Problem>> = PROBLEMS;

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly retryAfterSeconds: number | undefined;
  readonly details: readonly { readonly path: string; readonly message: string }[];
}

/**
 * The only place where an error becomes a response. There is no bare 500: an unexpected error fails closed as
 * `unavailable` and is logged with the place where it was thrown, but without its message, which may quote anything.
 */
export const problemAnswer = (error: unknown, log: Log, requestId: string): ProblemAnswer => {
  const refusal = asBrokerError(error, log, requestId);
  const problem = problems[refusal.code];
  const wait = refusal.retryAfterSeconds ?? problem.retryAfterSeconds;
  return {
    problem,
    retryAfterSeconds: wait === undefined ? undefined : Math.max(1, Math.ceil(wait)),
    details: refusal.details,
  };
};

const asBrokerError = (error: unknown, log: Log, requestId: string): BrokerError => {
  if (error instanceof BrokerError) return error;
  if (error instanceof ConflictError) return new BrokerError('version_conflict');
  if (error instanceof DependencyUnavailableError) {
    const { dependency, operation, errorName, requestId: awsRequestId } = error;
    log.error('dependency unavailable', {
      request_id: requestId,
      dependency,
      operation,
      error_name: errorName,
      aws_request_id: awsRequestId,
    });
    return new BrokerError('unavailable');
  }
  const known = error instanceof Error;
  log.error('unexpected error', {
    request_id: requestId,
    error_name: known ? error.name : typeof error,
    frames: known ? framesOf(error) : undefined,
  });
  return new BrokerError('unavailable');
};
