import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import * as z from 'zod';
import type { AccessTokenRule } from '../../domain/access-token-rule.ts';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { AccessTokenVerifier } from '../../use-cases/ports/tenancy.ts';

/**
 * RSA only, because API Gateway's JWT authorizer accepts nothing else: a token that passes here must pass there.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
/** The usual tolerance between two machines' clocks, seconds. */
const CLOCK_TOLERANCE_SECONDS = 60;
const ISSUER_TIMEOUT_MS = 3_000;
/** Time for which fetched keys stay usable while the issuer cannot be reached. */
const KEYS_USABLE_MS = 24 * 60 * 60 * 1_000;
/** After a failed fetch, known keys are used for this long before the issuer is asked again. */
const RETRY_AFTER_MS = 30_000;
/** Header types that a JWT used as a bearer token may have; media types are compared without case (RFC 2045, 5.1). */
const TOKEN_TYPES: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'at+jwt']);

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });

class DiscoveryMismatchError extends Error {
  override readonly name = 'DiscoveryNamesAnotherIssuer';
}

/** An outage of the issuer is not a refusal of the token; the request fails closed. */
const issuerUnavailable = (error: unknown): DependencyUnavailableError =>
  new DependencyUnavailableError('oidc', 'GetKeys', error instanceof Error ? error.name : 'UnknownError');

export interface AccessTokenSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly rule: AccessTokenRule;
  /**
   * A sign-in older than this, by `auth_time`, counts as old, and so does a token without `auth_time`. 0: no sign-in is
   * old.
   */
  readonly recentSignInSeconds: number;
  /** A monotonic clock, milliseconds. */
  readonly monotonicMs: () => number;
  /** The real time, Unix seconds, because the issuer's clock is real. */
  readonly unixSeconds: () => number;
  /** Called once when the discovery document names another issuer than the configured one. */
  readonly onIssuerMismatch: (named: string) => void;
}

/**
 * Verifies access tokens of one OIDC issuer with its published keys: RSA signature with a key id, issuer, audience, times,
 * and a positive sign that it is an access token (`AccessTokenRule`). Keys named in a token's own header (`jku`, `jwk`,
 * `x5u`) are never used. The key set is refreshed after 10 minutes, and when an unknown key id appears, at most every 30 s;
 * known keys stay usable for a day while the issuer cannot be reached.
 *
 * @throws {DependencyUnavailableError} when the issuer's keys cannot be fetched and none are known.
 */
export const oidcAccessTokens = (settings: AccessTokenSettings): AccessTokenVerifier => {
  const { issuer, audience, rule } = settings;
  let keySet: Promise<JWTVerifyGetKey> | undefined;
  let mismatchReported = false;

  const discover = async (): Promise<JWTVerifyGetKey> => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(ISSUER_TIMEOUT_MS) });
    const document = discovery.parse(await answer.json());
    if (document.issuer !== issuer) {
      if (!mismatchReported) settings.onIssuerMismatch(document.issuer);
      mismatchReported = true;
      throw new DiscoveryMismatchError();
    }
    return resilientKeySet(new URL(document.jwks_uri), settings.monotonicMs);
  };

  const keys = async (): Promise<JWTVerifyGetKey> => {
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
        const ours =
          protectedHeader.kid !== undefined &&
          isFor(audience, payload) &&
          isIssuedBefore(settings.unixSeconds() + CLOCK_TOLERANCE_SECONDS, payload) &&
          isAccessToken(rule, mediaType(protectedHeader.typ), payload);
        // The TypeScript type is only what jose expects: a list with one entry would be accepted like the entry itself.
        if (!ours || typeof payload.sub !== 'string') return undefined;
        return { sub: payload.sub, signInIsOld: isOld(settings, payload['auth_time']) };
      } catch (error) {
        if (isTokenFault(error)) return undefined;
        throw issuerUnavailable(error);
      }
    },
  };
};

/** The issuer's keys; while they cannot be refreshed, those of the last fetch. */
const resilientKeySet = (url: URL, monotonicMs: () => number): JWTVerifyGetKey => {
  const remote = createRemoteJWKSet(url, { timeoutDuration: ISSUER_TIMEOUT_MS });
  let known: { readonly getKey: JWTVerifyGetKey; readonly fetchedAtMs: number } | undefined;
  let askAgainAtMs = Number.NEGATIVE_INFINITY;

  return async (header, token) => {
    const now = monotonicMs();
    if (remote.fresh || known === undefined || now >= askAgainAtMs)
      try {
        const key = await remote(header, token);
        const jwks = remote.jwks();
        if (jwks !== undefined) known = { getKey: createLocalJWKSet(jwks), fetchedAtMs: now };
        return key;
      } catch (error) {
        if (isTokenFault(error) || known === undefined || now - known.fetchedAtMs > KEYS_USABLE_MS)
          throw error;
        askAgainAtMs = now + RETRY_AFTER_MS;
      }
    try {
      return await known.getKey(header, token);
    } catch {
      // An unknown key may be valid, which only the issuer can tell.
      throw new errors.JWKSTimeout();
    }
  };
};

/** Cognito's access tokens name their client in `client_id` and have no `aud`, which API Gateway accepts too. */
const isFor = (audience: string, { aud, client_id }: JWTPayload): boolean =>
  aud === undefined ? client_id === audience : [aud].flat().includes(audience);

const isOld = (
  { recentSignInSeconds, unixSeconds }: Pick<AccessTokenSettings, 'recentSignInSeconds' | 'unixSeconds'>,
  authTime: unknown,
): boolean =>
  recentSignInSeconds > 0 &&
  !(
    typeof authTime === 'number' && unixSeconds() - authTime <= recentSignInSeconds + CLOCK_TOLERANCE_SECONDS
  );

const isIssuedBefore = (unixSeconds: number, { iat }: JWTPayload): boolean =>
  iat === undefined || iat <= unixSeconds;

/** `application/` may be left out (RFC 7515, 4.1.9). */
const mediaType = (typ: unknown): unknown =>
  typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;

/** `nonce` alone proves nothing: Keycloak puts it into access tokens, too. */
const isAccessToken = (rule: AccessTokenRule, typ: unknown, payload: JWTPayload): boolean => {
  const { token_use: tokenUse, typ: kind } = payload;
  if (!TOKEN_TYPES.has(typ) || (tokenUse !== undefined && tokenUse !== 'access')) return false;
  if (rule.kind === 'scope') return scopesOf(payload).includes(rule.scope);
  return typ === 'at+jwt' || tokenUse === 'access' || kind === 'Bearer';
};

/** `scope` is a list with spaces in between (RFC 9068); Okta and Entra write `scp`, as a list or an array. */
const scopesOf = ({ scope, scp }: JWTPayload): readonly string[] =>
  [scope, scp].flat().flatMap((value) => (typeof value === 'string' ? value.split(' ') : []));

/** jose's own errors are about the token, except those about the key set's endpoint. */
const isTokenFault = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== 'ERR_JOSE_GENERIC';
