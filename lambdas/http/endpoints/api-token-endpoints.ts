import type { SiteId } from '../../domain/identifiers.ts';
import type { Clock } from '../../use-cases/ports/runtime.ts';
import type { createApiToken, listApiTokens, revokeApiToken } from '../../use-cases/tenancy/api-tokens.ts';
import { presentApiToken } from '../presenters/present-api-tokens.ts';
import type { EndpointsOf } from './endpoint.ts';
import { workspaceIdIn } from './path-ids.ts';

export type ApiTokenEndpoints = Pick<
  EndpointsOf<'manage'>,
  'listApiTokens' | 'createApiToken' | 'revokeApiToken'
>;

/** Routes of API tokens. */
export const apiTokenEndpoints = (deps: {
  readonly clock: Clock;
  readonly createApiToken: ReturnType<typeof createApiToken>;
  readonly listApiTokens: ReturnType<typeof listApiTokens>;
  readonly revokeApiToken: ReturnType<typeof revokeApiToken>;
}): ApiTokenEndpoints => ({
  listApiTokens: async ({ caller, path }) => {
    const tokens = await deps.listApiTokens(caller, workspaceIdIn(path));
    return { items: tokens.map((token) => presentApiToken(token, deps.clock())) };
  },

  createApiToken: async ({ caller, path, body }) => {
    const { shown, text } = await deps.createApiToken(caller, workspaceIdIn(path), {
      name: body.name,
      role: body.role,
      siteIds: body.site_ids as readonly SiteId[] | null,
      days: body.expires_in_days,
    });
    return { ...presentApiToken(shown, deps.clock()), token: text };
  },

  revokeApiToken: async ({ caller, path }) => {
    await deps.revokeApiToken(caller, workspaceIdIn(path), path['tokenId'] ?? '');
    return { deleted: true as const };
  },
});
