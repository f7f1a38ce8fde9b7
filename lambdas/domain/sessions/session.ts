import type { CallId } from '../calls/call.ts';
import type { OpenedWith } from '../calls/control.ts';
import type { SessionId, SiteId, WorkspaceId } from '../identifiers.ts';
import type { KeyScope } from '../keys/sealed-key.ts';
import type { DataResidency } from '../openai-models.ts';
import type { BillingMode } from '../tenancy/workspace.ts';
import type { SlotRef } from './slots.ts';

/**
 * `visitor`: opened by a widget. `test`: a person pressed Test voice. `reencryption`: a person had the key
 * re-encrypted. The last two are never charged and take no slot; they are on record because a key was opened.
 */
export const SESSION_KINDS = ['visitor', 'test', 'reencryption'] as const;
export type SessionKind = (typeof SESSION_KINDS)[number];

/**
 * `reserved`: on record before its mint. `refused`: no secret was handed out. `used`: a person's own use of a key. `issued`:
 * minted, without a report so far. `live` and `ended`: as reported.
 */
export const SESSION_STATES = ['reserved', 'issued', 'live', 'ended', 'refused', 'used'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** Order by the time of the mint. */
export const SESSION_ORDERS = ['newest_first', 'oldest_first'] as const;
export type SessionOrder = (typeof SESSION_ORDERS)[number];

/**
 * Problems of a session. `refused`: no client secret was issued. `flagged`: some of its reports are implausible.
 * `incomplete`: a watched call whose watcher missed a part of it.
 */
export const SESSION_PROBLEMS = ['refused', 'flagged', 'incomplete'] as const;
export type SessionProblem = (typeof SESSION_PROBLEMS)[number];

/**
 * A session before its mint, and the audit intent of its decrypt: no key is opened without a recorded one. It
 * fixes who pays and the key version, whatever changes later.
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
  /** Longest response at admission, tokens; undefined: the default, or a record from before it was kept. */
  readonly maxOutputTokens?: number | undefined;
  /**
   * Region of the OpenAI project at admission: it decides the price and the host that creates and hangs up a call. undefined
   * in records from before it was kept.
   */
  readonly dataResidency?: DataResidency | undefined;
  /** Keyed hash of the caller's address, hex. */
  readonly ipHash: string;
  /** `sub` of the operator for a test, `visitor` otherwise. */
  readonly actor: string;
  readonly origin: string | undefined;
  readonly createdAt: string;
  /** Retention in days, with its usage; undefined: the default. */
  readonly keptDays?: number | undefined;
  /** undefined for the uses of a person. */
  readonly openedWith?: OpenedWith;
  /** Keyed hash of the visitor whom an embed token named; undefined without one. */
  readonly visitorTag?: string | undefined;
  /** undefined for the uses of a person, which take no slot. */
  readonly admission?: Admission;
}

/** The terms of a visitor's admission. */
export interface Admission {
  /** Longest that the session may last, seconds: the site's setting, or what is left of a hard-capped plan. */
  readonly maxDurationSeconds: number;
  /** Seconds of a hard-capped plan that are set aside for it; 0 without one. */
  readonly holdSeconds: number;
  /** The time until which it may connect before its slot is released, unix seconds. */
  readonly connectBy: number;
  /** The slots that it took, by pool. */
  readonly slots: readonly SlotRef[];
  /** True for a call under `never_exceed`: its watcher asks OpenAI for each response, after it has reserved the cost. */
  readonly turnByTurn?: boolean | undefined;
}

/** The outcome of a reserved session. */
export interface SessionOutcome {
  /** `used`: the key was opened and no secret was minted. */
  readonly state: 'issued' | 'used' | 'refused';
  readonly at: string;
  /** Name of the refusal, for a refused session. */
  readonly refusal?: string;
  /** OpenAI's failure, if there was one. */
  readonly openAiFailure?: string;
  /** Joins this row to CloudTrail's Decrypt. undefined: KMS was never asked, or never answered. */
  readonly kmsRequestId?: string;
  readonly openAiRequestId?: string;
  /** OpenAI's id of the minted session configuration (`sess_…`). */
  readonly openAiSessionId?: string;
  /** OpenAI's id of the call, if one was created. */
  readonly callId?: CallId;
}
