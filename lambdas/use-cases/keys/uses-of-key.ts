import type { Control } from '../../domain/calls/control.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { distinctUses, type KeyUses } from '../../domain/keys/key-uses.ts';
import { isLive } from '../../domain/keys/stored-key.ts';
import type { Site, VoiceSettings } from '../../domain/tenancy/workspace.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { SiteLister } from '../ports/tenancy.ts';
import type { AuthorizedKeyTarget } from './key-target.ts';

export interface KeyUsePorts {
  readonly tenancy: SiteLister;
  readonly keys: Pick<KeyStore, 'readKey'>;
}

const SITES_PER_PAGE = 100;

/** The uses of the key of this scope at OpenAI: by the site, or by all sites without their own key. */
export const usesOfKey = async (
  { tenancy, keys }: KeyUsePorts,
  { address, siteId, settings }: AuthorizedKeyTarget,
): Promise<KeyUses> => {
  if (siteId !== undefined) return usesWith(settings);
  const sites: Site[] = [];
  let after: string | undefined;
  do {
    const page = await tenancy.listSites(address.workspaceId, { limit: SITES_PER_PAGE, after });
    sites.push(...(await withoutOwnKey(keys, address.workspaceId, page.items)));
    after = page.next;
  } while (after !== undefined);
  return sites.length === 0 ? usesWith(settings) : distinctUses(sites);
};

/** Returns the uses of a key that is checked only with these settings, not with those of sites. */
export const usesWith = (settings: VoiceSettings & { readonly control?: Control }): KeyUses => ({
  uses: [{ settings, control: settings.control ?? 'open', sites: [] }],
  unchecked: [],
});

const withoutOwnKey = async (
  keys: KeyUsePorts['keys'],
  workspaceId: WorkspaceId,
  sites: readonly Site[],
): Promise<readonly Site[]> => {
  const own = await Promise.all(
    sites.map(({ siteId }) => keys.readKey({ scope: 'site', scopeId: siteId, workspaceId })),
  );
  return sites.filter((_, index) => !isLive(own[index]));
};
