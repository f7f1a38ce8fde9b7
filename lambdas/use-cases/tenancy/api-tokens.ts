import { BrokerError } from '../../domain/broker-error.ts';
import type { RandomBytes, SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import { effectiveRole, MAX_API_TOKENS } from '../../domain/tenancy/api-token.ts';
import { hashOfApiToken, isApiTokenId, newApiToken } from '../../domain/tenancy/api-token-text.ts';
import type { ApiToken, ApiTokenRole, Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import type { ApiTokenStore, MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';
import { requireRecentSignIn } from './require-recent-sign-in.ts';

const DAY_MS = 24 * 60 * 60_000;

export interface ApiTokenPorts {
  readonly tenancy: MembershipReader;
  readonly apiTokens: ApiTokenStore;
  readonly auditEvents: AuditEventFactory;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** A token in the form for its owners. */
export interface ShownApiToken extends Omit<ApiToken, 'hash'> {
  /** To the hour; undefined: never. */
  readonly lastUsedAt: string | undefined;
  /** Its current rights; undefined: none, because its creator is no longer a member. */
  readonly effectiveRole: ApiTokenRole | undefined;
}

export interface NewApiToken {
  readonly name: string;
  readonly role: ApiTokenRole;
  readonly siteIds: readonly SiteId[] | null;
  readonly days: number;
}

/**
 * Owner with a recent sign-in. Creates an API token. Its text is only in this answer. Throws `api_token_limit_reached` if the
 * workspace has MAX_API_TOKENS; two concurrent requests can exceed the limit by one.
 */
export const createApiToken =
  (ports: ApiTokenPorts) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    { name, role, siteIds, days }: NewApiToken,
  ): Promise<{ readonly shown: ShownApiToken; readonly text: string }> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'owner');
    requireRecentSignIn(caller);
    await refuseUnknownSites(ports.tenancy, caller, workspaceId, siteIds);
    const present = await ports.apiTokens.listApiTokens(workspaceId);
    if (present.length >= MAX_API_TOKENS) throw new BrokerError('api_token_limit_reached');
    const now = ports.clock();
    const { tokenId, text } = newApiToken(workspaceId, ports.random);
    const facts = {
      workspaceId,
      tokenId,
      name,
      role,
      siteIds,
      createdAt: now.toISOString(),
      createdBy: caller.sub,
      expiresAt: new Date(now.getTime() + days * DAY_MS).toISOString(),
    };
    const event = await ports.auditEvents.event(caller, 'api_token.created', {
      workspaceId,
      facts: {
        token: tokenId,
        token_name: name,
        role,
        valid_until: facts.expiresAt,
        sites: siteIds?.join(' ') ?? 'all',
      },
    });
    await refuseConflict(ports.apiTokens.createApiToken({ ...facts, hash: hashOfApiToken(text) }, event));
    return { shown: { ...facts, lastUsedAt: undefined, effectiveRole: role }, text };
  };

const refuseUnknownSites = async (
  tenancy: MembershipReader,
  { sub }: Caller,
  workspaceId: WorkspaceId,
  siteIds: readonly SiteId[] | null,
): Promise<void> => {
  const found = await Promise.all(
    (siteIds ?? []).map(async (siteId, index) => {
      const { site } = await tenancy.readSiteMembership(siteId, sub);
      if (site?.workspaceId === workspaceId) return [];
      return [{ path: `site_ids.${index}`, message: 'This site does not exist in the workspace.' }];
    }),
  );
  const details = found.flat();
  if (details.length > 0) throw new BrokerError('invalid_request', { details });
};

/** Owner. The tokens of the workspace, without their texts. */
export const listApiTokens =
  ({ tenancy, apiTokens }: Pick<ApiTokenPorts, 'tenancy' | 'apiTokens'>) =>
  async (caller: Caller, workspaceId: WorkspaceId): Promise<readonly ShownApiToken[]> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const [tokens, uses] = await Promise.all([
      apiTokens.listApiTokens(workspaceId),
      apiTokens.readApiTokenUses(workspaceId),
    ]);
    const creators = new Map(
      await Promise.all(
        [...new Set(tokens.map(({ createdBy }) => createdBy))].map(
          async (sub) => [sub, (await tenancy.readMembership(workspaceId, sub)).member] as const,
        ),
      ),
    );
    return tokens.map(({ hash, ...token }) => ({
      ...token,
      lastUsedAt: uses.get(token.tokenId),
      effectiveRole: effectiveRole(token, creators.get(token.createdBy)),
    }));
  };

/** Owner. Later requests with the token are refused. */
export const revokeApiToken =
  ({ tenancy, apiTokens, auditEvents }: Pick<ApiTokenPorts, 'tenancy' | 'apiTokens' | 'auditEvents'>) =>
  async (caller: Caller, workspaceId: WorkspaceId, tokenId: string): Promise<void> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const token = isApiTokenId(tokenId) ? await apiTokens.readApiToken(workspaceId, tokenId) : undefined;
    if (token === undefined) throw new BrokerError('api_token_not_found');
    const event = await auditEvents.event(caller, 'api_token.revoked', {
      workspaceId,
      facts: { token: tokenId, token_name: token.name, role: token.role },
    });
    await refuseConflict(apiTokens.removeApiToken(token, event));
  };
