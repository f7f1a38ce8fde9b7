import { describe, expect, it } from '@jest/globals';
import { SECURITY_HEADERS } from '../../lambdas/contract/security-headers.ts';
import { responseHeaders } from '../../lambdas/http/middleware/response-headers.ts';

interface Given {
  readonly method?: string;
  readonly asks?: string;
  readonly allowedOrigin?: string;
  readonly body?: string;
  readonly own?: Readonly<Record<string, string>>;
  readonly byAccept?: boolean;
}

/** The headers of an answer, through the middleware's hook for answers or for errors. */
const headersOf = (
  { method = 'POST', asks, allowedOrigin, body = '{}', own = {}, byAccept = false }: Given,
  hook: 'after' | 'onError' = 'after',
): Record<string, string> => {
  const response = { statusCode: 200, headers: { ...own }, ...(body !== '' && { body }) };
  const request = {
    event: {
      routeKey: `${method} /v1/x`,
      headers: asks === undefined ? {} : { 'access-control-request-headers': asks },
      requestContext: { requestId: 'request-1', http: { method } },
    },
    response,
    internal: allowedOrigin === undefined ? {} : { allowedOrigin },
  };
  responseHeaders(() => byAccept)[hook]?.(request as never);
  return response.headers;
};

const PAGE = 'https://shop.example';

describe('the headers of an answer', () => {
  it('include the security headers, the request ID and the media type, on answers and on errors', () => {
    const expected = {
      ...SECURITY_HEADERS,
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': 'request-1',
      vary: 'Origin',
    };
    expect(headersOf({})).toEqual(expected);
    expect(headersOf({}, 'onError')).toEqual(expected);
  });

  it('keep the media type of an endpoint, and replace values that would weaken a security header', () => {
    const [name = ''] = Object.keys(SECURITY_HEADERS);
    const headers = headersOf({ own: { 'content-type': 'text/csv', [name]: 'weaker' } });
    expect(headers['content-type']).toBe('text/csv');
    expect(headers).toMatchObject(SECURITY_HEADERS);
  });

  it('include no media type without a body', () => {
    expect(headersOf({ body: '' })).not.toHaveProperty('content-type');
  });

  it('tell caches that the answer depends on the page, the requested headers, and JSON or CSV', () => {
    expect(headersOf({})['vary']).toBe('Origin');
    expect(headersOf({ byAccept: true })['vary']).toBe('Accept, Origin');
    expect(headersOf({ method: 'OPTIONS', byAccept: true })['vary']).toBe(
      'Origin, Access-Control-Request-Headers',
    );
  });

  it('are not added if there is no answer', () => {
    const middleware = responseHeaders(() => false);
    const request = { event: {}, response: undefined, internal: {} };
    expect(() => middleware.onError?.(request as never)).not.toThrow();
    expect(request.response).toBeUndefined();
  });
});

describe('the CORS permission of an answer', () => {
  const cors = (headers: Record<string, string>) =>
    Object.entries(headers).filter(([name]) => name.startsWith('access-control-'));

  it('is missing unless the endpoint allows the page, even on a preflight', () => {
    expect(cors(headersOf({}))).toEqual([]);
    expect(cors(headersOf({ method: 'OPTIONS', asks: 'content-type' }))).toEqual([]);
  });

  it('is for one page, without cookies, and exposes the headers that the widget reads', () => {
    expect(cors(headersOf({ allowedOrigin: PAGE }))).toEqual([
      ['access-control-allow-origin', PAGE],
      ['access-control-expose-headers', 'Date, Retry-After, X-Request-Id'],
    ]);
  });

  it('allows a preflight only POST, for ten minutes', () => {
    expect(headersOf({ method: 'OPTIONS', asks: 'content-type', allowedOrigin: PAGE })).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'Content-Type, X-Spelo-Signature',
      'access-control-max-age': '600',
    });
  });

  it('repeats no header name that could break out of the answer', () => {
    const asks = 'content-type, x-evil\r\nset-cookie: a=b, *';
    const headers = headersOf({ method: 'OPTIONS', asks, allowedOrigin: PAGE });
    expect(headers['access-control-allow-headers']).not.toMatch(/[\r\n*:=]/);
  });
});
