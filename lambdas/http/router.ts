import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { type FunctionName, type Route, routeKeyOf } from '../contract/route.ts';
import type { RouteId } from '../contract/routes.ts';
import { BrokerError } from '../domain/broker-error.ts';
import { isSiteId } from '../domain/identifiers.ts';
import type { Caller } from '../domain/tenancy/workspace.ts';
import { authenticate } from './authenticate.ts';
import { prefersCsv } from './csv.ts';
import { csvResponse } from './csv-response.ts';
import { sourceIpOf } from './edge.ts';
import type { EndpointRequest, EndpointsOf, RoutesOf } from './endpoints/endpoint.ts';
import type { HttpDeps } from './http-deps.ts';
import { invalidRequests, REFUSED_PREFLIGHT } from './invalid-requests.ts';
import { bodyText, parseBody, parseQuery } from './parse-request.ts';
import type { RequestState, Result } from './request-state.ts';

type AnyEndpoint = (request: EndpointRequest<RouteId>) => Promise<unknown>;

/** Refusals that are decided before the site is read, when its origins are not known yet. */
const REFUSED_UNREAD: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_offer',
  'invalid_signature',
  'session_not_found',
]);

export interface Router {
  /** Answers one request, or throws a BrokerError. */
  answer(event: APIGatewayProxyEventV2, state: RequestState): Promise<Result>;
  /** True if the response of a route depends on the Accept header. */
  dependsOnAccept(routeKey: string): boolean;
}

/**
 * The routes of one function. For each request, in this order: check the edge, find the route, authenticate, validate, call
 * the endpoint, parse the response with the route's schema.
 */
export const createRouter = <Name extends FunctionName>(
  routes: RoutesOf<Name>,
  endpoints: EndpointsOf<Name>,
  deps: HttpDeps,
): Router => {
  const served = new Map<string, { route: Route; endpoint: AnyEndpoint }>(
    Object.entries(endpoints).map(([id, endpoint]) => {
      const route = routes[id as keyof RoutesOf<Name>];
      return [routeKeyOf(route), { route, endpoint: endpoint as AnyEndpoint }];
    }),
  );

  const invalid = invalidRequests(deps.monotonicMs);

  const answer = async (event: APIGatewayProxyEventV2, state: RequestState): Promise<Result> => {
    const sourceIp = sourceIpOf(event, deps.edgeSecretDigests);
    const match = served.get(event.routeKey);
    if (match === undefined) throw new BrokerError('route_not_found');
    if (match.route.method === 'OPTIONS') return answerPreflight(match, sourceIp, event, state);
    // The price list takes no body.
    if (match.route.access !== 'public' || match.route.body === undefined)
      return answerMatch(match, sourceIp, event, state);
    // Not for signed requests: a correctly signed request is never refused because of invalid ones from its address.
    if (match.route.signed !== true) invalid.check(sourceIp);
    try {
      return await answerMatch(match, sourceIp, event, state);
    } catch (error) {
      const refusal = invalid.count(sourceIp, error);
      if (refusal instanceof BrokerError && REFUSED_UNREAD.has(refusal.code))
        await allowAsPreflight(sourceIp, event, state);
      throw refusal;
    }
  };

  /** Refused preflights count like invalid requests, except where the request behind them is signed and so never refused for them. */
  const answerPreflight = async (
    match: { readonly route: Route; readonly endpoint: AnyEndpoint },
    sourceIp: string,
    event: APIGatewayProxyEventV2,
    state: RequestState,
  ): Promise<Result> => {
    const isOfSigned = served.get(event.routeKey.replace(/^OPTIONS /, 'POST '))?.route.signed === true;
    if (isOfSigned) return answerMatch(match, sourceIp, event, state);
    invalid.check(sourceIp);
    try {
      return await answerMatch(match, sourceIp, event, state);
    } catch (error) {
      throw invalid.count(sourceIp, error, REFUSED_PREFLIGHT);
    }
  };

  /**
   * Lets a page read a refusal that was decided before its site was read, if a preflight would allow the page. Costs one
   * read of the site and no write.
   */
  const allowAsPreflight = async (
    sourceIp: string,
    event: APIGatewayProxyEventV2,
    state: RequestState,
  ): Promise<void> => {
    const preflight = served.get(event.routeKey.replace(/^POST /, 'OPTIONS '));
    if (preflight === undefined || event.headers['origin'] === undefined || state.allowedOrigin !== undefined)
      return;
    try {
      const { body, queryStringParameters, ...asked } = event;
      await answerMatch(preflight, sourceIp, asked, state);
    } catch {
      // The original refusal is more useful than the reason why its page may not read it.
    }
  };

  const answerMatch = async (
    { route, endpoint }: { readonly route: Route; readonly endpoint: AnyEndpoint },
    sourceIp: string,
    event: APIGatewayProxyEventV2,
    state: RequestState,
  ): Promise<Result> => {
    const caller = route.access === 'public' ? undefined : await authenticate(deps, route, event, sourceIp);
    const request: EndpointRequest<RouteId> = {
      path: event.pathParameters ?? {},
      ...(validated(route, event) as Pick<EndpointRequest<RouteId>, 'body' | 'query'>),
      caller: caller as Caller & undefined,
      origin: event.headers['origin'],
      isPreflight: event.requestContext.http.method === 'OPTIONS',
      headers: event.headers,
      rawBody: bodyText(event),
      sourceIp,
      allowOrigin: (origin) => {
        state.allowedOrigin = origin;
      },
      noteTier: (tier) => {
        state.openAiTier = tier;
      },
    };
    const data = await endpoint(request);
    if (route.data === undefined) return { statusCode: route.status };
    // Parsing the response removes fields that the contract does not name, so that a new internal field cannot leak.
    const shown = route.data.parse(data);
    if (route.csv !== undefined && prefersCsv(event.headers['accept']))
      return csvResponse(route.csv, shown, event);
    return { statusCode: route.status, body: JSON.stringify({ success: true, data: shown }) };
  };

  return { answer, dependsOnAccept: (routeKey) => served.get(routeKey)?.route.csv !== undefined };
};

/** A malformed site ID is refused before the body is read, because it comes first in the contract's order. */
const validated = (route: Route, event: APIGatewayProxyEventV2): { body: unknown; query: unknown } => {
  const siteId = event.pathParameters?.['siteId'];
  if (siteId !== undefined && !isSiteId(siteId))
    throw new BrokerError(route.access === 'public' ? 'invalid_site_id' : 'site_not_found');
  return { query: parseQuery(route, event), body: parseBody(route, event) };
};
