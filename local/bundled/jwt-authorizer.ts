import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Authorizer } from '../gateway.ts';

/**
 * Stands in for API Gateway's JWT authorizer: signature, issuer, audience (or Cognito's `client_id`) and expiry of the
 * bearer. It does not tell an access token from an ID token, as the real one does not.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */
export const jwtAuthorizer = (issuer: string, audience: string, jwksUri: string): Authorizer => {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return async (authorization) => {
    const token = authorization?.replace(/^Bearer /i, '') ?? '';
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, requiredClaims: ['exp'] });
      return [payload.aud ?? payload['client_id']].flat().includes(audience);
    } catch {
      return false;
    }
  };
};
