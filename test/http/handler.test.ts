import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import { MANAGE_ROUTES } from '../../lambdas/contract/routes/manage.ts';
import { SECURITY_HEADERS } from '../../lambdas/contract/security-headers.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import { ConflictError, DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';
import type { EndpointRequest, EndpointsOf } from '../../lambdas/http/endpoints/endpoint.ts';
import type { HttpDeps } from '../../lambdas/http/http-deps.ts';
import { httpHandler } from '../../lambdas/http/http-handler.ts';

/** The HTTP pipeline with endpoints of our own: what it adds to every answer, whatever the endpoint does. */

type Endpoints = EndpointsOf<'manage'>;
const SITE_ID = '0123456789abcdefghjkmnpq';

interface Given {
  readonly method?: string;
  readonly path?: string;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly ports?: Partial<HttpDeps>;
}

const eventOf = ({ method = 'GET', path = '/v1/health', pathParameters, headers = {}, body }: Given) =>
  ({
    version: '2.0',
    routeKey: `${method} ${path}`,
    rawPath: path,
    rawQueryString: '',
    headers,
    isBase64Encoded: false,
    ...(pathParameters !== undefined && { pathParameters }),
    ...(body !== undefined && { body }),
    requestContext: { requestId: 'request-1', http: { method, sourceIp: '192.0.2.1' } },
  }) as unknown as APIGatewayProxyEventV2;

const play = async (endpoints: Partial<Endpoints>, given: Given = {}) => {
  const lines: unknown[][] = [];
  const counted: unknown[][] = [];
  const log = Object.fromEntries(
    ['info', 'warn', 'error'].map((level) => [level, (...line: unknown[]) => lines.push([level, ...line])]),
  ) as unknown as HttpDeps['log'];
  const metrics = {
    recordRequest: (...metric: unknown[]) => counted.push(metric),
  } as unknown as HttpDeps['metrics'];
  let now = 1_000;
  const handler = httpHandler<'manage'>(MANAGE_ROUTES, endpoints as Endpoints, {
    log,
    metrics,
    monotonicMs: () => (now += 7),
    accessTokens: {
      verify: async (token) => (token === 'good' ? { sub: 'somebody', signInIsOld: false } : undefined),
    },
    edgeSecretDigests: [],
    ...given.ports,
  });
  const { statusCode, headers = {}, body } = await handler(eventOf(given), {} as Context);
  const answer = body === undefined || body === '' ? undefined : JSON.parse(String(body));
  return { status: statusCode, headers, answer, lines, metrics: counted };
};

const healthy: Endpoints['health'] = async () => ({ status: 'ok', version: '1.2.3' });
const failing = (error: unknown): Partial<Endpoints> => ({
  health: async () => {
    throw error;
  },
});

describe('an accepted request', () => {
  it('returns the data in the envelope, with the security headers, the request ID and Vary', async () => {
    const { status, headers, answer } = await play({ health: healthy });
    expect([status, answer]).toEqual([200, { success: true, data: { status: 'ok', version: '1.2.3' } }]);
    expect(headers).toEqual({
      ...SECURITY_HEADERS,
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': 'request-1',
      vary: 'Origin',
    });
  });

  it('is logged in one line and counted once, without anything that the caller sent', async () => {
    const { lines, metrics } = await play({ health: healthy }, { headers: { 'x-note': 'do not log this' } });
    expect(lines).toEqual([
      [
        'info',
        'request answered',
        { request_id: 'request-1', route: 'GET /v1/health', status: 200, code: 'ok', latency_ms: 7 },
      ],
    ]);
    expect(metrics).toEqual([['GET /v1/health', 'ok', 7, undefined]]);
  });

  it('omits every field that the contract does not name', async () => {
    const endpoint = async () => ({ status: 'ok', version: '1', secret: 'hidden' }) as const;
    expect((await play({ health: endpoint })).answer.data).toEqual({ status: 'ok', version: '1' });
  });

  it('can be read only by the page that the endpoint allows', async () => {
    const allowing = async ({ allowOrigin }: EndpointRequest<'health'>) => {
      allowOrigin('https://shop.example');
      return { status: 'ok', version: '1' } as const;
    };
    const { headers } = await play({ health: allowing }, { headers: { origin: 'https://other.example' } });
    expect(headers['access-control-allow-origin']).toBe('https://shop.example');
    expect(headers['access-control-expose-headers']).toBe('Date, Retry-After, X-Request-Id');
  });

  it('is counted with the OpenAI tier that the endpoint set', async () => {
    const noting = async ({ noteTier }: EndpointRequest<'health'>) => {
      noteTier(3);
      return { status: 'ok', version: '1' } as const;
    };
    expect((await play({ health: noting })).metrics).toEqual([['GET /v1/health', 'ok', 7, 3]]);
  });
});

describe('a refused request', () => {
  it.each([
    ['a refusal', new BrokerError('rate_limited'), PROBLEMS.rate_limited],
    ['a lost race', new ConflictError(), PROBLEMS.version_conflict],
    ['an outage', new DependencyUnavailableError('dynamodb', 'GetItem', 'Timeout'), PROBLEMS.unavailable],
    ['an unexpected error', new TypeError('secret text'), PROBLEMS.unavailable],
    ['a thrown value that is not an error', 'secret text', PROBLEMS.unavailable],
  ])('returns the problem of the catalogue for %s', async (_, error, problem) => {
    const { status, answer, lines, metrics } = await play(failing(error));
    expect(status).toBe(problem.status);
    expect(answer).toMatchObject({
      success: false,
      error: { code: problem.code, message: problem.message, request_id: 'request-1' },
    });
    expect(lines.at(-1)).toEqual([
      'warn',
      'request refused',
      expect.objectContaining({ code: problem.code }),
    ]);
    expect(metrics).toEqual([['GET /v1/health', problem.code, expect.any(Number), undefined]]);
    expect(JSON.stringify([answer, lines])).not.toContain('secret text');
  });

  it('returns the wait in the header and the body, in whole seconds', async () => {
    const { headers, answer } = await play(
      failing(new BrokerError('rate_limited', { retryAfterSeconds: 2.1 })),
    );
    expect([headers['retry-after'], answer.error.retry_after]).toEqual(['3', 3]);
  });

  it('names each invalid field', async () => {
    const reached: unknown[] = [];
    const create = async (request: unknown): Promise<never> => {
      reached.push(request);
      throw new BrokerError('forbidden');
    };
    const refused = await play(
      { createWorkspace: create },
      {
        method: 'POST',
        path: '/v1/workspaces',
        headers: { authorization: 'Bearer good', 'content-type': 'application/json' },
        body: '{"name":"","colour":"red"}',
      },
    );
    expect(refused.answer.error.code).toBe('invalid_request');
    expect(refused.answer.error.details.map(({ path }: { path: string }) => path).sort()).toEqual([
      'colour',
      'name',
    ]);
    expect(reached).toEqual([]);
  });
});

describe('the access to an endpoint', () => {
  const list: Endpoints['listWorkspaces'] = async ({ caller }) => {
    throw new BrokerError(
      caller.sub === 'somebody' && caller.sourceIp === '192.0.2.1' ? 'forbidden' : 'busy',
    );
  };

  it.each([
    ['no token', undefined, 401],
    ['an invalid token', 'Bearer bad', 401],
    ['another scheme', 'Basic good', 401],
    ['a valid token', 'Bearer good', PROBLEMS.forbidden.status],
  ])('with %s is granted only for a valid token', async (_, authorization, status) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const answered = await play({ listWorkspaces: list }, { path: '/v1/workspaces', headers });
    expect(answered.status).toBe(status);
  });

  it('is refused for a malformed site ID before anything else is checked', async () => {
    const { answer } = await play(
      { readSite: async () => Promise.reject(new Error('was called')) },
      {
        path: '/v1/sites/{siteId}',
        pathParameters: { siteId: '../etc' },
        headers: { authorization: 'Bearer good' },
      },
    );
    expect(answer.error.code).toBe(PROBLEMS.site_not_found.code);
  });

  it.each([
    ['without the secret of the edge', {}, PROBLEMS.not_through_the_edge.status],
    [
      'with another secret',
      { 'x-origin-verify': 'guess', 'x-viewer-address': '192.0.2.9' },
      PROBLEMS.not_through_the_edge.status,
    ],
    ['with the secret', { 'x-origin-verify': 'edge', 'x-viewer-address': '192.0.2.9' }, 200],
  ])('behind an edge depends on the edge secret: a request %s', async (_, headers, status) => {
    const digest = createHash('sha256').update('edge').digest('hex');
    const answered = await play({ health: healthy }, { headers, ports: { edgeSecretDigests: [digest] } });
    expect(answered.status).toBe(status);
  });

  it('writes only valid IDs to the log', async () => {
    const play1 = await play(failing(new BrokerError('forbidden')), { pathParameters: { siteId: SITE_ID } });
    expect(play1.lines.at(-1)?.[2]).toMatchObject({ site_id: SITE_ID });
    const play2 = await play(failing(new BrokerError('forbidden')), {
      pathParameters: { workspaceId: 'Bad\nId' },
    });
    expect(play2.lines.at(-1)?.[2]).toMatchObject({ workspace_id: undefined });
  });
});
