import { BrokerError } from '../../domain/broker-error.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import { deleteKey } from '../../domain/keys/key-lifecycle.ts';
import { isLive, type KeyAddress } from '../../domain/keys/stored-key.ts';
import { looksLike } from '../../domain/tenancy/names.ts';
import type { Caller, Site } from '../../domain/tenancy/workspace.ts';
import type { CallEnder } from '../calls/end-live-calls.ts';
import { keyFacts } from '../keys/key-facts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { TenancyDeletion } from '../ports/tenancy.ts';
import { authorizeWorkspace } from './authorize.ts';

export interface DeletionPorts {
  readonly tenancy: TenancyDeletion;
  readonly auditEvents: AuditEventFactory;
  readonly keys: KeyStore;
  readonly callEnder: CallEnder;
  readonly clock: Clock;
}

const PAGE = 100;

/**
 * Owner only, with the workspace's name as confirmation. Mints stop first; then every key is shredded and every site
 * archived. An interrupted deletion is completed by repeating it, which then returns `workspace_not_found`.
 * Sessions, usage and audit stay for their retention. Returns how many live calls are being ended.
 */
export const deleteWorkspace =
  (ports: DeletionPorts) =>
  async (caller: Caller, workspaceId: WorkspaceId, confirm: string): Promise<number> => {
    const { workspace, member } = await ports.tenancy.readMembership(workspaceId, caller.sub);
    const repeated = member?.role === 'owner' && workspace !== undefined && workspace.deletedAt !== null;
    if (!repeated) {
      const { name } = await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'owner');
      if (!looksLike(confirm, name))
        throw new BrokerError('invalid_request', {
          details: [{ path: 'confirm', message: "Repeat the workspace's name to delete it." }],
        });
      const event = await ports.auditEvents.event(caller, 'workspace.deleted', { workspaceId });
      await ports.tenancy.markWorkspaceDeleted(workspaceId, event);
    }
    await shredKey(ports, caller, { scope: 'workspace', scopeId: workspaceId, workspaceId });
    for (let after: string | undefined; ; ) {
      const page = await ports.tenancy.listSites(workspaceId, { limit: PAGE, after });
      for (const site of page.items) await deleteSiteOnce(ports, caller, site);
      if (page.next === undefined) break;
      after = page.next;
    }
    const ending = await ports.callEnder.end({ workspaceId, all: true }, 'workspace_deleted');
    if (repeated) throw new BrokerError('workspace_not_found');
    return ending;
  };

/** Shreds the site's own key and archives the site: nothing of it can be reached or decrypted any more. */
export const deleteSite = async (ports: DeletionPorts, caller: Caller, site: Site): Promise<void> => {
  const { siteId, workspaceId } = site;
  const address = { scope: 'site', scopeId: siteId, workspaceId } as const;
  await shredKey(ports, caller, address, siteId);
  const event = await ports.auditEvents.event(caller, 'site.archived', { workspaceId, siteId });
  await ports.tenancy.archiveSite(site, event);
  // Once more, for a key that was stored meanwhile; after this, the write of a key is refused.
  await shredKey(ports, caller, address, siteId);
};

const shredKey = async (
  { keys, clock, auditEvents }: DeletionPorts,
  caller: Caller,
  address: KeyAddress & { readonly workspaceId: WorkspaceId },
  siteId?: SiteId,
): Promise<void> => {
  const currentKey = await keys.readKey(address);
  if (!isLive(currentKey)) return;
  const change = deleteKey(currentKey, { at: clock().toISOString(), by: caller.sub });
  const event = await auditEvents.event(caller, 'key.deleted', {
    workspaceId: address.workspaceId,
    siteId,
    facts: keyFacts(address.scope, currentKey, change),
  });
  await keys.changeKey(address, change, event);
};

/** A concurrent archive of the same site counts as success. If the site still exists, the conflict is rethrown. */
const deleteSiteOnce = async (ports: DeletionPorts, caller: Caller, site: Site): Promise<void> => {
  try {
    await deleteSite(ports, caller, site);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const { site: left } = await ports.tenancy.readSiteMembership(site.siteId, caller.sub);
    if (left !== undefined) throw error;
  }
};
