import { isWellFormed, type SealedKey } from './sealed-key.ts';
import {
  type DeletedKey,
  isRetained,
  type KeyVersionRecord,
  type LiveKey,
  type RetainedKey,
  revisionOf,
  type StoredKey,
} from './stored-key.ts';
import type { Verdict } from './verdict.ts';

/**
 * The effect of each change of a key on its current version, its history and the one version that is retained for a
 * rollback. Pure: the write that stores a change is conditional on the revision that it was computed from.
 */
export interface KeyChange<Head extends StoredKey = StoredKey> {
  /** 0: the scope has never held a key. -1: the head's revision was lost to damage. */
  readonly expectedRevision: number;
  readonly currentKey: Head;
  /** The history entry of a version that this change creates. */
  readonly created: KeyVersionRecord | undefined;
  /** Becomes the retained version. */
  readonly retain: RetainedKey | undefined;
  /** The version whose retained record goes away for good, if it is still there. */
  readonly shred: number | undefined;
}

/** Who changes a key, and when. */
export interface ChangeStamp {
  readonly at: string;
  readonly by: string;
}

const touched = (currentKey: StoredKey | undefined, { at, by }: ChangeStamp) => ({
  revision: Math.max(0, Math.floor(revisionOf(currentKey)), currentKey?.markedRevision ?? 0) + 1,
  lastVersion: currentKey?.lastVersion ?? 0,
  changedAt: at,
  changedBy: by,
});

const previousVersionOf = (currentKey: StoredKey | undefined): number | undefined =>
  currentKey === undefined || currentKey.state === 'deleted'
    ? undefined
    : (currentKey.previousVersion ?? undefined);

const retainedFrom = (currentKey: LiveKey, retainSeconds: number, { at }: ChangeStamp): RetainedKey => ({
  sealed: currentKey.sealed,
  verdict: currentKey.verdict,
  createdAt: currentKey.createdAt,
  createdBy: currentKey.createdBy,
  retainedUntil: Math.floor(Date.parse(at) / 1_000) + retainSeconds,
});

/**
 * A customer's new key becomes the current one; the previous one is retained for `retainSeconds` (0: shredded in the same
 * write), and whatever was retained until now is shredded.
 */
export const storeNewVersion = (
  currentKey: StoredKey | undefined,
  next: { readonly sealed: SealedKey; readonly verdict: Verdict; readonly state?: LiveKey['state'] },
  retainSeconds: number,
  stamp: ChangeStamp,
): KeyChange<LiveKey> => {
  const { sealed, verdict, state = 'active' } = next;
  const replaced = currentKey !== undefined && currentKey.state !== 'deleted' ? currentKey : undefined;
  const retain =
    replaced !== undefined && retainSeconds > 0 && isWellFormed(replaced.sealed)
      ? retainedFrom(replaced, retainSeconds, stamp)
      : undefined;
  return {
    expectedRevision: revisionOf(currentKey),
    currentKey: {
      ...touched(currentKey, stamp),
      lastVersion: sealed.version,
      state,
      sealed,
      verdict,
      createdAt: stamp.at,
      createdBy: stamp.by,
      previousVersion: retain?.sealed.version ?? null,
    },
    created: {
      version: sealed.version,
      masked: sealed.masked,
      createdAt: stamp.at,
      createdBy: stamp.by,
      reason: 'stored',
    },
    retain,
    shred: previousVersionOf(currentKey),
  };
};

/**
 * The same OpenAI key under a fresh data key. The old ciphertext is shredded at once: retaining it would undo what
 * re-encryption is for. A retained earlier key stays retained, and a suspended key stays suspended.
 */
export const storeReencrypted = (
  currentKey: LiveKey,
  sealed: SealedKey,
  stamp: ChangeStamp,
): KeyChange<LiveKey> => ({
  expectedRevision: currentKey.revision,
  currentKey: { ...currentKey, ...touched(currentKey, stamp), lastVersion: sealed.version, sealed },
  created: {
    version: sealed.version,
    masked: sealed.masked,
    createdAt: stamp.at,
    createdBy: stamp.by,
    reason: 'reencrypted',
  },
  retain: undefined,
  shred: undefined,
});

/**
 * Rolls back to the retained version, which keeps its number; the current version is retained instead. undefined
 * when nothing is retained any more.
 */
export const rollBack = (
  currentKey: LiveKey,
  retained: RetainedKey | undefined,
  retainSeconds: number,
  stamp: ChangeStamp,
): KeyChange | undefined => {
  const usable =
    retained !== undefined &&
    retained.sealed.version === currentKey.previousVersion &&
    isRetained(retained, new Date(stamp.at));
  if (!usable) return undefined;
  const { sealed, verdict, createdAt, createdBy } = retained;
  const retain = retainSeconds > 0 ? retainedFrom(currentKey, retainSeconds, stamp) : undefined;
  return {
    expectedRevision: currentKey.revision,
    currentKey: {
      ...touched(currentKey, stamp),
      state: currentKey.state,
      sealed,
      verdict,
      createdAt,
      createdBy,
      previousVersion: retain?.sealed.version ?? null,
    },
    created: undefined,
    retain,
    shred: sealed.version,
  };
};

export const switchState = (currentKey: LiveKey, state: LiveKey['state'], stamp: ChangeStamp): KeyChange => ({
  expectedRevision: currentKey.revision,
  currentKey: { ...currentKey, ...touched(currentKey, stamp), state },
  created: undefined,
  retain: undefined,
  shred: undefined,
});

/** Deletes the key: no version can be decrypted any more, and the counters stay as a tombstone. */
export const deleteKey = (currentKey: LiveKey, stamp: ChangeStamp): KeyChange => {
  const tombstone: DeletedKey = { ...touched(currentKey, stamp), state: 'deleted' };
  return {
    expectedRevision: currentKey.revision,
    currentKey: tombstone,
    created: undefined,
    retain: undefined,
    shred: previousVersionOf(currentKey),
  };
};

const openableVersions = (currentKey: StoredKey | undefined): readonly number[] =>
  currentKey === undefined || currentKey.state === 'deleted'
    ? []
    : [
        currentKey.sealed.version,
        ...(currentKey.previousVersion === null ? [] : [currentKey.previousVersion]),
      ];

/** The versions that could be opened before `change` and cannot be after it: neither current nor retained. */
export const versionsShreddedBy = (before: StoredKey | undefined, change: KeyChange): readonly number[] => {
  const after = openableVersions(change.currentKey);
  return openableVersions(before).filter((version) => !after.includes(version));
};
