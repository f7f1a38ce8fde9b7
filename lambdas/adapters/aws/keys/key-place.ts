import { type SiteId, workspaceOfSite } from '../../../domain/identifiers.ts';
import { type KeyAddress, PLATFORM_ADDRESS } from '../../../domain/keys/stored-key.ts';

/** The scope whose key is in a partition of the keys table, for example `SITE#s1`; undefined for any other partition. */
export const addressAt = (pk: string): KeyAddress | undefined => {
  const [, prefix = '', scopeId = ''] = /^([A-Z]+)#([a-z0-9]+)$/.exec(pk) ?? [];
  switch (prefix) {
    case 'SITE': {
      const workspaceId = workspaceOfSite(scopeId as SiteId);
      return workspaceId && { scope: 'site', scopeId, workspaceId };
    }
    case 'WORKSPACE':
      return { scope: 'workspace', scopeId, workspaceId: scopeId };
    case 'PLATFORM':
      return scopeId === PLATFORM_ADDRESS.scopeId ? PLATFORM_ADDRESS : undefined;
    default:
      return undefined;
  }
};
