import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { type FunctionName, ROUTES, type Route, routeKeyOf } from '../lambdas/contract/routes.ts';
import type { HttpHandler } from '../lambdas/http/http-handler.ts';
import { LOOPBACK, listen } from './listen.ts';
import type { WebHandler } from './web/static-files.ts';

/**
 * Stands in for an API Gateway HTTP API (payload format 2.0): picks the route, builds the event, calls the same handler
 * that Lambda calls. Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export interface LocalGateway {
  readonly url: string;
  close(): Promise<void>;
}

/** API Gateway's own limit on a payload: 10 MB. */
const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;

/** Request line and headers: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const MAX_HEADER_BYTES = 10_240;

/** An answer of a function, as JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_ANSWER_BYTES = 6 * 1_024 * 1_024;

/** Returns whether a request with this Authorization header may pass. */
export type Authorizer = (authorization: string | undefined) => Promise<boolean>;

export interface GatewayRoute extends Pick<Route, 'method' | 'path' | 'servedBy'> {
  /** The authorizer in front of the function. Without one, only the function decides. */
  readonly authorizer?: Authorizer | undefined;
}

const ROUTE_LIST: readonly GatewayRoute[] = Object.values(ROUTES);

export const startGateway = async (
  handlers: Readonly<Record<FunctionName, HttpHandler>>,
  options: {
    readonly port: number;
    readonly newRequestId: () => string;
    /** One line for each request, with the status that it was answered with. */
    readonly onAnswer?: (line: string, status: number) => void;
    /** @default the routes of the contract, without an authorizer */
    readonly routes?: readonly GatewayRoute[];
    /** Pages and scripts for browsers, in addition to the API. The first one that answers wins. */
    readonly pages?: readonly WebHandler[];
  },
): Promise<LocalGateway> => {
  const routes = (options.routes ?? ROUTE_LIST).map(compile);
  const server = createServer((request, response) => {
    const startedAt = performance.now();
    void answer(request, response).then((status) => {
      // The route and not the path, because a path may contain anything that a person pasted.
      const route = matchRoute(routes, request.method ?? 'GET', pathOf(request))?.route.path ?? '(no route)';
      const elapsedMs = Math.round(performance.now() - startedAt);
      options.onAnswer?.(`${request.method} ${route} ${status} ${elapsedMs} ms`, status);
    });
  });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<number> => {
    try {
      if (options.pages?.some((serve) => serve(request, response)) === true) return response.statusCode;
      const body = await readPayload(request);
      if (body === undefined)
        return send(response, { statusCode: 413, body: '{"message":"Payload Too Large"}' });
      if (headerBytesOf(request) > MAX_HEADER_BYTES)
        return send(response, { statusCode: 431, body: '{"message":"Request Header Fields Too Large"}' });
      const match = matchRoute(routes, request.method ?? 'GET', pathOf(request));
      const authorizer = match?.route.authorizer;
      if (authorizer !== undefined && !(await authorizer(request.headers.authorization)))
        return send(response, {
          statusCode: 401,
          headers: { 'content-type': 'application/json', 'www-authenticate': 'Bearer' },
          body: '{"message":"Unauthorized"}',
        });
      const handler = handlers[match?.route.servedBy ?? 'manage'];
      const event = eventOf(request, body, match, options.newRequestId());
      const result = await handler(event, lambdaContext);
      if (Buffer.byteLength(JSON.stringify(result)) > MAX_ANSWER_BYTES)
        throw new Error('Lambda refuses an answer of more than 6 MB.');
      return send(response, result);
    } catch {
      // The response to a failure of Lambda itself. The handlers answer every other error themselves.
      return send(response, { statusCode: 500, body: '{"message":"Internal Server Error"}' });
    }
  };

  const port = await listen(server, options.port);
  return {
    url: `http://${LOOPBACK}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const send = (response: ServerResponse, result: APIGatewayProxyStructuredResultV2): number => {
  const status = result.statusCode ?? 200;
  response.writeHead(status, result.headers as Record<string, string>);
  response.end(result.body ?? '');
  return status;
};

/** A request target that is no path at all (`//`, `*`) is simply no route. */
const urlOf = (request: IncomingMessage): URL => {
  const target = request.url ?? '/';
  return URL.canParse(target, 'http://local') && target.startsWith('/') && !target.startsWith('//')
    ? new URL(target, 'http://local')
    : new URL('http://local/');
};

const pathOf = (request: IncomingMessage): string => urlOf(request).pathname;

const headerBytesOf = ({ method = '', url = '', rawHeaders }: IncomingMessage): number =>
  Buffer.byteLength(`${method} ${url} HTTP/1.1`) + Buffer.byteLength(rawHeaders.join(': '));

const readPayload = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size <= MAX_PAYLOAD_BYTES) chunks.push(chunk);
  }
  return size > MAX_PAYLOAD_BYTES ? undefined : Buffer.concat(chunks);
};

interface Match {
  readonly route: GatewayRoute;
  readonly pathParameters: Record<string, string>;
}

/** A segment of a route's path: a literal, or the name of a parameter. */
type Segment = { readonly literal: string } | { readonly name: string };

interface CompiledRoute {
  readonly route: GatewayRoute;
  readonly segments: readonly Segment[];
}

const compile = (route: GatewayRoute): CompiledRoute => ({
  route,
  segments: route.path.split('/').map((text) => {
    const name = /^\{(\w+)\}$/.exec(text)?.[1];
    return name === undefined ? { literal: text } : { name };
  }),
});

/** As at API Gateway, a literal segment wins over a parameter. */
const matchRoute = (routes: readonly CompiledRoute[], method: string, path: string): Match | undefined => {
  const given = path.split('/');
  const matches: Match[] = [];
  for (const { route, segments } of routes) {
    if (route.method !== method || segments.length !== given.length) continue;
    const pathParameters = matchSegments(segments, given);
    if (pathParameters !== undefined) matches.push({ route, pathParameters });
  }
  return matches.sort(
    (a, b) => Object.keys(a.pathParameters).length - Object.keys(b.pathParameters).length,
  )[0];
};

const matchSegments = (
  segments: readonly Segment[],
  given: readonly string[],
): Record<string, string> | undefined => {
  const parameters: Record<string, string> = {};
  for (const [i, expected] of segments.entries()) {
    const segment = given[i] ?? '';
    if ('literal' in expected) {
      if (segment !== expected.literal) return undefined;
      continue;
    }
    if (segment === '') return undefined;
    parameters[expected.name] = decode(segment);
  }
  return parameters;
};

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

const TEXT = /^(?:text\/|application\/(?:json|javascript|xml|x-www-form-urlencoded)|[^;]*\+json)/i;

const eventOf = (
  request: IncomingMessage,
  body: Buffer,
  match: Match | undefined,
  requestId: string,
): APIGatewayProxyEventV2 => {
  const url = urlOf(request);
  const routeKey = match === undefined ? '$default' : routeKeyOf(match.route);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value].flat().join(',')]),
  );
  const query: Record<string, string> = {};
  for (const [name, value] of url.searchParams)
    query[name] = query[name] === undefined ? value : `${query[name]},${value}`;
  const isText = headers['content-type'] === undefined || TEXT.test(headers['content-type']);
  const now = new Date();
  return {
    version: '2.0',
    routeKey,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers,
    ...(Object.keys(query).length > 0 && { queryStringParameters: query }),
    ...(match !== undefined && { pathParameters: match.pathParameters }),
    ...(body.byteLength > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.byteLength > 0 && !isText,
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: '127.0.0.1',
      domainPrefix: 'local',
      http: {
        method: request.method ?? 'GET',
        path: url.pathname,
        protocol: 'HTTP/1.1',
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: now.toUTCString(),
      timeEpoch: now.getTime(),
    },
  };
};

const lambdaContext = {
  callbackWaitsForEmptyEventLoop: false,
  functionName: 'local',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:local',
  memoryLimitInMB: '1024',
  awsRequestId: 'local',
  logGroupName: 'local',
  logStreamName: 'local',
  getRemainingTimeInMillis: () => 25_000,
  done: () => undefined,
  fail: () => undefined,
  succeed: () => undefined,
};
