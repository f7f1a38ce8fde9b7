import type { HttpDeps } from '../http-deps.ts';
import { problemAnswer } from '../problem-answer.ts';
import type { Middleware } from '../request-state.ts';

/** The innermost middleware. Turns every thrown error into the contract's error response. */
export const problemResponse = ({ log }: HttpDeps): Middleware => ({
  name: 'problemResponse',
  onError: (request) => {
    const { requestId } = request.event.requestContext;
    const { problem, retryAfterSeconds, details } = problemAnswer(request.error, log, requestId);
    request.internal.code = problem.code;
    request.response = {
      statusCode: problem.status,
      headers: {
        ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      },
      body: JSON.stringify({
        success: false,
        error: {
          code: problem.code,
          message: problem.message,
          request_id: requestId,
          ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
          ...(details.length > 0 && { details }),
        },
      }),
    };
  },
});
