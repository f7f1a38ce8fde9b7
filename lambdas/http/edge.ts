import { createHash, timingSafeEqual } from 'node:crypto';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { BrokerError } from '../domain/broker-error.ts';

/**
 * Set by CloudFront on the way to the API; overwrites headers of the same names from the caller (lib/edge-stack.ts).
 */
const SECRET_HEADER = 'x-origin-verify';
const ADDRESS_HEADER = 'x-viewer-address';

/**
 * The address of the caller, which the caller cannot forge: as API Gateway saw it or, with an edge in front, as the edge
 * saw it. Throws `not_through_the_edge` for a request that did not come through the edge if there is one.
 */
export const sourceIpOf = (event: APIGatewayProxyEventV2, edgeSecretDigests: readonly string[]): string => {
  if (edgeSecretDigests.length === 0) return event.requestContext.http.sourceIp;
  const digest = createHash('sha256')
    .update(event.headers[SECRET_HEADER] ?? '')
    .digest();
  const known = edgeSecretDigests.filter((accepted) => timingSafeEqual(Buffer.from(accepted, 'hex'), digest));
  const address = event.headers[ADDRESS_HEADER];
  if (known.length === 0 || address === undefined || address === '')
    throw new BrokerError('not_through_the_edge');
  return address;
};
