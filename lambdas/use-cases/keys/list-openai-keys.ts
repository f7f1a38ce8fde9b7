import type { WorkspaceId } from '../../domain/identifiers.ts';
import { isLive, type KeyAddress, type MaskedKey, maskedViewOf } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyActivityReader, KeyStore, StoredKeyStates } from '../ports/keys.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader, SiteLister } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

/** A stored key, and the place where it is stored. */
export interface PlacedKey {
  readonly address: KeyAddress;
  readonly key: MaskedKey;
}

/**
 * Viewer. The stored keys of a workspace: its own, then those of its sites. One page covers `limit` sites, so it may be
 * shorter than its limit; the cursor shows whether more follows.
 */
export const listOpenAiKeys =
  (ports: {
    readonly tenancy: MembershipReader & SiteLister;
    readonly states: StoredKeyStates;
    readonly keys: Pick<KeyStore, 'readKey'>;
    readonly activity: KeyActivityReader;
    readonly clock: Clock;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, page: PageRequest): Promise<Page<PlacedKey>> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'viewer');
    const sites = await ports.tenancy.listSites(workspaceId, page);
    const places: readonly KeyAddress[] = [
      ...(page.after === undefined
        ? [{ scope: 'workspace', scopeId: workspaceId, workspaceId } as const]
        : []),
      ...sites.items.map(({ siteId }) => ({ scope: 'site', scopeId: siteId, workspaceId }) as const),
    ];
    // One read separates the few places that hold a key from the many that do not.
    const stateAt = await ports.states.readStates(places);
    const now = ports.clock();
    const read = async (address: KeyAddress): Promise<readonly PlacedKey[]> => {
      const [key, activity] = await Promise.all([
        ports.keys.readKey(address),
        ports.activity.readActivity(address),
      ]);
      return isLive(key) ? [{ address, key: maskedViewOf(key, activity, now) }] : [];
    };
    const stored = places.filter((address) => stateAt(address) !== undefined);
    return { items: (await Promise.all(stored.map(read))).flat(), next: sites.next };
  };
