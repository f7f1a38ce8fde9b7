import type * as z from 'zod';
import type { ApiTokenRole, Role } from '../domain/tenancy/workspace.ts';
import type { ProblemName } from './problems.ts';

/** The deployed function that serves a route. */
export type FunctionName = 'token' | 'events' | 'keys' | 'rotate' | 'audit' | 'manage' | 'usage';

/** The table form of `data`: one record for each object of `list`, one column for each field of `record`. */
export interface CsvTable {
  /** The first part of a downloaded file's name, before its IDs and extension. */
  readonly name: string;
  readonly list: 'rows' | 'items';
  readonly record: z.ZodObject;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** The path in the notation of API Gateway and OpenAPI. */
  readonly path: `/v1/${string}`;
  readonly servedBy: FunctionName;
  /**
   * `public`: no Authorization. Otherwise the lowest role that a signed-in caller needs; `any`: every signed-in caller.
   */
  readonly access: 'public' | 'any' | Role;
  /**
   * The lowest role of an API token that the route accepts; absent for people only. Such a route has no authorizer at the
   * gateway.
   */
  readonly apiTokens?: ApiTokenRole;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** A missing body counts as `{}`. */
  readonly optionalBody?: true;
  /**
   * Signed requests authenticate themselves. They may also be text/plain, which a browser sends without a preflight.
   */
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

/** `POST /v1/{siteId}/token`, in API Gateway's notation of a route. */
export const routeKeyOf = (route: Pick<Route, 'method' | 'path'>): string => `${route.method} ${route.path}`;

/** Errors that any route of this access may answer, in addition to its own list. */
export const commonRefusals = (route: Route): readonly ProblemName[] => [
  'unavailable',
  // Also on routes without input, because a body or a query that does not belong there is refused.
  'invalid_request',
  ...(route.access === 'public' ? [] : (['unauthorized'] as const)),
  ...(route.access === 'public' || route.access === 'any' ? [] : (['forbidden'] as const)),
  ...(route.apiTokens === undefined ? [] : (['api_token_invalid', 'api_token_not_allowed'] as const)),
];
