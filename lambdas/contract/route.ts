import type * as z from 'zod';
import type { ApiTokenRole, Role } from '../domain/tenancy/workspace.ts';
import type { ProblemName } from './problems.ts';

/** The deployed function that serves a route. */
export type FunctionName = 'token' | 'events' | 'keys' | 'rotate' | 'audit' | 'manage' | 'usage';

/** How `data` is a table: one record for each object of `list`, one column for each field of `record`. */
export interface CsvTable {
  /** The start of a downloaded file's name, before its ids and its ending. */
  readonly name: string;
  readonly list: 'rows' | 'items';
  readonly record: z.ZodObject;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** In the notation of API Gateway and OpenAPI. */
  readonly path: `/v1/${string}`;
  readonly servedBy: FunctionName;
  /** `public`: no Authorization. Otherwise the least role that a signed-in caller needs; `any`: just signed in. */
  readonly access: 'public' | 'any' | Role;
  /**
   * The least role of an API token that the route accepts; absent: people only. A route with one has no authorizer at the
   * gateway.
   */
  readonly apiTokens?: ApiTokenRole;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** Without a body it is as with `{}`. */
  readonly optionalBody?: true;
  /** Signed requests prove themselves: they also come as text/plain, which a browser sends without a preflight. */
  readonly signed?: true;
  readonly status: 200 | 201 | 202 | 204;
  /** Shape of `data`; absent for 204. */
  readonly data?: z.ZodType;
  /** Answers `Accept: text/csv` too. */
  readonly csv?: CsvTable;
  /** Refusals beyond those that every route of its access can give. */
  readonly refusals: readonly ProblemName[];
}

export type Routes = Readonly<Record<string, Route>>;

/** `POST /v1/{siteId}/token`, as API Gateway names a route. */
export const routeKeyOf = (route: Pick<Route, 'method' | 'path'>): string => `${route.method} ${route.path}`;

/** Errors that any route of this access may answer, in addition to its own list. */
export const commonRefusals = (route: Route): readonly ProblemName[] => [
  'unavailable',
  // Also where nothing is taken: a body or a query that does not belong there is refused.
  'invalid_request',
  ...(route.access === 'public' ? [] : (['unauthorized'] as const)),
  ...(route.access === 'public' || route.access === 'any' ? [] : (['forbidden'] as const)),
  ...(route.apiTokens === undefined ? [] : (['api_token_invalid', 'api_token_not_allowed'] as const)),
];
