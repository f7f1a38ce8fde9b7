import type { SessionId, SiteId, WorkspaceId } from './identifiers.ts';
import type { KeyScope } from './sealed-key.ts';
import type { BillingMode } from './workspace.ts';

/**
 * `visitor`: a widget asked for it. `test`: a person pressed Test voice. `reencryption`: a person had the key encrypted
 * anew. The last two are never charged and take no slot; they are on record because a key was opened.
 */
export type SessionKind = 'visitor' | 'test' | 'reencryption';

/**
 * A session before its mint, and the audit intent of its decrypt: no key is opened without one on record. It
 * pins who pays and with which key version, whatever changes later.
 */
export interface ReservedSession {
  readonly sessionId: SessionId;
  readonly workspaceId: WorkspaceId;
  /** undefined for a test of the workspace's key. */
  readonly siteId: SiteId | undefined;
  readonly kind: SessionKind;
  /** Who pays OpenAI. */
  readonly mode: BillingMode;
  readonly keyScope: KeyScope;
  readonly keyScopeId: string;
  readonly keyVersion: number;
  readonly fingerprint: string;
  readonly model: string;
  readonly voice: string;
  /** Keyed hash of the caller's address, hex. */
  readonly ipHash: string;
  /** `sub` of the operator for a test, `visitor` otherwise. */
  readonly actor: string;
  readonly origin: string | undefined;
  readonly createdAt: string;
}

/** One of the concurrency slots of one OpenAI key within one workspace. */
export interface SlotLease {
  readonly fingerprint: string;
  readonly index: number;
  readonly sessionId: SessionId;
  /** Unix seconds. From that second on the slot is free, whether or not anything has deleted the item. */
  readonly expiresAt: number;
}

/** How a reserved session ended up. */
export interface SessionOutcome {
  /** `used`: the key was opened and no secret was minted. */
  readonly state: 'issued' | 'used' | 'refused';
  readonly at: string;
  /** Name of the refusal, for a refused session. */
  readonly refusal?: string;
  /** What OpenAI's failure was, where it was one. */
  readonly openAiFailure?: string;
  /** Joins this row to CloudTrail's Decrypt. undefined: KMS was never asked, or never answered. */
  readonly kmsRequestId?: string;
  readonly openAiRequestId?: string;
  /** OpenAI's id of the minted session configuration (`sess_…`). */
  readonly openAiSessionId?: string;
}

/** Grace after the longest session, so that a slot never frees while its visitor may still be talking. */
const LEASE_GRACE_SECONDS = 30;

/** When the slot of a session minted now comes back by itself, unix seconds. */
export const leaseExpiry = (now: Date, clientSecretTtlSeconds: number, maxDurationSeconds: number): number =>
  Math.floor(now.getTime() / 1_000) + clientSecretTtlSeconds + maxDurationSeconds + LEASE_GRACE_SECONDS;

/** The slots of `fingerprint` that are taken at `now`, by index. */
export const takenSlots = (leases: readonly SlotLease[], fingerprint: string, now: Date): SlotLease[] =>
  leases.filter((lease) => lease.fingerprint === fingerprint && lease.expiresAt * 1_000 > now.getTime());

/**
 * Indices below `limit` that no lease holds, in ascending order; none when as many sessions as `limit` run, at whatever
 * indices: the limit may have been lowered since they began.
 */
export const freeSlots = (taken: readonly SlotLease[], limit: number): number[] => {
  if (taken.length >= limit) return [];
  const held = new Set(taken.map(({ index }) => index));
  return Array.from({ length: limit }, (_, index) => index).filter((index) => !held.has(index));
};

/** Whole seconds, at least 1, until so many of `taken` have expired that fewer than `limit` are left. */
export const secondsUntilFree = (taken: readonly SlotLease[], limit: number, now: Date): number => {
  if (taken.length < limit) return 1;
  const ends = taken.map(({ expiresAt }) => expiresAt).sort((a, b) => a - b);
  const decisive = ends[taken.length - limit];
  return decisive === undefined ? 1 : Math.max(1, Math.ceil(decisive - now.getTime() / 1_000));
};
