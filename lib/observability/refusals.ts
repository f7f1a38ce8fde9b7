import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import { commonRefusals, ROUTES, type Route, routeKeyOf } from '../../lambdas/contract/routes.ts';

/** The routes by which a visitor's session starts: with a client secret, or as a call. */
const STARTS: readonly Route[] = [ROUTES.mintToken, ROUTES.openCall];

export const START_ROUTES: readonly string[] = STARTS.map(routeKeyOf);

/** Every public code with which the start of a session can be refused. */
export const START_REFUSALS: readonly string[] = [
  ...new Set(
    STARTS.flatMap((route) =>
      [...route.refusals, ...commonRefusals(route)].map((name) => PROBLEMS[name].code),
    ),
  ),
];

/** Codes that neither the visitor nor the owner of the site can fix. */
export const OUR_FAILURES = [
  PROBLEMS.unavailable.code,
  PROBLEMS.openai_error.code,
  PROBLEMS.openai_timeout.code,
] as const;
