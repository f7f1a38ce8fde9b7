import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import { commonRefusals, ROUTES, type Route, routeKeyOf } from '../../lambdas/contract/routes.ts';

const MINT: Route = ROUTES.mintToken;

export const MINT_ROUTE = routeKeyOf(MINT);

/** Every public code that a mint is refused with. */
export const MINT_REFUSALS: readonly string[] = [
  ...new Set([...MINT.refusals, ...commonRefusals(MINT)].map((name) => PROBLEMS[name].code)),
];

/** Those that neither the visitor nor the owner of the site can do anything about. */
export const OUR_FAILURES = [
  PROBLEMS.unavailable.code,
  PROBLEMS.openai_error.code,
  PROBLEMS.openai_timeout.code,
] as const;
