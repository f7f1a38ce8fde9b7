import type { WorkspaceId } from '../domain/identifiers.ts';
import { Refusal } from '../domain/refusal.ts';
import { isLive, type KeyAddress, versionOf } from '../domain/stored-key.ts';
import type { Caller, Site } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { Clock, KeyStore, TenancyEnding } from './ports.ts';

interface EndingPorts {
  readonly tenancy: TenancyEnding;
  readonly keys: KeyStore;
  readonly clock: Clock;
}

const PAGE = 100;

/**
 * Owner only, with the workspace's name as confirmation. Mints stop first; then every key is shredded and every site
 * archived. An interrupted deletion is finished by repeating it, which then answers that there is no such workspace.
 * Sessions, usage and audit stay for their retention.
 */
export const deleteWorkspace =
  (ports: EndingPorts) =>
  async (caller: Caller, workspaceId: WorkspaceId, confirm: string): Promise<void> => {
    const { workspace, member } = await ports.tenancy.readMembership(workspaceId, caller.sub);
    const repeated = member?.role === 'owner' && workspace !== undefined && workspace.deletedAt !== null;
    if (!repeated) {
      const { name } = await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'owner');
      if (confirm !== name)
        throw new Refusal('invalid_request', {
          details: [{ path: 'confirm', message: "Repeat the workspace's name to delete it." }],
        });
      await ports.tenancy.markWorkspaceDeleted(workspaceId, ports.clock().toISOString(), caller.sub);
    }
    await shredKey(ports, caller, { scope: 'workspace', scopeId: workspaceId, workspaceId });
    for (let after: string | undefined; ; ) {
      const page = await ports.tenancy.listSites(workspaceId, { limit: PAGE, after });
      for (const site of page.items) await endSite(ports, caller, site);
      if (page.next === undefined) break;
      after = page.next;
    }
    if (repeated) throw new Refusal('workspace_not_found');
  };

/** Shreds the site's own key, then archives the site: nothing reachable, nothing decryptable is left of it. */
export const endSite = async (ports: EndingPorts, caller: Caller, site: Site): Promise<void> => {
  await shredKey(ports, caller, { scope: 'site', scopeId: site.siteId, workspaceId: site.workspaceId });
  await ports.tenancy.archiveSite(site, ports.clock().toISOString(), caller.sub);
};

const shredKey = async ({ keys, clock }: EndingPorts, caller: Caller, address: KeyAddress): Promise<void> => {
  const key = await keys.readKey(address);
  if (isLive(key)) await keys.shredKey(address, versionOf(key), clock().toISOString(), caller.sub);
};
