import type * as z from 'zod';
import type { FunctionName, ROUTES, Route, RouteId } from '../../contract/routes.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';

type RouteOf<Id extends RouteId> = (typeof ROUTES)[Id];
type BodyOf<Id extends RouteId> =
  RouteOf<Id> extends { body: infer Body extends z.ZodType } ? z.output<Body> : undefined;
type QueryOf<Id extends RouteId> =
  RouteOf<Id> extends { query: infer Query extends z.ZodType } ? z.output<Query> : undefined;
type CallerOf<Id extends RouteId> = RouteOf<Id>['access'] extends 'public' ? undefined : Caller;
export type DataOf<Id extends RouteId> =
  RouteOf<Id> extends { data: infer Data extends z.ZodType } ? z.input<Data> : undefined;

/** A request that has passed its route's validation and, where the route asks for it, authentication. */
export interface EndpointRequest<Id extends RouteId> {
  /** Decoded by API Gateway. Each endpoint parses the IDs that it uses. */
  readonly path: Readonly<Record<string, string | undefined>>;
  readonly body: BodyOf<Id>;
  readonly query: QueryOf<Id>;
  readonly caller: CallerOf<Id>;
  readonly origin: string | undefined;
  /** True for a preflight of the browser, false if the router checks the origin for a refused request. */
  readonly isPreflight: boolean;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body as it was sent, over which a signature is computed. */
  readonly rawBody: string;
  /** The address that API Gateway saw. No header can change it. */
  readonly sourceIp: string;
  /** Lets the browser page of this origin read the answer, a refusal included. */
  readonly allowOrigin: (origin: string) => void;
  /** Only for metrics: the OpenAI tier of the workspace that pays. */
  readonly noteTier: (tier: number) => void;
}

/**
 * Returns `data` in the form of the route's schema.
 *
 * @throws BrokerError with a code that the route lists in `refusals`.
 */
export type Endpoint<Id extends RouteId> = (request: EndpointRequest<Id>) => Promise<DataOf<Id>>;

type ServedBy<Name extends FunctionName> = {
  [Id in RouteId]: RouteOf<Id>['servedBy'] extends Name ? Id : never;
}[RouteId];

/** Exactly the routes that a function serves. A missing route does not compile. */
export type RoutesOf<Name extends FunctionName> = { readonly [Id in ServedBy<Name>]: Route };

/** Exactly the endpoints that a function serves. A missing endpoint does not compile. */
export type EndpointsOf<Name extends FunctionName> = { readonly [Id in ServedBy<Name>]: Endpoint<Id> };
