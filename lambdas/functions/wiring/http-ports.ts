import { oidcAccessTokens } from '../../adapters/oidc/access-tokens.ts';
import type { HttpPorts } from '../../http/handler.ts';
import type { World } from './world.ts';

/** What every function behind the API needs beside its endpoints. */
export const httpPorts = (
  environment: {
    readonly OIDC_ISSUER: string;
    readonly OIDC_AUDIENCE: string;
    readonly EDGE_PROOF_DIGESTS: readonly string[];
  },
  world: World,
): HttpPorts => ({
  ...world,
  accessTokens: oidcAccessTokens(environment.OIDC_ISSUER, environment.OIDC_AUDIENCE),
  edgeSecretDigests: environment.EDGE_PROOF_DIGESTS,
});
