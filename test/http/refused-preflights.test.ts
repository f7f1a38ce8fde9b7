import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { EVENTS_ROUTES } from '../../lambdas/contract/routes/events.ts';
import { TOKEN_ROUTES } from '../../lambdas/contract/routes/token.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import type { EndpointsOf, RoutesOf } from '../../lambdas/http/endpoints/endpoint.ts';
import type { HttpDeps } from '../../lambdas/http/http-deps.ts';
import { createRouter } from '../../lambdas/http/router.ts';

const SITE_ID = '0123456789abcdefghjkmnpq';
const REGISTERED = 'https://shop.example';
const PER_MINUTE = 120;

/** The routes of visitors, with endpoints that count how often a site was read. */
const scene = () => {
  let reads = 0;
  const allow = async ({
    origin,
    allowOrigin,
  }: {
    origin?: string | undefined;
    allowOrigin(origin: string): void;
  }) => {
    reads += 1;
    if (origin !== REGISTERED) throw new BrokerError('origin_not_allowed');
    allowOrigin(origin);
  };
  const report = async () => ({ accepted: 0, duplicates: 0 });
  const endpoints = { allowTokenOrigin: allow, allowEventsOrigin: allow, reportEvents: report };
  const { allowTokenOrigin } = TOKEN_ROUTES;
  const router = createRouter(
    { allowTokenOrigin, ...EVENTS_ROUTES } as unknown as RoutesOf<'token'>,
    endpoints as unknown as EndpointsOf<'token'>,
    {
      monotonicMs: () => 60_000,
      edgeSecretDigests: [],
    } as unknown as HttpDeps,
  );
  const ask = async (path: string, origin: string, sourceIp = '192.0.2.1', siteId = SITE_ID) => {
    try {
      const { statusCode } = await router.answer(
        {
          routeKey: `OPTIONS ${path}`,
          pathParameters: { siteId, sessionId: 'session' },
          headers: { origin },
          requestContext: { http: { method: 'OPTIONS', sourceIp } },
        } as unknown as APIGatewayProxyEventV2,
        {} as Parameters<typeof router.answer>[1],
      );
      return statusCode;
    } catch (error) {
      return (error as BrokerError).code;
    }
  };
  const flood = async (path: string, ...rest: [string?, string?]) => {
    for (let sent = 0; sent < PER_MINUTE; sent++) await ask(path, 'https://evil.example', ...rest);
  };
  return { ask, flood, reads: () => reads };
};

const TOKEN = '/v1/{siteId}/token';
const EVENTS = '/v1/{siteId}/sessions/{sessionId}/events';

describe('a flood of preflights from one address', () => {
  it('is refused without a read after 120 refused preflights in a minute', async () => {
    const { ask, flood, reads } = scene();
    await flood(TOKEN);
    expect(reads()).toBe(PER_MINUTE);
    expect(await ask(TOKEN, 'https://evil.example')).toBe('rate_limited');
    expect(await ask(TOKEN, REGISTERED)).toBe('rate_limited');
    expect(reads()).toBe(PER_MINUTE);
  });

  it('is refused even if it guesses site IDs', async () => {
    const { ask, flood } = scene();
    await flood(TOKEN, undefined, 'Not_A-Site');
    expect(await ask(TOKEN, REGISTERED)).toBe('rate_limited');
  });

  it('does not affect other addresses', async () => {
    const { ask, flood } = scene();
    await flood(TOKEN);
    expect(await ask(TOKEN, REGISTERED, '192.0.2.2')).toBe(204);
  });

  it('is not limited while its origin is registered, because many visitors share an address', async () => {
    const { ask } = scene();
    const answers = new Set<unknown>();
    for (let sent = 0; sent < 3 * PER_MINUTE; sent++) answers.add(await ask(TOKEN, REGISTERED));
    expect([...answers]).toEqual([204]);
  });

  it('does not block signed event requests', async () => {
    const { ask, flood } = scene();
    await flood(EVENTS);
    expect(await ask(EVENTS, REGISTERED)).toBe(204);
  });
});
