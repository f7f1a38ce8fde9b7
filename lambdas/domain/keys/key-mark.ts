import { damagedSealedKey, type KeyAddress, type StoredKey } from './stored-key.ts';
import { damagedVerdict } from './verdict.ts';

/**
 * The latest state of a scope's key, stored outside the keys table with a MAC. A key that does not equal its mark was not
 * written by the product: an older item was put back, or an attribute was changed.
 */
export interface KeyMark {
  readonly revision: number;
  readonly lastVersion: number;
  readonly state: StoredKey['state'];
  /** 0 for a deleted key. */
  readonly version: number;
  /** The version that a rollback goes back to; 0: none. */
  readonly previousVersion: number;
}

/** The mark that belongs to `key`. */
export const markOf = (key: StoredKey): KeyMark => ({
  revision: key.revision,
  lastVersion: key.lastVersion,
  state: key.state,
  version: key.state === 'deleted' ? 0 : key.sealed.version,
  previousVersion: key.state === 'deleted' ? 0 : (key.previousVersion ?? 0),
});

/** The canonical text of a mark, over which its MAC is computed. */
export const fieldsOf = (mark: KeyMark): readonly string[] => [
  String(mark.revision),
  String(mark.lastVersion),
  mark.state,
  String(mark.version),
  String(mark.previousVersion),
];

/**
 * True if a key matches its mark. The remains of a deleted key cannot be used, so they need no mark;
 * a live key needs one.
 */
export const matchesMark = (key: StoredKey | undefined, mark: KeyMark | undefined): boolean => {
  if (mark === undefined) return key === undefined || key.state === 'deleted';
  return key !== undefined && fieldsOf(markOf(key)).join() === fieldsOf(mark).join();
};

/**
 * Replaces a key that does not match its mark. It cannot be opened, its owner sees `needs_reentry`, and the next change
 * continues from the mark, so that no version is issued twice. A scope whose key was deleted by the product stays deleted.
 */
export const refusedKey = (
  address: KeyAddress,
  key: StoredKey | undefined,
  mark: KeyMark | undefined,
): StoredKey => {
  const head = {
    revision: key?.revision ?? 0,
    markedRevision: mark?.revision ?? 0,
    lastVersion: Math.max(key?.lastVersion ?? 0, mark?.lastVersion ?? 0),
    changedAt: key?.changedAt ?? NOT_KNOWN,
    changedBy: key?.changedBy ?? 'unknown',
  };
  const gone = key === undefined || key.state === 'deleted';
  if (gone && mark?.state === 'deleted') return { state: 'deleted', ...head };
  return {
    state: 'active',
    ...head,
    sealed: damagedSealedKey({ ...address, version: Math.max(1, head.lastVersion) }),
    verdict: damagedVerdict(NOT_KNOWN),
    createdAt: gone ? NOT_KNOWN : key.createdAt,
    createdBy: gone ? 'unknown' : key.createdBy,
    // Only from the mark: an attribute of the key could name a shredded version.
    previousVersion: gone || mark === undefined || mark.previousVersion === 0 ? null : mark.previousVersion,
  };
};

const NOT_KNOWN = '1970-01-01T00:00:00.000Z';
