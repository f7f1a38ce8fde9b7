import type { SiteId } from '../../lambdas/domain/identifiers.ts';
import { deleteKey, switchState } from '../../lambdas/domain/key-lifecycle.ts';
import { type DeletedKey, isLive, type LiveKey, type StoredKey } from '../../lambdas/domain/stored-key.ts';
import type { Caller } from '../../lambdas/domain/workspace.ts';
import type { Clock, Journal, KeyStore } from '../../lambdas/use-cases/ports.ts';
import type { KeyScan } from '../../lambdas/use-cases/rewrap-keys.ts';
import { type KeyHistory, type KeyTrail, placeOf, remedyFor } from './key-trail.ts';

export interface ReplayPorts {
  readonly scan: KeyScan;
  readonly keys: Pick<KeyStore, 'readKey' | 'changeKey' | 'shredRetained'>;
  readonly journal: Journal;
  readonly clock: Clock;
}

/** One thing that a restored table holds and the trail says it must not. */
export interface Remedy {
  readonly place: string;
  readonly remedy: 'shred' | 'suspend' | 'shred_retained' | 'count_on' | 'unreadable';
  readonly version: number | undefined;
}

/**
 * Holds a keys table that was restored from a backup against the audit trail, and with `apply` mends it: keys and retained
 * records whose deletion is on the trail are shredded, keys that were replaced or suspended since are suspended, and no
 * scope gives out a version a second time. Every mend is one conditional write with its audit event. Idempotent.
 */
export const replayTombstones =
  (ports: ReplayPorts) =>
  async (caller: Caller, trail: KeyTrail, apply: boolean): Promise<readonly Remedy[]> => [
    ...(await mendRecords(ports, caller, trail, apply)),
    ...(await mendCounters(ports, caller, trail, apply)),
  ];

const mendRecords = async (
  ports: ReplayPorts,
  caller: Caller,
  { histories }: KeyTrail,
  apply: boolean,
): Promise<Remedy[]> => {
  const remedies: Remedy[] = [];
  for (let after: string | undefined; ; ) {
    const page = await ports.scan.scanKeys(after);
    for (const scanned of page.items) {
      if (scanned.record === 'unreadable') {
        remedies.push({ place: scanned.place, remedy: 'unreadable', version: undefined });
        continue;
      }
      const history = histories.get(placeOf(scanned.address));
      if (history === undefined) continue;
      const place = placeOf(scanned.address);
      if (scanned.record === 'retained') {
        const { version } = scanned.retained.sealed;
        if (version > history.deletedUpTo) continue;
        if (apply) await ports.keys.shredRetained(scanned.address, scanned.retained);
        remedies.push({ place, remedy: 'shred_retained', version });
        continue;
      }
      const remedy = remedyFor(scanned.head, history);
      if (remedy === undefined) continue;
      if (apply) await mendHead(ports, caller, scanned.head, history, remedy);
      remedies.push({ place, remedy, version: scanned.head.sealed.version });
    }
    if (page.next === undefined) return remedies;
    after = page.next;
  }
};

const mendHead = async (
  ports: ReplayPorts,
  caller: Caller,
  head: LiveKey,
  history: KeyHistory,
  remedy: 'shred' | 'suspend',
): Promise<void> => {
  const hand = { at: ports.clock().toISOString(), by: caller.sub };
  const change = remedy === 'shred' ? deleteKey(head, hand) : switchState(head, 'suspended', hand);
  await ports.keys.changeKey(
    history.address,
    { ...change, head: countedOn(change.head, history) },
    await eventOf(ports, caller, remedy === 'shred' ? 'key.deleted' : 'key.suspended', history, {
      version_before: head.sealed.version,
    }),
  );
};

/** Scopes whose key is not in the table, or a tombstone that is older than the trail. */
const mendCounters = async (
  ports: ReplayPorts,
  caller: Caller,
  { histories }: KeyTrail,
  apply: boolean,
): Promise<Remedy[]> => {
  const remedies: Remedy[] = [];
  for (const history of histories.values()) {
    const head = await ports.keys.readKey(history.address);
    if (head !== undefined && head.lastVersion >= history.lastVersion) continue;
    // A key that is in use and only has to count on was mended above.
    if (isLive(head)) continue;
    const tombstone: DeletedKey = {
      state: 'deleted',
      revision: Math.max(0, head?.revision ?? 0) + 1,
      lastVersion: history.lastVersion,
      changedAt: ports.clock().toISOString(),
      changedBy: caller.sub,
    };
    if (apply)
      await ports.keys.changeKey(
        history.address,
        {
          expectedRevision: head?.revision ?? 0,
          head: tombstone,
          created: undefined,
          retain: undefined,
          shred: undefined,
        },
        await eventOf(ports, caller, 'key.deleted', history, {}),
      );
    remedies.push({ place: placeOf(history.address), remedy: 'count_on', version: history.lastVersion });
  }
  return remedies;
};

const countedOn = (head: StoredKey, { lastVersion }: KeyHistory): StoredKey => ({
  ...head,
  lastVersion: Math.max(head.lastVersion, lastVersion),
});

const eventOf = (
  { journal }: ReplayPorts,
  caller: Caller,
  type: 'key.deleted' | 'key.suspended',
  { address, lastVersion }: KeyHistory,
  facts: Readonly<Record<string, number>>,
) =>
  journal.event(caller, type, {
    workspaceId: address.workspaceId,
    ...(address.scope === 'site' && { siteId: address.scopeId as SiteId }),
    facts: { scope: address.scope, ...facts, last_version: lastVersion, replayed: true },
  });
