import { oidcAccessTokens } from '../adapters/oidc/access-tokens.ts';
import type { AccessTokenRule } from '../domain/access-token-rule.ts';
import type { HttpDeps } from '../http/http-deps.ts';
import type { ApiTokenReader } from '../use-cases/ports/tenancy.ts';
import { verifyApiToken } from '../use-cases/tenancy/verify-api-token.ts';
import type { Runtime } from './runtime.ts';

/** The dependencies of every function behind the API, except its endpoints. */
export const httpDeps = (
  environment: {
    readonly OIDC_ISSUER: string;
    readonly OIDC_AUDIENCE: string;
    readonly OIDC_ACCESS_RULE: AccessTokenRule;
    readonly RECENT_SIGN_IN_SECONDS: number;
    readonly EDGE_PROOF_DIGESTS: readonly string[];
  },
  runtime: Runtime,
  /** The table of API tokens; absent for a function that serves no route for them. */
  apiTokens?: ApiTokenReader,
): HttpDeps => ({
  ...runtime,
  accessTokens: oidcAccessTokens({
    issuer: environment.OIDC_ISSUER,
    audience: environment.OIDC_AUDIENCE,
    rule: environment.OIDC_ACCESS_RULE,
    recentSignInSeconds: environment.RECENT_SIGN_IN_SECONDS,
    monotonicMs: runtime.monotonicMs,
    unixSeconds: () => Math.floor(Date.now() / 1_000),
    onIssuerMismatch: (named) =>
      runtime.log.error('the discovery document names another issuer', {
        configured: environment.OIDC_ISSUER,
        named,
      }),
  }),
  verifyApiToken: apiTokens && verifyApiToken({ apiTokens, clock: runtime.clock }),
  edgeSecretDigests: environment.EDGE_PROOF_DIGESTS,
});
