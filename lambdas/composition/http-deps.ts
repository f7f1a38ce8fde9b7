import { oidcAccessTokens } from '../adapters/oidc/access-tokens.ts';
import type { HttpDeps } from '../http/http-deps.ts';
import type { Runtime } from './runtime.ts';

/** What every function behind the API needs beside its endpoints. */
export const httpDeps = (
  environment: {
    readonly OIDC_ISSUER: string;
    readonly OIDC_AUDIENCE: string;
    readonly EDGE_PROOF_DIGESTS: readonly string[];
  },
  runtime: Runtime,
): HttpDeps => ({
  ...runtime,
  accessTokens: oidcAccessTokens(environment.OIDC_ISSUER, environment.OIDC_AUDIENCE),
  edgeSecretDigests: environment.EDGE_PROOF_DIGESTS,
});
