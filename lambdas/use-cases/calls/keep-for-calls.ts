import type { WorkspaceId } from '../../domain/identifiers.ts';
import { type KeyChange, versionsShreddedBy } from '../../domain/keys/key-lifecycle.ts';
import type { SealedKey } from '../../domain/keys/sealed-key.ts';
import { isLive, type KeyAddress, type StoredKey } from '../../domain/keys/stored-key.ts';
import type { HangUpQueue, LiveSessionReader } from '../ports/calls.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { CallEnder } from './end-live-calls.ts';
import { callsIn } from './end-scope.ts';

export interface KeepPorts {
  readonly clock: Clock;
  readonly live: LiveSessionReader;
  readonly hangUps: HangUpQueue;
  readonly callEnder: CallEnder;
}

/** The delay before the kept record is removed, seconds; after a minute nothing needs it. */
export const REMOVE_AFTER_SECONDS = 90;

/**
 * The key store that protects live calls: a version that a change shreds is kept for a minute if calls run on it, so
 * that they can be hung up, and a replacement ends the calls whose key is gone. Without live calls nothing differs.
 */
export const keepingForCalls = (keys: KeyStore, ports: KeepPorts): KeyStore => ({
  ...keys,
  changeKey: async (address, change, event) => {
    const kept = await neededByCalls(keys, ports, address, change);
    await keys.changeKey(address, change, event, kept);
    const { scope, scopeId, workspaceId } = address;
    await Promise.all(
      kept.flatMap(({ version, fingerprint }) => [
        ports.hangUps.send({ kind: 'forget', scope, scopeId, version }, REMOVE_AFTER_SECONDS),
        ...(isLive(change.currentKey)
          ? [
              ports.callEnder.end(
                {
                  workspaceId: workspaceId as WorkspaceId,
                  keyScope: scope,
                  keyScopeId: scopeId,
                  fingerprint,
                },
                'key_replaced',
              ),
            ]
          : []),
      ]),
    );
  },
});

/** The records that nobody can open after the change, and that live calls run on. */
const neededByCalls = async (
  keys: KeyStore,
  { live, clock }: KeepPorts,
  address: KeyAddress,
  change: KeyChange<StoredKey>,
): Promise<readonly SealedKey[]> => {
  // Calls on the platform's key are in every workspace; it is replaced by a command, with a retained version.
  if (address.scope === 'platform') return [];
  const before = await keys.readKey(address);
  const shredded = versionsShreddedBy(before, change);
  if (!isLive(before) || shredded.length === 0) return [];
  const { scope, scopeId } = address;
  const calls = await callsIn(
    live,
    {
      workspaceId: address.workspaceId as WorkspaceId,
      keyScope: scope,
      keyScopeId: scopeId,
      fingerprint: undefined,
    },
    clock(),
  );
  if (calls.length === 0) return [];
  const retained =
    before.previousVersion === null ? undefined : await keys.readRetained(address, before.previousVersion);
  const used = new Set(calls.map(({ fingerprint }) => fingerprint));
  const stays = isLive(change.currentKey) ? change.currentKey.sealed.fingerprint : undefined;
  return [before.sealed, ...(retained === undefined ? [] : [retained.sealed])].filter(
    ({ version, fingerprint }) =>
      shredded.includes(version) && used.has(fingerprint) && fingerprint !== stays,
  );
};
