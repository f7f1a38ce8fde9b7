import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';

/** State of one request, shared by the middleware and the router. */
export interface RequestState extends Record<string, unknown> {
  startedAtMs: number;
  allowedOrigin?: string;
  /** Public code of the problem, `ok` otherwise. */
  code: string;
  /** Of the workspace that the request is about. */
  openAiTier?: number;
}

export type Result = APIGatewayProxyStructuredResultV2;

/** The context of one invocation, with the state that middy keeps alongside it. */
export interface RequestContext extends Context {
  requestState: RequestState;
}

export type Middleware = MiddlewareObj<APIGatewayProxyEventV2, Result, Error, RequestContext, RequestState>;
