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
 * What each change of a key does to its head, its history and the one version that is retained for a rollback. Pure:
 * the write that carries a change out is conditional on the revision that it was computed from.
 */
export interface KeyChange<Head extends StoredKey = StoredKey> {
  /** 0: the scope has never held a key. -1: the head's revision was lost to damage. */
  readonly expectedRevision: number;
  readonly head: Head;
  /** Line of history for a version that this change creates. */
  readonly created: KeyVersionRecord | undefined;
  /** Becomes the retained version. */
  readonly retain: RetainedKey | undefined;
  /** The version whose retained record goes away for good, if it is still there. */
  readonly shred: number | undefined;
}

/** Who changes a key, and when. */
export interface Hand {
  readonly at: string;
  readonly by: string;
}

const touched = (head: StoredKey | undefined, { at, by }: Hand) => ({
  revision: Math.max(0, Math.floor(revisionOf(head))) + 1,
  lastVersion: head?.lastVersion ?? 0,
  changedAt: at,
  changedBy: by,
});

const previousVersionOf = (head: StoredKey | undefined): number | undefined =>
  head === undefined || head.state === 'deleted' ? undefined : (head.previousVersion ?? undefined);

const retainedFrom = (head: LiveKey, retainSeconds: number, { at }: Hand): RetainedKey => ({
  sealed: head.sealed,
  verdict: head.verdict,
  createdAt: head.createdAt,
  createdBy: head.createdBy,
  retainedUntil: Math.floor(Date.parse(at) / 1_000) + retainSeconds,
});

/**
 * A customer's new key becomes the current one; the one before is retained for `retainSeconds` (0: shredded in the same
 * write), and whatever was retained until now is shredded.
 */
export const storeNewVersion = (
  head: StoredKey | undefined,
  next: { readonly sealed: SealedKey; readonly verdict: Verdict },
  retainSeconds: number,
  hand: Hand,
): KeyChange<LiveKey> => {
  const { sealed, verdict } = next;
  const replaced = head !== undefined && head.state !== 'deleted' ? head : undefined;
  const retain =
    replaced !== undefined && retainSeconds > 0 && isWellFormed(replaced.sealed)
      ? retainedFrom(replaced, retainSeconds, hand)
      : undefined;
  return {
    expectedRevision: revisionOf(head),
    head: {
      ...touched(head, hand),
      lastVersion: sealed.version,
      state: 'active',
      sealed,
      verdict,
      createdAt: hand.at,
      createdBy: hand.by,
      previousVersion: retain?.sealed.version ?? null,
    },
    created: {
      version: sealed.version,
      masked: sealed.masked,
      createdAt: hand.at,
      createdBy: hand.by,
      reason: 'stored',
    },
    retain,
    shred: previousVersionOf(head),
  };
};

/**
 * The same OpenAI key under a fresh data key. The old ciphertext is shredded at once: retaining it would undo what
 * re-encryption is for. A retained earlier key stays retained, and a suspended key stays suspended.
 */
export const storeReencrypted = (head: LiveKey, sealed: SealedKey, hand: Hand): KeyChange<LiveKey> => ({
  expectedRevision: head.revision,
  head: { ...head, ...touched(head, hand), lastVersion: sealed.version, sealed },
  created: {
    version: sealed.version,
    masked: sealed.masked,
    createdAt: hand.at,
    createdBy: hand.by,
    reason: 'reencrypted',
  },
  retain: undefined,
  shred: undefined,
});

/**
 * Back to the retained version, under its own number; the version that was current is retained in its place. undefined
 * when nothing is retained any more.
 */
export const rollBack = (
  head: LiveKey,
  retained: RetainedKey | undefined,
  retainSeconds: number,
  hand: Hand,
): KeyChange | undefined => {
  const usable =
    retained !== undefined &&
    retained.sealed.version === head.previousVersion &&
    isRetained(retained, new Date(hand.at));
  if (!usable) return undefined;
  const { sealed, verdict, createdAt, createdBy } = retained;
  const retain = retainSeconds > 0 ? retainedFrom(head, retainSeconds, hand) : undefined;
  return {
    expectedRevision: head.revision,
    head: {
      ...touched(head, hand),
      state: head.state,
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

export const switchState = (head: LiveKey, state: LiveKey['state'], hand: Hand): KeyChange => ({
  expectedRevision: head.revision,
  head: { ...head, ...touched(head, hand), state },
  created: undefined,
  retain: undefined,
  shred: undefined,
});

/** Nothing that can be decrypted is left of any version; the counters stay as a tombstone. */
export const deleteKey = (head: LiveKey, hand: Hand): KeyChange => {
  const tombstone: DeletedKey = { ...touched(head, hand), state: 'deleted' };
  return {
    expectedRevision: head.revision,
    head: tombstone,
    created: undefined,
    retain: undefined,
    shred: previousVersionOf(head),
  };
};

const openableVersions = (head: StoredKey | undefined): readonly number[] =>
  head === undefined || head.state === 'deleted'
    ? []
    : [head.sealed.version, ...(head.previousVersion === null ? [] : [head.previousVersion])];

/** The versions that could be opened before `change` and cannot be after it: neither current nor retained. */
export const versionsShreddedBy = (before: StoredKey | undefined, change: KeyChange): readonly number[] => {
  const after = openableVersions(change.head);
  return openableVersions(before).filter((version) => !after.includes(version));
};
