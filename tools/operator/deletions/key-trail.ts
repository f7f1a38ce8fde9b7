import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';
import type { KeyScope } from '../../../lambdas/domain/keys/sealed-key.ts';
import { type KeyAddress, type LiveKey, PLATFORM_ADDRESS } from '../../../lambdas/domain/keys/stored-key.ts';

/** The history of one scope's key in the audit trail. */
export interface KeyHistory {
  readonly address: KeyAddress;
  /** The highest version that was ever assigned. */
  readonly lastVersion: number;
  /** The version in use; undefined after a deletion. */
  readonly current: number | undefined;
  readonly suspended: boolean;
  /** Every version up to this one is permanently deleted; 0 for none. */
  readonly deletedUpTo: number;
}

export interface KeyTrail {
  /** By `placeOf`. */
  readonly histories: ReadonlyMap<string, KeyHistory>;
  /** Workspaces whose rows do not begin at 1 or have a gap, so that their key history may be incomplete. */
  readonly incomplete: readonly string[];
}

export const placeOf = ({ scope, scopeId }: KeyAddress): string => `${scope} ${scopeId}`;

/** Reads the trail of every workspace from its beginning. Rows may repeat and come in any order. */
export const readKeyTrail = (rows: readonly AuditRow[]): KeyTrail => {
  const histories = new Map<string, KeyHistory>();
  const incomplete: string[] = [];
  for (const [workspaceId, own] of Map.groupBy(rows, (row) => row.workspaceId)) {
    const inOrder = [...new Map(own.map((row) => [row.sequence, row])).values()].toSorted(
      (a, b) => a.sequence - b.sequence,
    );
    if (inOrder.some(({ sequence }, index) => sequence !== index + 1)) incomplete.push(workspaceId);
    for (const row of inOrder) {
      const address = addressOf(row);
      if (address === undefined) continue;
      const place = placeOf(address);
      histories.set(place, after(histories.get(place) ?? beginning(address), row));
    }
  }
  return { histories, incomplete };
};

const beginning = (address: KeyAddress): KeyHistory => ({
  address,
  lastVersion: 0,
  current: undefined,
  suspended: false,
  deletedUpTo: 0,
});

const KEY_CHANGES: ReadonlySet<string> = new Set([
  'key.stored',
  'key.reencrypted',
  'key.rolled_back',
  'key.suspended',
  'key.resumed',
  'key.deleted',
]);

const addressOf = ({ type, workspaceId, siteId, facts }: AuditRow): KeyAddress | undefined => {
  if (!KEY_CHANGES.has(type)) return undefined;
  const scope = String(facts['scope']) as KeyScope;
  if (scope === 'platform') return PLATFORM_ADDRESS;
  if (scope === 'workspace') return { scope, scopeId: workspaceId, workspaceId };
  return scope === 'site' && siteId !== null ? { scope, scopeId: siteId, workspaceId } : undefined;
};

const after = (history: KeyHistory, { type, facts }: AuditRow): KeyHistory => {
  const named = [facts['version'], facts['version_before']].filter((fact) => typeof fact === 'number');
  const lastVersion = Math.max(history.lastVersion, ...named);
  const version = typeof facts['version'] === 'number' ? facts['version'] : history.current;
  switch (type) {
    case 'key.stored':
      return { ...history, lastVersion, current: version, suspended: facts['suspended'] === true };
    case 'key.deleted':
      return { ...history, lastVersion, current: undefined, suspended: false, deletedUpTo: lastVersion };
    case 'key.suspended':
      return { ...history, lastVersion, suspended: true };
    case 'key.resumed':
      return { ...history, lastVersion, suspended: false };
    default:
      return { ...history, lastVersion, current: version };
  }
};

/** The remedy for a restored current key: `shred` it, `suspend` it, or nothing. */
export const remedyFor = (
  currentKey: LiveKey,
  history: KeyHistory | undefined,
): 'shred' | 'suspend' | undefined => {
  if (history === undefined) return undefined;
  const { version } = currentKey.sealed;
  if (version <= history.deletedUpTo) return 'shred';
  const outdated = version <= history.lastVersion && version !== history.current;
  return currentKey.state === 'active' && (outdated || history.suspended) ? 'suspend' : undefined;
};
