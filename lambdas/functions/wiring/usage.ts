import type { UsageEnvironment } from '../../contract/environment.ts';
import { type HttpHandler, httpHandler } from '../../http/handler.ts';
import { usageEndpoints } from '../../http/usage-endpoints.ts';
import type { World } from './world.ts';

/** The price list and the calculator. Public routes alone, no key, no table. */
export const usageHandler = (environment: UsageEnvironment, world: World): HttpHandler =>
  httpHandler(usageEndpoints({ clock: world.clock, plans: environment.PLANS }), {
    ...world,
    accessTokens: undefined,
    edgeSecretDigests: environment.EDGE_PROOF_DIGESTS,
  });
