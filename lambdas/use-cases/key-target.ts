import { type SiteId, type WorkspaceId, workspaceOfSite } from '../domain/identifiers.ts';
import { DEFAULT_MODEL, DEFAULT_VOICE } from '../domain/openai-models.ts';
import type { KeyAddress } from '../domain/stored-key.ts';
import type { Caller, Role, VoiceSettings } from '../domain/workspace.ts';
import { authorizeSite, authorizeWorkspace } from './authorize.ts';
import type { MembershipReader } from './ports.ts';

/** The scope whose key a management route is about. */
export type KeyTarget =
  | { readonly scope: 'site'; readonly siteId: SiteId }
  | { readonly scope: 'workspace'; readonly workspaceId: WorkspaceId };

export interface AuthorizedKeyTarget {
  readonly address: KeyAddress & { readonly workspaceId: WorkspaceId };
  readonly siteId: SiteId | undefined;
  /** The session that a probe mints: the site's own, or the product's defaults for a workspace key. */
  readonly settings: VoiceSettings;
}

const WORKSPACE_PROBE: VoiceSettings = {
  model: DEFAULT_MODEL,
  voice: DEFAULT_VOICE,
  instructions: '',
  dataResidency: 'global',
};

/** Where the key of `target` lives. Says nothing about who may touch it. */
export const addressOf = (target: KeyTarget): KeyAddress =>
  target.scope === 'workspace'
    ? { scope: 'workspace', scopeId: target.workspaceId, workspaceId: target.workspaceId }
    : {
        scope: 'site',
        scopeId: target.siteId,
        workspaceId: workspaceOfSite(target.siteId) ?? target.siteId,
      };

/** Where the key of `target` lives, if the caller holds `role` there. Refuses as authorizeWorkspace and authorizeSite do. */
export const authorizeKeyTarget = async (
  tenancy: MembershipReader,
  caller: Caller,
  target: KeyTarget,
  role: Role,
): Promise<AuthorizedKeyTarget> => {
  if (target.scope === 'workspace') {
    const { workspaceId } = await authorizeWorkspace(tenancy, caller, target.workspaceId, role);
    return {
      address: { scope: 'workspace', scopeId: workspaceId, workspaceId },
      siteId: undefined,
      settings: WORKSPACE_PROBE,
    };
  }
  const { site } = await authorizeSite(tenancy, caller, target.siteId, role);
  return {
    address: { scope: 'site', scopeId: site.siteId, workspaceId: site.workspaceId },
    siteId: site.siteId,
    settings: site,
  };
};
