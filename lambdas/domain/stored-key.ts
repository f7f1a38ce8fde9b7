import type { KeyBinding, KeyScope, SealedKey } from './sealed-key.ts';
import type { Verdict } from './verdict.ts';

/** Where the platform's own OpenAI key lives: one more sealed key, at a scope that no tenant can name. */
export const PLATFORM_SCOPE_ID = 'platform';

/** Which key is meant, without its version. */
export type KeyAddress = Pick<KeyBinding, 'scope' | 'scopeId' | 'workspaceId'>;

export interface KeyAudit {
  readonly createdAt: string;
  readonly createdBy: string;
  readonly changedAt: string;
  readonly changedBy: string;
}

/** A key that can be used, or has been switched off. */
export interface LiveKey extends KeyAudit {
  readonly state: 'active' | 'suspended';
  readonly sealed: SealedKey;
  /** The verdict of the probe before it was stored. */
  readonly verdict: Verdict;
}

/** What stays of a deleted key: its version, so that no later key can repeat it. */
export interface DeletedKey extends KeyBinding, KeyAudit {
  readonly state: 'deleted';
}

export type StoredKey = LiveKey | DeletedKey;

export const isLive = (key: StoredKey | undefined): key is LiveKey =>
  key !== undefined && key.state !== 'deleted';

export const versionOf = (key: StoredKey | undefined): number => {
  if (key === undefined) return 0;
  return key.state === 'deleted' ? key.version : key.sealed.version;
};

/** The state that owners see. A key that OpenAI could not judge when it was stored is `unverified`. */
export type ShownKeyState = 'active' | 'unverified' | 'suspended' | 'needs_reentry';

/** Facts that the token function leaves behind, apart from the key itself, which it may not write. */
export interface KeyActivity {
  readonly lastUsedAt: string | null;
  /** Set by Test voice; newer than the verdict that is stored with the key of that version. */
  readonly test: { readonly version: number; readonly verdict: Verdict } | null;
  /** The version whose record could last not be opened although KMS answered. */
  readonly unreadableVersion: number | null;
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
  readonly verdict: Verdict;
}

const shownState = (key: LiveKey, verdict: Verdict, unreadable: boolean): ShownKeyState => {
  if (key.state === 'suspended') return 'suspended';
  if (unreadable) return 'needs_reentry';
  return verdict.ok ? 'active' : 'unverified';
};

/** The owner's view of a key: no ciphertext, no fingerprint, no plaintext. */
export const maskedViewOf = (key: LiveKey, activity: KeyActivity | undefined): MaskedKey => {
  const { version } = key.sealed;
  const verdict = activity?.test?.version === version ? activity.test.verdict : key.verdict;
  return {
    scope: key.sealed.scope,
    masked: key.sealed.masked,
    version,
    state: shownState(key, verdict, activity?.unreadableVersion === version),
    createdAt: key.createdAt,
    createdBy: key.createdBy,
    lastUsedAt: activity?.lastUsedAt ?? null,
    lastVerifiedAt: verdict.ok ? verdict.checkedAt : key.verdict.ok ? key.verdict.checkedAt : null,
    verdict,
  };
};
