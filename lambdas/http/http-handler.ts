import type { MiddlewareObj } from '@middy/core';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import * as z from 'zod';
import {
  type CsvTable,
  type FunctionName,
  ROUTES,
  type Route,
  type RouteId,
  routeKeyOf,
} from '../contract/routes.ts';
import { SECURITY_HEADERS } from '../contract/security-headers.ts';
import { BrokerError } from '../domain/broker-error.ts';
import type { Caller } from '../domain/tenancy/workspace.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AccessTokenVerifier } from '../use-cases/ports/tenancy.ts';
import { authenticate } from './authenticate.ts';
import { csvFileName, csvOf, prefersCsv } from './csv.ts';
import { sourceIpOf } from './edge.ts';
import type { EndpointRequest, EndpointsOf } from './endpoints/endpoint.ts';
import { invalidRequests } from './invalid-requests.ts';
import { bodyText, parseBody, parseQuery } from './parse-request.ts';
import { problemAnswer } from './problem-answer.ts';

export interface HttpDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Milliseconds, for latencies only. */
  readonly monotonicMs: () => number;
  /** undefined for a function that serves public routes only. */
  readonly accessTokens: AccessTokenVerifier | undefined;
  /** SHA-256 of each secret that the edge may send; none when there is no edge. */
  readonly edgeSecretDigests: readonly string[];
}

/** What the middlewares of one request hand to one another. */
interface RequestState extends Record<string, unknown> {
  startedAtMs: number;
  allowedOrigin?: string;
  /** Public code of the problem, `ok` otherwise. */
  code: string;
  /** Of the workspace that the request is about. */
  openAiTier?: number;
}

type Result = APIGatewayProxyStructuredResultV2;
type Layer = MiddlewareObj<APIGatewayProxyEventV2, Result, Error, Context, RequestState>;
type AnyEndpoint = (request: EndpointRequest<RouteId>) => Promise<unknown>;

export type HttpHandler = (event: APIGatewayProxyEventV2, context: Context) => Promise<Result>;

/**
 * The Lambda handler of one function: every answer in the contract's envelope, with its headers, whatever happens. The
 * order inside: find the route, authenticate, validate, call the endpoint, shape the answer by the route's schema.
 */
export const httpHandler = <Name extends FunctionName>(
  endpoints: EndpointsOf<Name>,
  ports: HttpDeps,
): HttpHandler => {
  const served = new Map<string, { route: Route; endpoint: AnyEndpoint }>(
    Object.entries(endpoints).map(([id, endpoint]) => {
      const route: Route = ROUTES[id as RouteId];
      return [routeKeyOf(route), { route, endpoint: endpoint as AnyEndpoint }];
    }),
  );

  const invalid = invalidRequests(ports.monotonicMs);

  const answerRoute = async (event: APIGatewayProxyEventV2, progress: RequestState): Promise<Result> => {
    const sourceIp = sourceIpOf(event, ports.edgeSecretDigests);
    const match = served.get(event.routeKey);
    if (match === undefined) throw new BrokerError('route_not_found');
    // A preflight or a price list has nothing to read.
    if (match.route.access !== 'public' || match.route.body === undefined)
      return answerMatch(match, sourceIp, event, progress);
    // Not for signed requests: one that is signed rightly is never refused for the wrong ones of its address.
    if (match.route.signed !== true) invalid.check(sourceIp);
    try {
      return await answerMatch(match, sourceIp, event, progress);
    } catch (error) {
      throw invalid.count(sourceIp, error);
    }
  };

  const answerMatch = async (
    { route, endpoint }: { readonly route: Route; readonly endpoint: AnyEndpoint },
    sourceIp: string,
    event: APIGatewayProxyEventV2,
    progress: RequestState,
  ): Promise<Result> => {
    const caller =
      route.access === 'public' ? undefined : await authenticate(ports.accessTokens, event, sourceIp);
    const request: EndpointRequest<RouteId> = {
      path: event.pathParameters ?? {},
      ...(validated(route, event) as Pick<EndpointRequest<RouteId>, 'body' | 'query'>),
      caller: caller as Caller & undefined,
      origin: event.headers['origin'],
      headers: event.headers,
      rawBody: bodyText(event),
      sourceIp,
      allowOrigin: (origin) => {
        progress.allowedOrigin = origin;
      },
      noteTier: (tier) => {
        progress.openAiTier = tier;
      },
    };
    const data = await endpoint(request);
    if (route.data === undefined) return { statusCode: route.status };
    // Parsing the answer strips what the contract does not name, so that a new field inside cannot leak out.
    const shown = route.data.parse(data);
    if (route.csv !== undefined && prefersCsv(event.headers['accept']))
      return csvResult(route.csv, shown, event);
    return { statusCode: route.status, body: JSON.stringify({ success: true, data: shown }) };
  };

  const progressOf = new WeakMap<APIGatewayProxyEventV2, RequestState>();
  return middy<APIGatewayProxyEventV2, Result, Error, Context, RequestState>()
    .use(accessLog(ports))
    .use(responseHeaders((routeKey) => served.get(routeKey)?.route.csv !== undefined))
    .use(problemResponse(ports))
    .before(({ event, internal }) => {
      progressOf.set(event, internal);
    })
    .handler((event: APIGatewayProxyEventV2) =>
      answerRoute(event, progressOf.get(event) ?? { startedAtMs: 0, code: 'ok' }),
    );
};

/** The answer as a file to keep. Where the list goes on, a `Link` says how (RFC 8288). */
const csvResult = (table: CsvTable, shown: unknown, event: APIGatewayProxyEventV2): Result => {
  const { siteId, workspaceId } = event.pathParameters ?? {};
  const { from, to, next_cursor: cursor } = csvFacts.parse(shown);
  const next = new URLSearchParams({ ...event.queryStringParameters, cursor: cursor ?? '' });
  return {
    statusCode: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${csvFileName(table, [siteId ?? workspaceId, from, to])}"`,
      ...(cursor && { link: `<${event.rawPath}?${next}>; rel="next"` }),
    },
    body: csvOf(table, shown),
  };
};

const csvFacts = z.object({
  from: z.string().optional(),
  to: z.string().optional(),
  next_cursor: z.string().nullish(),
});

/** A malformed site id is refused before the body is looked at: it comes first in the contract's order. */
const validated = (route: Route, event: APIGatewayProxyEventV2): { body: unknown; query: unknown } => {
  const siteId = event.pathParameters?.['siteId'];
  if (siteId !== undefined && !/^[a-z0-9]{8,32}$/.test(siteId))
    throw new BrokerError(route.access === 'public' ? 'invalid_site_id' : 'site_not_found');
  return { query: parseQuery(route, event), body: parseBody(route, event) };
};

/** Outermost: sees every answer as it leaves. One log line and one metric per request, no part of the request's content. */
const accessLog = ({ log, metrics, monotonicMs }: HttpDeps): Layer => {
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
    name: 'observed',
    before: ({ internal }) => {
      internal.startedAtMs = monotonicMs();
      internal.code = 'ok';
    },
    after: ({ event, response, internal }) => report(event, response, internal),
    onError: ({ event, response, internal }) => report(event, response, internal),
  };
};

const idOrNothing = (id: string | undefined): string | undefined =>
  id !== undefined && /^[a-z0-9]{8,32}$/.test(id) ? id : undefined;

/** `byAccept`: whether the answer to a route depends on what the caller accepts. */
const responseHeaders = (byAccept: (routeKey: string) => boolean): Layer => {
  const add = ({
    event,
    response,
    internal: { allowedOrigin },
  }: Parameters<NonNullable<Layer['after']>>[0]): void => {
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
  return { name: 'withHeaders', after: add, onError: add };
};

/** Innermost: turns whatever was thrown into the contract's failure. */
const problemResponse = ({ log }: HttpDeps): Layer => ({
  name: 'problemsAnswered',
  onError: (request) => {
    const { requestId } = request.event.requestContext;
    const { problem, retryAfterSeconds, details } = problemAnswer(request.error, log, requestId);
    request.internal.code = problem.code;
    request.response = {
      statusCode: problem.status,
      headers: {
        ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      },
      body: JSON.stringify({
        success: false,
        error: {
          code: problem.code,
          message: problem.message,
          request_id: requestId,
          ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
          ...(details.length > 0 && { details }),
        },
      }),
    };
  },
});
