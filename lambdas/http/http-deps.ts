import type { ApiTokenOfCaller } from '../domain/tenancy/workspace.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AccessTokenVerifier } from '../use-cases/ports/tenancy.ts';

/** The dependencies of a function's HTTP pipeline, except its endpoints. */
export interface HttpDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  /** A monotonic clock in milliseconds, only for latencies. */
  readonly monotonicMs: () => number;
  /** undefined for a function that serves public routes only. */
  readonly accessTokens: AccessTokenVerifier | undefined;
  /** Throws `api_token_invalid`. undefined for a function that serves no route for API tokens. */
  readonly verifyApiToken?: ((text: string) => Promise<ApiTokenOfCaller>) | undefined;
  /** SHA-256 of each secret that the edge may send; empty without an edge. */
  readonly edgeSecretDigests: readonly string[];
}
