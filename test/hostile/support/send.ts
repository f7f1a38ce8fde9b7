import { type IncomingHttpHeaders, request } from 'node:http';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { ROUTES, type Route, routeKeyOf } from '../../../lambdas/contract/routes.ts';
import { signEvents } from '../../../lambdas/domain/sessions/event-signature.ts';
import type { Body, Probe } from './probe.ts';
import { freshKey, type HostileWorld, ORIGIN } from './world.ts';

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly requestId: string;
}

/** The outcome of a probe in one world. */
interface Rendered {
  readonly route: Route;
  readonly path: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body | null;
}

/** Sends a probe and gives what came back. What cannot be said over HTTP goes to the handler in any case. */
export const send = async (world: HostileWorld, probe: Probe): Promise<Answer> => {
  const rendered = await renderProbe(world, probe);
  const overHttp = probe.overHttp && isSayable(rendered);
  const answer = await (overHttp ? sendOverHttp(world, rendered) : sendEvent(world, rendered));
  world.answers.set(answer.status, (world.answers.get(answer.status) ?? 0) + 1);
  return answer;
};

const renderProbe = async (world: HostileWorld, probe: Probe): Promise<Rendered> => {
  const route: Route = ROUTES[probe.route];
  const tenant = route.method === 'GET' ? world.library : world.tenant();
  const own: Readonly<Record<string, string>> = {
    siteId: tenant.siteId,
    workspaceId: tenant.workspaceId,
    sessionId: tenant.sessionId,
    sub: world.subs.viewer,
  };
  const words: Record<string, string> = {
    ...own,
    foreignSiteId: world.foreign.siteId,
    foreignWorkspaceId: world.foreign.workspaceId,
    foreignSessionId: world.foreign.sessionId,
    owner: world.subs.owner,
    token: world.tokens.owner ?? '',
    key: freshKey(),
    'key:revoked': freshKey('revoked'),
  };
  const fill = (text: string): string => text.replace(/<<([\w:]+)>>/g, (whole, name) => words[name] ?? whole);
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const path = Object.fromEntries(names.map((name) => [name, fill(probe.path[name] ?? own[name] ?? '')]));
  const body = probe.body !== null && 'text' in probe.body ? { text: fill(probe.body.text) } : probe.body;
  if (route.signed === true)
    Object.assign(words, signaturesOf(tenant.signingSecret, world.foreign.signingSecret, textOf(body)));
  if (probe.query.some(([, value]) => typeof value !== 'string' || value.includes('ursor>>')))
    Object.assign(words, await cursorsOf(world, route, probe));
  const query = probe.query.map(
    ([name, value]) =>
      [
        fill(name),
        typeof value === 'string' ? fill(value) : forged(words['cursor'] ?? '', fill(value.forgedPlace)),
      ] as const,
  );
  const token = world.tokens[probe.as];
  const headers: Record<string, string> = Object.create(null);
  const usual: readonly (readonly [string, string])[] = [
    ...(token === undefined ? [] : [['authorization', `Bearer ${token}`] as const]),
    ...(route.access === 'public' ? [['origin', ORIGIN] as const] : []),
    ...(probe.body === null ? [] : [['content-type', 'application/json'] as const]),
    ...(route.signed === true ? [['x-spelo-signature', words['signature'] ?? ''] as const] : []),
  ];
  const given = probe.headers.map(([name, value]) => [name, fill(value)] as const);
  const isReplaced = (name: string): boolean =>
    given.some(([other]) => other === name) || probe.without?.includes(name) === true;
  // API Gateway joins what comes twice; what a good request would have sent gives way.
  for (const [name, value] of [...usual.filter(([name]) => !isReplaced(name)), ...given])
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  return { route, path, query, headers, body };
};

/** Of a report: a good one, and those that a stranger or a recording could come with. */
const signaturesOf = (secret: string, foreignSecret: string, body: string): Record<string, string> => {
  const now = Math.floor(Date.now() / 1_000);
  const sign = (by: string, t: number): string => `t=${t},v1=${signEvents(by, t, body)}`;
  return {
    signature: sign(secret, now),
    staleSignature: sign(secret, now - 301),
    earlySignature: sign(secret, now + 330),
    foreignSignature: sign(foreignSecret, now),
  };
};

const textOf = (body: Body | null): string => {
  if (body === null) return '';
  if ('text' in body) return body.text;
  return Buffer.from('base64' in body ? body.base64 : body.misflagged, 'base64').toString('utf8');
};

/** The real cursors of the list that a probe asks for, of another caller's and of another list. */
const cursorsOf = async (
  world: HostileWorld,
  route: Route,
  probe: Probe,
): Promise<Record<string, string>> => {
  const path = (of: HostileWorld['library'], pattern: string): string =>
    pattern
      .replace('{workspaceId}', of.workspaceId)
      .replace('{siteId}', of.siteId)
      .replace('{sessionId}', of.sessionId);
  const next = async (token: string | undefined, target: string): Promise<string> => {
    const answer = await world.stack.call('GET', `${target}?limit=1`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return answer.data?.next_cursor ?? '';
  };
  const cursor = await next(world.tokens[probe.as], path(world.library, route.path));
  const [strangers, other] = await Promise.all([
    next(world.tokens.stranger, path(world.foreign, route.path)),
    next(world.tokens.owner, '/v1/workspaces'),
  ]);
  world.take();
  const middle = Math.floor(cursor.length / 2);
  const flipped = cursor[middle] === 'A' ? 'B' : 'A';
  return {
    cursor,
    strangersCursor: strangers,
    otherCursor: other,
    alteredCursor: `${cursor.slice(0, middle)}${flipped}${cursor.slice(middle + 1)}`,
  };
};

/** The cursor of this list, but of another place in it. */
const forged = (cursor: string, place: string): string => {
  if (cursor === '') return place;
  const [binding] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [string, string];
  return Buffer.from(JSON.stringify([binding, place])).toString('base64url');
};

let sent = 0;

/** The event that API Gateway makes of a request (payload format 2.0). */
export const eventOf = (given: {
  readonly routeKey: string;
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body | null;
  readonly sourceIp?: string;
}): APIGatewayProxyEventV2 => {
  const { routeKey, path = {}, query = [], headers = {}, body = null, sourceIp = '127.0.0.1' } = given;
  const [method = ''] = routeKey.split(' ');
  const parameters: Record<string, string> = Object.create(null);
  for (const [name, value] of query)
    parameters[name] = parameters[name] === undefined ? value : `${parameters[name]},${value}`;
  const requestId = `hostile-${++sent}`;
  return {
    version: '2.0',
    routeKey,
    rawPath: routeKey.slice(method.length + 1).replace(/\{(\w+)\}/g, (_, name) => encode(path[name] ?? '')),
    rawQueryString: '',
    headers: { ...headers },
    ...(query.length > 0 && { queryStringParameters: parameters }),
    ...(Object.keys(path).length > 0 && { pathParameters: { ...path } }),
    ...(body !== null && {
      body: 'text' in body ? body.text : 'base64' in body ? body.base64 : body.misflagged,
    }),
    isBase64Encoded: body !== null && !('text' in body),
    requestContext: {
      accountId: '000000000000',
      apiId: 'hostile',
      domainName: '127.0.0.1',
      domainPrefix: 'hostile',
      http: { method, path: '/', protocol: 'HTTP/1.1', sourceIp, userAgent: headers['user-agent'] ?? '' },
      requestId,
      routeKey,
      stage: '$default',
      time: '',
      timeEpoch: 0,
    },
  };
};

/** An address for each request: the limit of invalid requests of one address is not what these tests are about. */
const nextAddress = (): string => `10.${(sent >> 16) & 255}.${(sent >> 8) & 255}.${sent & 255}`;

const sendEvent = async ({ functions }: HostileWorld, { route, ...rest }: Rendered): Promise<Answer> => {
  const event = eventOf({ routeKey: routeKeyOf(route), sourceIp: nextAddress(), ...rest });
  const result = await functions.handlers[route.servedBy](event, {} as Context);
  return {
    status: result.statusCode ?? 0,
    headers: Object.fromEntries(
      Object.entries(result.headers ?? {}).map(([name, value]) => [name, String(value)]),
    ),
    text: result.body ?? '',
    requestId: event.requestContext.requestId,
  };
};

const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

/** A client refuses to write some headers, and an empty segment or dots are another path. */
const isSayable = ({ path, headers }: Rendered): boolean =>
  Object.values(path).every((segment) => !/^\.{0,2}$/.test(segment)) &&
  Object.entries(headers).every(
    ([name, value]) =>
      /^[\w-]+$/.test(name) &&
      !/^(?:host|content-length)$/.test(name) &&
      /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
  ) &&
  // Node's parser has 16 KiB for all of them.
  Object.values(headers).join('').length < 12_000 &&
  Object.values(path).join('').length < 2_000;

const sendOverHttp = (
  { stack }: HostileWorld,
  { route, path, query, headers, body }: Rendered,
): Promise<Answer> => {
  const search = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  const target = route.path.replace(/\{(\w+)\}/g, (_, name) => encode(path[name] ?? ''));
  const bytes =
    body === null || 'text' in body
      ? Buffer.from(body?.text ?? '')
      : Buffer.from('base64' in body ? body.base64 : body.misflagged, 'base64');
  return exchange(stack.url, {
    method: route.method,
    path: search.length > 0 && search.length < 4_000 ? `${target}?${search}` : target,
    headers: body === null ? headers : { ...headers, 'content-length': String(bytes.byteLength) },
    body: bytes,
  });
};

/** Sends one request on a separate connection, exactly as written. */
export const exchange = (
  url: string,
  {
    method,
    path,
    headers,
    body,
  }: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
  },
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const options = { hostname, port, method, path, headers: { ...headers }, agent: false as const };
    const outgoing = request(options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const received = headersOf(incoming.headers);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: received,
          text: Buffer.concat(chunks).toString('utf8'),
          requestId: received['x-request-id'] ?? '',
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const headersOf = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
