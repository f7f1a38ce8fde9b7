import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { SECURITY_HEADERS } from '../../contract/security-headers.ts';
import { allowedHeaders } from '../../domain/tenancy/preflight-headers.ts';
import type { Middleware } from '../request-state.ts';

const varyOf = ({ requestContext }: APIGatewayProxyEventV2, byAccept: boolean): string => {
  if (requestContext.http.method === 'OPTIONS') return 'Origin, Access-Control-Request-Headers';
  return byAccept ? 'Accept, Origin' : 'Origin';
};

/** `byAccept`: true if the response of the route depends on the Accept header. */
export const responseHeaders = (byAccept: (routeKey: string) => boolean): Middleware => {
  const add = ({
    event,
    response,
    internal: { allowedOrigin },
  }: Parameters<NonNullable<Middleware['after']>>[0]): void => {
    if (!response) return;
    response.headers = {
      ...(response.body !== undefined && { 'content-type': 'application/json; charset=utf-8' }),
      ...response.headers,
      ...SECURITY_HEADERS,
      'x-request-id': event.requestContext.requestId,
      vary: varyOf(event, byAccept(event.routeKey)),
      ...(allowedOrigin !== undefined && {
        'access-control-allow-origin': allowedOrigin,
        // A browser with a wrong clock takes the time for signatures of its reports from `Date`, which API Gateway
        // adds.
        'access-control-expose-headers': 'Date, Retry-After, X-Request-Id',
        ...(event.requestContext.http.method === 'OPTIONS' && {
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': allowedHeaders(event.headers['access-control-request-headers']),
          'access-control-max-age': '600',
        }),
      }),
    };
  };
  return { name: 'responseHeaders', after: add, onError: add };
};
