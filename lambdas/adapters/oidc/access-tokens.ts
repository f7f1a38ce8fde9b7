import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import * as z from 'zod';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { AccessTokenVerifier } from '../../use-cases/ports/tenancy.ts';

/** Asymmetric only: with a symmetric one, whoever can verify could also sign. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const CLOCK_TOLERANCE_SECONDS = 5;
const ISSUER_TIMEOUT_MS = 3_000;
/** `at+jwt` is RFC 9068; many issuers still write `JWT` or nothing. */
const TOKEN_TYPES = new Set([undefined, 'JWT', 'at+jwt', 'application/at+jwt']);
/** Claims that only ID tokens have (OpenID Connect Core 1.0, sections 2 and 3.3.2.11). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash'];

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });

/** Nobody is refused because the issuer is out of reach; the request fails closed. */
const issuerUnavailable = (error: unknown): DependencyUnavailableError =>
  new DependencyUnavailableError('oidc', 'GetKeys', error instanceof Error ? error.name : 'UnknownError');

/**
 * Verifies access tokens of one OIDC issuer with its published keys: signature, issuer, audience, expiry, and that it is
 * not an ID token. Keys named in a token's own header (`jku`, `jwk`, `x5u`) are never used. The key set is kept and
 * fetched again when an unknown key id appears, at most every 30 s.
 */
export const oidcAccessTokens = (issuer: string, audience: string): AccessTokenVerifier => {
  let keySet: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;

  const discover = async (): Promise<ReturnType<typeof createRemoteJWKSet>> => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(ISSUER_TIMEOUT_MS) });
    const document = discovery.parse(await answer.json());
    if (document.issuer !== issuer) throw new Error('The discovery document names another issuer.');
    return createRemoteJWKSet(new URL(document.jwks_uri), { timeoutDuration: ISSUER_TIMEOUT_MS });
  };

  const keys = async (): Promise<ReturnType<typeof createRemoteJWKSet>> => {
    keySet ??= discover();
    try {
      return await keySet;
    } catch (error) {
      keySet = undefined;
      throw issuerUnavailable(error);
    }
  };

  return {
    verify: async (token) => {
      const getKey = await keys();
      try {
        const { payload, protectedHeader } = await jwtVerify(token, getKey, {
          issuer,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          requiredClaims: ['sub', 'exp'],
        });
        const ours = isFor(audience, payload) && isAccessToken(protectedHeader.typ, payload);
        // The type is only what jose expects: a list of one would pass for its member.
        return ours && typeof payload.sub === 'string' ? payload.sub : undefined;
      } catch (error) {
        if (isTokenFault(error)) return undefined;
        throw issuerUnavailable(error);
      }
    },
  };
};

/** Cognito's access tokens name their client in `client_id` and have no `aud`, which API Gateway accepts too. */
const isFor = (audience: string, { aud, client_id }: JWTPayload): boolean =>
  aud === undefined ? client_id === audience : [aud].flat().includes(audience);

const isAccessToken = (typ: string | undefined, payload: JWTPayload): boolean =>
  TOKEN_TYPES.has(typ) &&
  (payload['token_use'] === undefined || payload['token_use'] === 'access') &&
  !ID_TOKEN_CLAIMS.some((claim) => claim in payload);

/** jose's own errors are about the token, except those about the key set's endpoint. */
const isTokenFault = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== 'ERR_JOSE_GENERIC';
