import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { subSchema } from '../contract/common.ts';
import { BrokerError } from '../domain/broker-error.ts';
import type { Caller } from '../domain/tenancy/workspace.ts';
import type { AccessTokenVerifier } from '../use-cases/ports/tenancy.ts';

/**
 * The caller of a management route. API Gateway's JWT authorizer has looked at the token before; it is verified here
 * again, because the authorizer cannot tell an access token from an ID token, and because the local run has no gateway
 * (docs/decisions/0004).
 */
export const authenticate = async (
  accessTokens: AccessTokenVerifier | undefined,
  event: APIGatewayProxyEventV2,
  sourceIp: string,
): Promise<Caller> => {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(event.headers['authorization'] ?? '')?.[1];
  const verified = token === undefined ? undefined : await accessTokens?.verify(token);
  // Nobody is called what no member can be called.
  const known = subSchema.safeParse(verified?.sub);
  if (!known.success || verified === undefined) throw new BrokerError('unauthorized');
  return { sub: known.data, sourceIp, ...(verified.signInIsOld && { signInIsOld: true }) };
};
