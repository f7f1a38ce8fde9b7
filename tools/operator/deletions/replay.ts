import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import { deleteKey, switchState } from '../../../lambdas/domain/keys/key-lifecycle.ts';
import {
  type DeletedKey,
  isLive,
  type LiveKey,
  type StoredKey,
} from '../../../lambdas/domain/keys/stored-key.ts';
import type { Caller } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../../../lambdas/use-cases/ports/audit.ts';
import type { KeyScan, KeyStore } from '../../../lambdas/use-cases/ports/keys.ts';
import type { Clock } from '../../../lambdas/use-cases/ports/runtime.ts';
import { type KeyHistory, type KeyTrail, placeOf, remedyFor } from './key-trail.ts';

export interface ReplayPorts {
  readonly scan: KeyScan;
  readonly keys: Pick<KeyStore, 'readKey' | 'changeKey' | 'shredRetained'>;
  readonly auditEvents: AuditEventFactory;
  readonly clock: Clock;
}

/** One item in a restored table that contradicts the audit trail. */
export interface Remedy {
  readonly place: string;
  readonly remedy: 'shred' | 'suspend' | 'shred_retained' | 'count_on' | 'unreadable';
  readonly version: number | undefined;
}

/**
 * Compares a keys table that was restored from a backup with the audit trail, and with `apply` repairs it: keys and
 * retained records whose deletion is in the trail are shredded, keys that were replaced or suspended since are suspended,
 * and no scope assigns a version a second time. Every repair is one conditional write with its audit event. Idempotent.
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
      const remedy = remedyFor(scanned.currentKey, history);
      if (remedy === undefined) continue;
      if (apply) await mendHead(ports, caller, scanned.currentKey, history, remedy);
      remedies.push({ place, remedy, version: scanned.currentKey.sealed.version });
    }
    if (page.next === undefined) return remedies;
    after = page.next;
  }
};

const mendHead = async (
  ports: ReplayPorts,
  caller: Caller,
  currentKey: LiveKey,
  history: KeyHistory,
  remedy: 'shred' | 'suspend',
): Promise<void> => {
  const hand = { at: ports.clock().toISOString(), by: caller.sub };
  const change =
    remedy === 'shred' ? deleteKey(currentKey, hand) : switchState(currentKey, 'suspended', hand);
  await ports.keys.changeKey(
    history.address,
    { ...change, currentKey: countedOn(change.currentKey, history) },
    await eventOf(ports, caller, remedy === 'shred' ? 'key.deleted' : 'key.suspended', history, {
      version_before: currentKey.sealed.version,
    }),
  );
};

/** Scopes whose key is missing in the table, or whose tombstone is older than the trail. */
const mendCounters = async (
  ports: ReplayPorts,
  caller: Caller,
  { histories }: KeyTrail,
  apply: boolean,
): Promise<Remedy[]> => {
  const remedies: Remedy[] = [];
  for (const history of histories.values()) {
    const currentKey = await ports.keys.readKey(history.address);
    if (currentKey !== undefined && currentKey.lastVersion >= history.lastVersion) continue;
    // A current key whose version counter was too low was repaired above.
    if (isLive(currentKey)) continue;
    const tombstone: DeletedKey = {
      state: 'deleted',
      revision: Math.max(0, currentKey?.revision ?? 0) + 1,
      lastVersion: history.lastVersion,
      changedAt: ports.clock().toISOString(),
      changedBy: caller.sub,
    };
    if (apply)
      await ports.keys.changeKey(
        history.address,
        {
          expectedRevision: currentKey?.revision ?? 0,
          currentKey: tombstone,
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

const countedOn = (currentKey: StoredKey, { lastVersion }: KeyHistory): StoredKey => ({
  ...currentKey,
  lastVersion: Math.max(currentKey.lastVersion, lastVersion),
});

const eventOf = (
  { auditEvents }: ReplayPorts,
  caller: Caller,
  type: 'key.deleted' | 'key.suspended',
  { address, lastVersion }: KeyHistory,
  facts: Readonly<Record<string, number>>,
) =>
  auditEvents.event(caller, type, {
    workspaceId: address.workspaceId,
    ...(address.scope === 'site' && { siteId: address.scopeId as SiteId }),
    facts: { scope: address.scope, ...facts, last_version: lastVersion, replayed: true },
  });
