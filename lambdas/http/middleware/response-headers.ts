import { SECURITY_HEADERS } from '../../contract/security-headers.ts';
import type { Middleware } from '../request-state.ts';

/** `byAccept`: whether the answer to a route depends on what the caller accepts. */
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
      vary: byAccept(event.routeKey) ? 'Accept, Origin' : 'Origin',
      ...(allowedOrigin !== undefined && {
        'access-control-allow-origin': allowedOrigin,
        // A browser whose clock is wrong learns the time from `Date`, which API Gateway adds, to sign its reports by.
        'access-control-expose-headers': 'Date, Retry-After, X-Request-Id',
        ...(event.requestContext.http.method === 'OPTIONS' && {
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': 'Content-Type, X-Spelo-Signature',
          'access-control-max-age': '600',
        }),
      }),
    };
  };
  return { name: 'responseHeaders', after: add, onError: add };
};
