import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { subSchema } from '../contract/common.ts';
import type { Route } from '../contract/routes.ts';
import { BrokerError } from '../domain/broker-error.ts';
import { API_TOKEN_PREFIX, subOfToken } from '../domain/tenancy/api-token.ts';
import type { Caller } from '../domain/tenancy/workspace.ts';
import type { HttpDeps } from './http-deps.ts';

/**
 * The caller of a management route. On a route for people only, API Gateway's JWT authorizer has already checked the token. It
 * is verified again here, because the authorizer cannot tell an access token from an ID token, and because the local run has no
 * gateway (docs/decisions/0004). A route that accepts API tokens has no authorizer: this is its only check
 * (docs/decisions/0101).
 */
export const authenticate = async (
  deps: Pick<HttpDeps, 'accessTokens' | 'verifyApiToken'>,
  route: Pick<Route, 'apiTokens'>,
  event: APIGatewayProxyEventV2,
  sourceIp: string,
): Promise<Caller> => {
  const text = /^Bearer ([\w.~+/-]+=*)$/i.exec(event.headers['authorization'] ?? '')?.[1];
  if (text?.startsWith(API_TOKEN_PREFIX)) return machine(deps, route, text, sourceIp);
  const verified = text === undefined ? undefined : await deps.accessTokens?.verify(text);
  // The caller must have the `sub` of a possible member, which never equals the name of another actor in the audit
  // trail.
  const known = subSchema.safeParse(verified?.sub);
  if (!known.success || verified === undefined) throw new BrokerError('unauthorized');
  return { sub: known.data, sourceIp, ...(verified.signInIsOld && { signInIsOld: true }) };
};

const machine = async (
  { verifyApiToken }: Pick<HttpDeps, 'verifyApiToken'>,
  { apiTokens }: Pick<Route, 'apiTokens'>,
  text: string,
  sourceIp: string,
): Promise<Caller> => {
  if (apiTokens === undefined || verifyApiToken === undefined)
    // Uses the status of the gateway's authorizer, which refuses the request on AWS.
    throw new BrokerError('unauthorized', {
      details: [
        {
          path: 'authorization',
          message: 'This route does not accept API tokens. docs/api-tokens.md lists those that do.',
        },
      ],
    });
  const token = await verifyApiToken(text);
  return { sub: subOfToken(token.tokenId), sourceIp, token };
};
