import {
  newEventId,
  type RandomBytes,
  type SessionId,
  type SiteId,
  type WorkspaceId,
} from '../identifiers.ts';
import type { KeyScope, SealedKey } from '../keys/sealed-key.ts';
import type { ReservedSession } from '../sessions/session.ts';
import type { BillingMode } from '../tenancy/workspace.ts';

/** Why a key was opened for a call. */
export const KEY_USE_REASONS = ['call', 'watch', 'hangup'] as const;
export type KeyUseReason = (typeof KEY_USE_REASONS)[number];

/**
 * One opening of a key for a call: on record before KMS is asked, with its outcome afterwards. A session of a call has
 * several of them, so it holds no KMS request id itself.
 */
export interface KeyUse {
  readonly useId: string;
  readonly sessionId: SessionId;
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId;
  readonly reason: KeyUseReason;
  readonly mode: BillingMode;
  readonly keyScope: KeyScope;
  readonly keyVersion: number;
  readonly ipHash: string;
  readonly actor: string;
  readonly createdAt: string;
  /** Retention in days, like its session; undefined: the default. */
  readonly keptDays?: number | undefined;
}

export interface KeyUseOutcome {
  readonly at: string;
  /** `ok`, or the name of the failure. */
  readonly result: string;
  readonly kmsRequestId?: string | undefined;
  readonly openAiRequestId?: string | undefined;
}

/** The record of an opening of `sealed`, whose version can differ from the version at the start of the session. */
export const newKeyUse = (
  session: ReservedSession & { readonly siteId: SiteId },
  sealed: Pick<SealedKey, 'scope' | 'version'>,
  reason: KeyUseReason,
  now: Date,
  random: RandomBytes,
): KeyUse => ({
  useId: `${reason}#${newEventId(now, random)}`,
  sessionId: session.sessionId,
  workspaceId: session.workspaceId,
  siteId: session.siteId,
  reason,
  mode: session.mode,
  keyScope: sealed.scope,
  keyVersion: sealed.version,
  ipHash: session.ipHash,
  actor: reason === 'call' ? session.actor : `system:${reason}`,
  createdAt: now.toISOString(),
  ...(session.keptDays !== undefined && { keptDays: session.keptDays }),
});
