import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { isSiteId } from '../../domain/identifiers.ts';
import type { HttpDeps } from '../http-deps.ts';
import type { Middleware, RequestState, Result } from '../request-state.ts';

/**
 * The outermost middleware, which sees every final response. Writes one log line and one metric per request, without any
 * content of the request.
 */
export const accessLog = ({ log, metrics, monotonicMs }: HttpDeps): Middleware => {
  const report = (
    event: APIGatewayProxyEventV2,
    response: Result | null | undefined,
    progress: RequestState,
  ) => {
    const latencyMs = Math.round(monotonicMs() - progress.startedAtMs);
    const status = response?.statusCode ?? 0;
    const facts = {
      request_id: event.requestContext.requestId,
      route: event.routeKey,
      status,
      code: progress.code,
      latency_ms: latencyMs,
      site_id: idOrNothing(event.pathParameters?.['siteId']),
      workspace_id: idOrNothing(event.pathParameters?.['workspaceId']),
    };
    if (status >= 400) log.warn('request refused', facts);
    else log.info('request answered', facts);
    metrics.recordRequest(event.routeKey, progress.code, latencyMs, progress.openAiTier);
  };
  return {
    name: 'accessLog',
    before: ({ internal }) => {
      internal.startedAtMs = monotonicMs();
      internal.code = 'ok';
    },
    after: ({ event, response, internal }) => report(event, response, internal),
    onError: ({ event, response, internal }) => report(event, response, internal),
  };
};

/** A path can contain anything, so only text in the format of an ID is logged. */
const idOrNothing = (id: string | undefined): string | undefined =>
  id !== undefined && isSiteId(id) ? id : undefined;
