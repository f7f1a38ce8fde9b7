import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import type { LogMessage } from '../../lambdas/contract/log-messages.ts';
import { TOKEN_ROUTES } from '../../lambdas/contract/routes/token.ts';
import { ROUTES, routeKeyOf } from '../../lambdas/contract/routes.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import { httpHandler } from '../../lambdas/http/http-handler.ts';
import type { LogFacts } from '../../lambdas/telemetry/log.ts';

const ROUTE_KEY = routeKeyOf(ROUTES.mintToken);
const SITE_ID = 'a'.repeat(24);

const eventOf = (visitor: string): APIGatewayProxyEventV2 =>
  ({
    routeKey: ROUTE_KEY,
    rawPath: `/v1/${SITE_ID}/token`,
    headers: { origin: `https://${visitor}.example`, 'content-type': 'application/json' },
    pathParameters: { siteId: SITE_ID },
    body: '{}',
    isBase64Encoded: false,
    requestContext: { requestId: visitor, http: { method: 'POST', sourceIp: '192.0.2.1' } },
  }) as unknown as APIGatewayProxyEventV2;

/** A handler whose only endpoint refuses each visitor but `welcome`, after all of them have arrived. */
const handlerFor = (visitors: number) => {
  const logged: LogFacts[] = [];
  const log = (_: LogMessage, facts: LogFacts): void => {
    logged.push(facts);
  };
  let waiting: (() => void)[] = [];
  const handler = httpHandler<'token'>(
    TOKEN_ROUTES,
    {
      mintToken: async (request: { origin: string; allowOrigin: (origin: string) => void }) => {
        request.allowOrigin(request.origin);
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          if (waiting.length === visitors) {
            for (const next of waiting) next();
            waiting = [];
          }
        });
        throw new BrokerError(request.origin === 'https://first.example' ? 'busy' : 'openai_key_missing');
      },
    } as never,
    {
      log: { info: log, warn: log, error: log },
      metrics: { recordRequest: () => {} } as never,
      monotonicMs: () => 0,
      accessTokens: undefined,
      edgeSecretDigests: [],
    },
  );
  return { handler, logged };
};

describe('the HTTP handler', () => {
  it('keeps the state of two simultaneous requests on one context apart', async () => {
    const { handler, logged } = handlerFor(2);
    const context = {} as Context;
    const [first, second] = await Promise.all([
      handler(eventOf('first'), context),
      handler(eventOf('second'), context),
    ]);
    expect(first.headers).toMatchObject({
      'access-control-allow-origin': 'https://first.example',
      'x-request-id': 'first',
    });
    expect(second.headers).toMatchObject({
      'access-control-allow-origin': 'https://second.example',
      'x-request-id': 'second',
    });
    expect(logged.map(({ request_id: id, code }) => [id, code])).toEqual([
      ['first', 'busy'],
      ['second', 'openai_key_missing'],
    ]);
    expect(context).toEqual({});
  });

  it('answers a path without a route in the envelope of the contract, and logs the request', async () => {
    const { handler, logged } = handlerFor(1);
    const answer = await handler({ ...eventOf('first'), routeKey: 'GET /v1/nothing' }, {} as Context);
    expect(answer.statusCode).toBe(404);
    expect(JSON.parse(answer.body ?? '')).toMatchObject({ success: false });
    expect(logged).toMatchObject([{ status: 404, route: 'GET /v1/nothing' }]);
  });

  it('refuses a malformed site ID before it reads the body', async () => {
    const { handler, logged } = handlerFor(1);
    const event = { ...eventOf('first'), pathParameters: { siteId: 'NO' }, body: 'not json' };
    const answer = await handler(event, {} as Context);
    expect(JSON.parse(answer.body ?? '')).toMatchObject({ error: { code: 'invalid_site_id' } });
    expect(logged).toMatchObject([{ site_id: undefined }]);
  });
});
