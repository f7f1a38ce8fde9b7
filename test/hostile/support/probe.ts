import type { ROUTES } from '../../../lambdas/contract/routes.ts';

/** Who calls. `nobody` sends no token; a `stranger` is the owner of another workspace. */
export const PEOPLE = ['nobody', 'owner', 'admin', 'viewer', 'removed', 'stranger', 'expired'] as const;
export type Person = (typeof PEOPLE)[number];

/** Where the list that a query belongs to continues, in the words of an attacker. */
export interface ForgedCursor {
  readonly forgedPlace: string;
}

export type Body =
  | { readonly text: string }
  | { readonly base64: string }
  /** Text that the event says is base64. */
  | { readonly misflagged: string };

/**
 * A request as data, so that a failing one can be printed, kept and played again. Ids are different in every world: texts
 * hold `<<siteId>>` and the like in their place (world.ts says which).
 */
export interface Probe {
  readonly route: keyof typeof ROUTES;
  readonly as: Person;
  /** Over HTTP, through the gateway; otherwise as an event straight to the handler. */
  readonly overHttp: boolean;
  /** Path parameters, decoded. One that is not named has the id of the tenant. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [string, string | ForgedCursor])[];
  /** Names in lower case. They come after, and so instead of, what a good request would have sent. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Body | null;
  /** Headers of a good request that are left out. */
  readonly without?: readonly string[];
}
