import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { KeyAddress } from '../../domain/keys/stored-key.ts';
import {
  type Caller,
  DEFAULT_VOICE_SETTINGS,
  type Role,
  type Site,
  type VoiceSettings,
} from '../../domain/tenancy/workspace.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeSite, authorizeWorkspace } from '../tenancy/authorize.ts';

/** The scope whose key a management route is about. */
export type KeyTarget =
  | { readonly scope: 'site'; readonly siteId: SiteId }
  | { readonly scope: 'workspace'; readonly workspaceId: WorkspaceId };

export interface AuthorizedKeyTarget {
  readonly address: KeyAddress & { readonly workspaceId: WorkspaceId };
  readonly siteId: SiteId | undefined;
  /** The settings of the site, or for a workspace key the product's defaults in the workspace's region. */
  readonly settings: VoiceSettings & Partial<Pick<Site, 'control'>>;
}

/** Returns where the key of `target` is stored. Throws as authorizeWorkspace and authorizeSite do if the caller lacks `role`. */
export const authorizeKeyTarget = async (
  tenancy: MembershipReader,
  caller: Caller,
  target: KeyTarget,
  role: Role,
): Promise<AuthorizedKeyTarget> => {
  if (target.scope === 'workspace') {
    const { workspaceId, dataResidency } = await authorizeWorkspace(
      tenancy,
      caller,
      target.workspaceId,
      role,
    );
    return {
      address: { scope: 'workspace', scopeId: workspaceId, workspaceId },
      siteId: undefined,
      settings: { ...DEFAULT_VOICE_SETTINGS, dataResidency },
    };
  }
  const { site } = await authorizeSite(tenancy, caller, target.siteId, role);
  return {
    address: { scope: 'site', scopeId: site.siteId, workspaceId: site.workspaceId },
    siteId: site.siteId,
    settings: site,
  };
};
