import type { EndedBy } from '../../domain/calls/call.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { isLive, isRetained, PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import type { HangUpQueue, LiveWorkspaces } from '../ports/calls.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import { REMOVE_AFTER_SECONDS } from './keep-for-calls.ts';
import { queueScopeEnd } from './queue-scope-end.ts';

/** Calls on the platform's key can be in every workspace. */
export interface ManagedCallPorts {
  readonly workspaces: LiveWorkspaces;
  readonly hangUps: HangUpQueue;
}

/**
 * Queues the end of the calls on the platform's key, in every workspace with live sessions except `known`. Returns these
 * workspaces. `fingerprint`: of one OpenAI key; undefined: of any.
 */
export const endManagedCalls = async (
  { workspaces, hangUps }: ManagedCallPorts,
  fingerprint: string | undefined,
  by: EndedBy,
  known: readonly WorkspaceId[] = [],
): Promise<readonly WorkspaceId[]> => {
  const found = (await workspaces.listLiveWorkspaces()).filter((id) => !known.includes(id));
  const { scope: keyScope, scopeId: keyScopeId } = PLATFORM_ADDRESS;
  for (const workspaceId of found)
    await queueScopeEnd(hangUps, { workspaceId, keyScope, keyScopeId, fingerprint }, by);
  return found;
};

/**
 * The store of the platform's key, which protects live calls: a retained version that another replacement shreds is kept for
 * a minute, and its calls are ended.
 */
export const keepingForManagedCalls = (
  keys: KeyStore,
  { clock, ...ports }: ManagedCallPorts & { readonly clock: Clock },
): KeyStore => ({
  ...keys,
  changeKey: async (address, change, event) => {
    const retained = change.shred === undefined ? undefined : await keys.readRetained(address, change.shred);
    const { currentKey } = change;
    const stays = isLive(currentKey) ? currentKey.sealed.fingerprint : undefined;
    const kept =
      retained !== undefined && isRetained(retained, clock()) && retained.sealed.fingerprint !== stays
        ? [retained.sealed]
        : [];
    await keys.changeKey(address, change, event, kept);
    const { scope, scopeId } = address;
    for (const { version, fingerprint } of kept) {
      await ports.hangUps.send({ kind: 'forget', scope, scopeId, version }, REMOVE_AFTER_SECONDS);
      await endManagedCalls(ports, fingerprint, 'key_replaced');
    }
  },
});
