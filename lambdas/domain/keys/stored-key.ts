import {
  isWellFormed,
  type KeyBinding,
  type KeyScope,
  SEALED_KEY_ALGORITHM,
  type SealedKey,
} from './sealed-key.ts';
import type { ShownVerdict } from './site-verdicts.ts';
import type { Verdict } from './verdict.ts';

/** The address of a key, without its version. */
export type KeyAddress = Pick<KeyBinding, 'scope' | 'scopeId' | 'workspaceId'>;

/** The address of the platform's own OpenAI key: a sealed key at a scope that no tenant can name. */
export const PLATFORM_ADDRESS = {
  scope: 'platform',
  scopeId: 'platform',
  workspaceId: 'platform',
} as const satisfies KeyAddress;

/**
 * Every scope has one head: its current key, or the remains of a deleted one. `revision` grows with each change of any
 * kind and detects concurrent writers; `lastVersion` is the highest version ever assigned.
 */
interface KeyHead {
  readonly revision: number;
  readonly lastVersion: number;
  /** The revision of its mark, where the key was refused because it does not match it (key-mark.ts). */
  readonly markedRevision?: number;
  readonly changedAt: string;
  readonly changedBy: string;
}

/** A key that can be used, or has been switched off. */
export interface LiveKey extends KeyHead {
  readonly state: 'active' | 'suspended';
  readonly sealed: SealedKey;
  /** The verdict of the probe before it was stored. */
  readonly verdict: Verdict;
  readonly createdAt: string;
  readonly createdBy: string;
  /** The version that a rollback goes back to, while it is retained. */
  readonly previousVersion: number | null;
}

/** The remains of a deleted key: the counters, so that no later key can repeat a version. */
export interface DeletedKey extends KeyHead {
  readonly state: 'deleted';
}

export type StoredKey = LiveKey | DeletedKey;

export const isLive = (key: StoredKey | undefined): key is LiveKey =>
  key !== undefined && key.state !== 'deleted';

/** The revision that the next change is computed from; 0 for a scope that has never held a key. */
export const revisionOf = (key: StoredKey | undefined): number => key?.revision ?? 0;

export const nextVersionOf = (key: StoredKey | undefined): number => (key?.lastVersion ?? 0) + 1;

const NO_BYTES = new Uint8Array(0);

/** Replaces an invalid record. It cannot be opened, and KMS is never called for it. */
export const damagedSealedKey = (binding: KeyBinding): SealedKey => ({
  ...binding,
  format: 0,
  algorithm: SEALED_KEY_ALGORITHM,
  masked: 'sk-...????',
  fingerprint: 'damaged',
  kmsKeyArn: '',
  wrappedDataKey: NO_BYTES,
  iv: NO_BYTES,
  tag: NO_BYTES,
  commitment: NO_BYTES,
  ciphertext: NO_BYTES,
});

/** An earlier version that can still be rolled back to. Its sealed record is shredded at `retainedUntil`. */
export interface RetainedKey {
  readonly sealed: SealedKey;
  readonly verdict: Verdict;
  readonly createdAt: string;
  readonly createdBy: string;
  /** Unix seconds. */
  readonly retainedUntil: number;
}

/** One line of a key's history: no ciphertext, kept for good. */
export interface KeyVersionRecord {
  readonly version: number;
  readonly masked: string;
  readonly createdAt: string;
  readonly createdBy: string;
  /** The reason for this version. */
  readonly reason: 'stored' | 'reencrypted';
}

export type KeyVersionState = 'current' | 'retained' | 'shredded';

/** The state of a version: current, retained, or shredded. */
export const versionState = (
  version: number,
  currentKey: StoredKey | undefined,
  retained: readonly RetainedKey[],
  now: Date,
): KeyVersionState => {
  if (isLive(currentKey) && currentKey.sealed.version === version) return 'current';
  const kept = retained.find(({ sealed }) => sealed.version === version);
  return kept !== undefined && isRetained(kept, now) ? 'retained' : 'shredded';
};

/** Decided by the clock, not by the removal of the item. */
export const isRetained = ({ retainedUntil }: RetainedKey, now: Date): boolean =>
  retainedUntil * 1_000 > now.getTime();

/**
 * The state that owners see. A key that OpenAI could not judge when it was stored is `unverified`; one that several
 * visitors lately failed with after a good mint is `degraded` (key-health.ts).
 */
export type ShownKeyState = 'active' | 'unverified' | 'degraded' | 'suspended' | 'needs_reentry';

/** Facts about the use of a key, stored apart from the key. */
export interface KeyActivity {
  /** The last use for a visitor, accurate to LAST_USE_ACCURACY_MS (key-used.ts). */
  readonly used: AtVersion | null;
  /** The latest good verdict of Test voice. */
  readonly verified: AtVersion | null;
  /** The latest verdict of Test voice; newer than the one that is stored with the key of that version. */
  readonly test: { readonly version: number; readonly verdict: Verdict } | null;
  /** Latest version that could not be decrypted although KMS responded. */
  readonly unreadableVersion: number | null;
  /** When the session began that could not open it; null also if an older release recorded it. */
  readonly unreadableAt: string | null;
  /** Until when the key counts as degraded by what visitors reported. */
  readonly degraded: { readonly version: number; readonly until: string } | null;
}

/** The time of the latest occurrence, and the version of the key that it concerned. */
interface AtVersion {
  readonly version: number;
  readonly at: string;
}

export interface MaskedKey {
  readonly scope: KeyScope;
  readonly masked: string;
  readonly version: number;
  readonly state: ShownKeyState;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly lastUsedAt: string | null;
  readonly lastVerifiedAt: string | null;
  readonly verdict: ShownVerdict;
}

const shownState = (
  key: LiveKey,
  verdict: Verdict,
  { unreadable, degraded }: { readonly unreadable: boolean; readonly degraded: boolean },
): ShownKeyState => {
  if (key.state === 'suspended') return 'suspended';
  if (unreadable) return 'needs_reentry';
  if (degraded) return 'degraded';
  return verdict.ok ? 'active' : 'unverified';
};

const ofVersion = (fact: AtVersion | null | undefined, version: number): string | null =>
  fact?.version === version ? fact.at : null;

/** The owner's view of a key: no ciphertext, no fingerprint, no plaintext. */
export const maskedViewOf = (key: LiveKey, activity: KeyActivity | undefined, now: Date): MaskedKey => {
  const { version } = key.sealed;
  const verdict = activity?.test?.version === version ? activity.test.verdict : key.verdict;
  return {
    scope: key.sealed.scope,
    masked: key.sealed.masked,
    version,
    state: shownState(key, verdict, {
      unreadable: !isWellFormed(key.sealed) || activity?.unreadableVersion === version,
      degraded:
        activity?.degraded?.version === version && Date.parse(activity.degraded.until) > now.getTime(),
    }),
    createdAt: key.createdAt,
    createdBy: key.createdBy,
    lastUsedAt: ofVersion(activity?.used, version),
    lastVerifiedAt: ofVersion(activity?.verified, version) ?? (key.verdict.ok ? key.verdict.checkedAt : null),
    verdict,
  };
};
