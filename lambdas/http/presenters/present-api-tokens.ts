import { isExpiredToken } from '../../domain/tenancy/api-token.ts';
import type { ShownApiToken } from '../../use-cases/tenancy/api-tokens.ts';
import type { DataOf } from '../endpoints/endpoint.ts';

export const presentApiToken = (
  token: ShownApiToken,
  now: Date,
): DataOf<'listApiTokens'>['items'][number] => ({
  token_id: token.tokenId,
  name: token.name,
  role: token.role,
  site_ids: token.siteIds === null ? null : [...token.siteIds],
  created_at: token.createdAt,
  created_by: token.createdBy,
  expires_at: token.expiresAt,
  expired: isExpiredToken(token, now),
  last_used_at: token.lastUsedAt ?? null,
  effective_role: token.effectiveRole ?? null,
});
