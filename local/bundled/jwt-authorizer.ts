import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Authorizer } from '../gateway.ts';

/** API Gateway supports RSA-based algorithms only. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/**
 * Stands in for API Gateway's JWT authorizer and accepts what it documents: an RSA signature by the key that `kid` names,
 * issuer, audience (or `client_id` if there is no `aud`), `exp`, `nbf`, and an `iat` that is not in the future. It does not tell
 * an access token from an ID token, as the real one does not.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */
export const jwtAuthorizer = (issuer: string, audience: string, jwksUri: string): Authorizer => {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return async (authorization) => {
    const token = authorization?.replace(/^Bearer /i, '') ?? '';
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
      });
      const isIssued = payload.iat === undefined || payload.iat <= Math.ceil(Date.now() / 1_000);
      const isForUs = [payload.aud ?? payload['client_id']].flat().includes(audience);
      return protectedHeader.kid !== undefined && isIssued && isForUs;
    } catch {
      return false;
    }
  };
};
