import middy from '@middy/core';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import type { FunctionName } from '../contract/routes.ts';
import type { EndpointsOf, RoutesOf } from './endpoints/endpoint.ts';
import type { HttpDeps } from './http-deps.ts';
import { accessLog } from './middleware/access-log.ts';
import { problemResponse } from './middleware/problem-response.ts';
import { responseHeaders } from './middleware/response-headers.ts';
import type { RequestContext, RequestState, Result } from './request-state.ts';
import { createRouter } from './router.ts';

export type HttpHandler = (event: APIGatewayProxyEventV2, context: Context) => Promise<Result>;

/**
 * The Lambda handler of one function: every response, also after an error, has the contract's envelope and headers.
 * Middleware runs in the order of this list on the way in and in reverse on the way out.
 */
export const httpHandler = <Name extends FunctionName>(
  routes: RoutesOf<Name>,
  endpoints: EndpointsOf<Name>,
  deps: HttpDeps,
): HttpHandler => {
  const router = createRouter<Name>(routes, endpoints, deps);
  const pipeline = middy<APIGatewayProxyEventV2, Result, Error, RequestContext, RequestState>()
    .use(accessLog(deps))
    .use(responseHeaders(router.dependsOnAccept))
    .use(problemResponse(deps))
    .before(({ context, internal }) => {
      context.requestState = internal;
    })
    .handler((event: APIGatewayProxyEventV2, { requestState }: RequestContext) =>
      router.answer(event, requestState),
    );
  // A separate context for each request, because callers may share one.
  return (event, context) => pipeline(event, { ...context, requestState: { startedAtMs: 0, code: 'ok' } });
};
