import { type FunctionName, ROUTES, type Route } from '../lambdas/contract/routes.ts';
import type { HttpHandler } from '../lambdas/http/http-handler.ts';
import { type LocalGateway, startGateway } from '../local/gateway.ts';

/** A gateway in front of a single function. There are no requests for the others. */
export const startTokenGateway = (
  handler: HttpHandler,
  newRequestId: () => string,
): Promise<LocalGateway> => {
  const names = new Set<FunctionName>(Object.values<Route>(ROUTES).map(({ servedBy }) => servedBy));
  const handlers = Object.fromEntries(
    [...names].map((name): [FunctionName, HttpHandler] => [name, handler]),
  ) as Record<FunctionName, HttpHandler>;
  return startGateway(handlers, { port: 0, newRequestId });
};
