import { BrokerError } from '../../domain/broker-error.ts';
import { isSameText } from '../../domain/constant-time.ts';
import { isExpiredToken } from '../../domain/tenancy/api-token.ts';
import { hashOfApiToken, parseApiToken } from '../../domain/tenancy/api-token-text.ts';
import type { ApiTokenOfCaller } from '../../domain/tenancy/workspace.ts';
import type { Clock } from '../ports/runtime.ts';
import type { ApiTokenReader } from '../ports/tenancy.ts';

const REASONS = {
  mistyped: 'The token is incomplete or mistyped. Copy it again.',
  unknown: 'The token does not exist, or it was revoked.',
  expired: 'The token has expired.',
  creator_removed: 'The person who created the token is no longer a member of the workspace.',
} as const;

export const invalidApiToken = (reason: keyof typeof REASONS): BrokerError =>
  new BrokerError('api_token_invalid', {
    details: [{ path: 'authorization', message: REASONS[reason] }],
  });

/**
 * Returns the facts of the API token with this text. Each call makes one strongly consistent read, without a cache, so a revoked
 * token is refused at once. A text whose checksum is wrong costs no read. Only the holder of the whole token learns that it has
 * expired.
 *
 * @throws BrokerError `api_token_invalid` with the reason.
 */
export const verifyApiToken =
  ({ apiTokens, clock }: { readonly apiTokens: ApiTokenReader; readonly clock: Clock }) =>
  async (text: string): Promise<ApiTokenOfCaller> => {
    const place = parseApiToken(text);
    if (place === undefined) throw invalidApiToken('mistyped');
    const token = await apiTokens.readApiToken(place.workspaceId, place.tokenId);
    if (token === undefined || !isSameText(token.hash, hashOfApiToken(text)))
      throw invalidApiToken('unknown');
    const now = clock();
    if (isExpiredToken(token, now)) throw invalidApiToken('expired');
    await apiTokens.noteApiTokenUse(token, now);
    const { hash, expiresAt, ...facts } = token;
    return facts;
  };
