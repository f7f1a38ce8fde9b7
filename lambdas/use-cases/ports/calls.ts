import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { ResponseLimits } from '../../domain/budgets/response-bound.ts';
import type { CallId, EndedBy } from '../../domain/calls/call.ts';
import type { OpenedWith } from '../../domain/calls/control.ts';
import type { KeyUse, KeyUseOutcome } from '../../domain/calls/key-use.ts';
import type { SessionFields, WatchedEvent } from '../../domain/calls/watched-call.ts';
import type { SessionId, SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { KeyScope, SealedKey } from '../../domain/keys/sealed-key.ts';
import type { DataResidency } from '../../domain/openai-models.ts';
import type { Secret } from '../../domain/secret.ts';
import type { ReservedSession, SessionOutcome } from '../../domain/sessions/session.ts';
import type { SlotLease } from '../../domain/sessions/slots.ts';
import type { BillingMode, VoiceSettings } from '../../domain/tenancy/workspace.ts';

/** Ports of calls; the conventions are those of ../ports.ts. */

export interface CreatedCall {
  readonly callId: CallId;
  /** OpenAI's SDP answer. */
  readonly answer: string;
  readonly openAiRequestId: string | undefined;
}

/** Calls at OpenAI. Every method throws OpenAiFailure and nothing else. */
export interface RealtimeCalls {
  /**
   * Creates one call with the session of these settings. Never repeated once the request may have been sent. An answer
   * that names a call and cannot be used is hung up before this throws.
   */
  createCall(
    key: Secret,
    request: {
      readonly settings: VoiceSettings;
      /** True: OpenAI answers no turn by itself; the watcher asks for each response. */
      readonly turnByTurn: boolean;
      readonly offer: string;
      /** undefined for a check of a key, which has no visitor. */
      readonly safetyIdentifier: string | undefined;
    },
  ): Promise<CreatedCall>;
  /** Returns when OpenAI has ended the call, or knows no call with this id. Tries twice. */
  hangUp(
    key: Secret,
    call: { readonly callId: CallId; readonly dataResidency: DataResidency },
  ): Promise<{ readonly openAiRequestId: string | undefined }>;
}

/** Openings of keys for calls, each with its intent before and its outcome after. */
export interface KeyUseLog {
  intend(use: KeyUse): Promise<void>;
  /** ConflictError when the use has an outcome already. */
  settle(use: KeyUse, outcome: KeyUseOutcome): Promise<void>;
}

/** One live session of a workspace, for the kill switch and the dashboard. */
export interface LiveSession {
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId;
  readonly sessionId: SessionId;
  readonly openedWith: OpenedWith;
  readonly mode: BillingMode;
  readonly fingerprint: string;
  readonly keyScope: KeyScope;
  readonly keyScopeId: string;
  readonly startedAt: string;
  /** When the call's cap is due, RFC 3339; null until it is handed out, and for tokens. */
  readonly capAt: string | null;
  /** As in its admission. */
  readonly turnByTurn?: boolean | undefined;
}

export interface LiveSessions {
  /** Idempotent. */
  removeLive(workspaceId: WorkspaceId, sessionId: SessionId): Promise<void>;
}

export interface LiveSessionReader {
  /** All of them, oldest first, without sessions whose record is older than the longest session. */
  listLive(workspaceId: WorkspaceId, now: Date): Promise<readonly LiveSession[]>;
}

/** Hop 4 of a call. */
export interface CallIssuer {
  /**
   * Records that the call is handed out and the outcome of its key use, and extends its leases and its place among the
   * live sessions; all or nothing. ConflictError when its end was requested before, when a lease was lost, or when it is not reserved any more.
   */
  issue(issued: {
    readonly session: ReservedSession & { readonly siteId: SiteId };
    readonly outcome: SessionOutcome & { readonly callId: CallId };
    readonly use: { readonly intent: KeyUse; readonly outcome: KeyUseOutcome } | undefined;
    readonly leases: readonly SlotLease[];
    readonly capAt: Date;
    readonly now: Date;
  }): Promise<void>;
  /** Who asked to end the session; undefined: nobody. */
  readEndRequest(siteId: SiteId, sessionId: SessionId): Promise<EndedBy | undefined>;
  /** Marks an issued call whose answer was never handed out as refused. Idempotent. */
  withdraw(
    session: ReservedSession & { readonly siteId: SiteId },
    callId: CallId,
    refusal: string,
  ): Promise<void>;
}

/** The stored facts of a call for its hang-up. */
export interface RecordedCall {
  readonly session: ReservedSession & { readonly siteId: SiteId };
  readonly state: 'reserved' | SessionOutcome['state'];
  /** undefined before hop 4. */
  readonly callId: CallId | undefined;
  /** When it was handed out, right after OpenAI had created it, RFC 3339; undefined before hop 4. */
  readonly openedAt?: string | undefined;
  readonly endRequested: EndedBy | undefined;
  readonly endedBy: EndedBy | undefined;
  /** The latest session that replaced it; undefined: none. */
  readonly replacedBy?: SessionId | undefined;
  /** The session whose slot it should take over; undefined: none. */
  readonly replaces?: SessionId | undefined;
}

/** The stored facts of a session for its end, also of one that is not a call. */
export interface EndableSession extends RecordedCall {
  /** When it ended according to its reports; undefined: not known to have ended. */
  readonly endedAt: string | undefined;
}

export interface CallRecords {
  /** As readCall, also of a session of a client secret. */
  readSession(siteId: SiteId, sessionId: SessionId): Promise<EndableSession | undefined>;
  /** undefined: there is no such session, or it is not a call. */
  readCall(siteId: SiteId, sessionId: SessionId): Promise<RecordedCall | undefined>;
  /**
   * Marks the session as to be ended, unless it is marked already. A reserved session can then not be handed out any
   * more. False when there is no such session, or it is not a call.
   */
  requestEnd(siteId: SiteId, sessionId: SessionId, by: EndedBy): Promise<boolean>;
  /** As requestEnd, for a person, with the audit event: both or neither. */
  orderEnd(siteId: SiteId, sessionId: SessionId, by: EndedBy, event: AuditEvent): Promise<boolean>;
  /** Records who ended the call. False if that was recorded before. */
  noteEndedBy(siteId: SiteId, sessionId: SessionId, by: EndedBy, at: string): Promise<boolean>;
}

/** Sealed keys that can end calls. */
export interface EndingKeys {
  /** The record with this fingerprint at the scope: current, retained, or kept for ending; undefined: none any more. */
  findKey(
    session: Pick<ReservedSession, 'workspaceId' | 'keyScope' | 'keyScopeId' | 'keyVersion' | 'fingerprint'>,
    now: Date,
  ): Promise<SealedKey | undefined>;
  /** Removes a version that was kept for ending its calls. Idempotent. */
  forget(scope: KeyScope, scopeId: string, version: number): Promise<void>;
}

/** The live calls to end: those of one site, of one key, or of the whole workspace. */
export type EndScope =
  | { readonly workspaceId: WorkspaceId; readonly all: true }
  | { readonly workspaceId: WorkspaceId; readonly siteId: SiteId }
  /** Calls that the owner pays for: of one site, or of every site where `siteId` is null. */
  | {
      readonly workspaceId: WorkspaceId;
      readonly ownKeys: true;
      readonly siteId: SiteId | null;
      /** Does not end turn-by-turn calls that started at or after this time, RFC 3339. */
      readonly reservingSince?: string | undefined;
    }
  | {
      readonly workspaceId: WorkspaceId;
      readonly keyScope: KeyScope;
      readonly keyScopeId: string;
      /** undefined: of every version. */
      readonly fingerprint: string | undefined;
    };

/** A message in the queue of hang-ups: ids only. */
export type HangUpMessage =
  | {
      readonly kind: 'cap';
      readonly siteId: SiteId;
      readonly sessionId: SessionId;
      /** Unix milliseconds. */
      readonly dueAtMs: number;
    }
  | {
      readonly kind: 'end';
      readonly siteId: SiteId;
      readonly sessionId: SessionId;
      readonly by: EndedBy;
    }
  | { readonly kind: 'scope'; readonly scope: EndScope; readonly by: EndedBy }
  /** Removes a version that was kept for ending its calls. */
  | {
      readonly kind: 'forget';
      readonly scope: KeyScope;
      readonly scopeId: string;
      readonly version: number;
    };

export interface HangUpQueue {
  /** Returns when the queue has the message. At least once. `delaySeconds` is at most MAX_DELAY_SECONDS. */
  send(message: HangUpMessage, delaySeconds?: number): Promise<void>;
}

export interface LiveWorkspaces {
  /** The workspaces with live sessions. */
  listLiveWorkspaces(): Promise<readonly WorkspaceId[]>;
}

/** An operator's stop: of one workspace, or of the whole stage if there is none. */
export interface Stops extends LiveWorkspaces {
  /** Refuses new sessions, effective at the next request. With its audit event. Repeating it changes nothing. */
  stop(workspaceId: WorkspaceId | undefined, event: AuditEvent): Promise<void>;
  /** With its audit event. Repeating it changes nothing. */
  resume(workspaceId: WorkspaceId | undefined, event: AuditEvent): Promise<void>;
}

/** An event from a sideband. `closed` is the last one, with any close code. */
export type SidebandEvent = WatchedEvent | { readonly type: 'closed' };

export interface ResponseRequest {
  readonly reservationId: string;
  readonly maxOutputTokens: number;
  /** The system message that the response answers; undefined: it answers the conversation. */
  readonly prompt: string | undefined;
}

/** A second connection to a call: it sees every event from its attach on, and nothing from before. */
export interface Sideband {
  /** Sends the session as admitted; OpenAI's answer proves that the sideband hears. */
  begin(): void;
  /** Sends the session as admitted, with the fields that OpenAI had filled in. */
  restore(expected: SessionFields): void;
  /** Stops the response in progress. */
  silence(): void;
  /** Makes OpenAI answer no turn by itself any more. The response that is under way continues. */
  stop(): void;
  /**
   * Asks for one response. OpenAI returns the id with it, and with the refusal of the request. False if the socket had
   * closed: the request was not sent.
   */
  respond(request: ResponseRequest): boolean;
  /** The next event, in order; undefined when none came within `timeoutMs`. */
  next(timeoutMs: number): Promise<SidebandEvent | undefined>;
  close(): Promise<void>;
}

export type AttachResult =
  | { readonly result: 'attached'; readonly sideband: Sideband }
  /** OpenAI knows no such call: it has ended. */
  | { readonly result: 'no_call' }
  /** Refused or unreachable: this proves nothing about the call. */
  | { readonly result: 'refused' };

export interface Sidebands {
  /** The key is read before this first waits, and never kept. */
  attach(
    key: Secret,
    call: { readonly callId: CallId; readonly settings: VoiceSettings; readonly turnByTurn: boolean },
  ): Promise<AttachResult>;
  /** The compared fields of a session with these settings. */
  admittedFields(settings: VoiceSettings, turnByTurn: boolean): SessionFields;
}

/** The call that a watcher is started for. */
export interface WatchRequest {
  readonly siteId: SiteId;
  readonly sessionId: SessionId;
  readonly callId: CallId;
  /** When OpenAI created the call, Unix milliseconds. */
  readonly openedAtMs: number;
  /** The page gets the answer only after this watcher sees the call. */
  readonly strict: boolean;
  /** The generation of the watcher that hands over and still watches; undefined: none does. */
  readonly after?: number | undefined;
}

/** Budget amounts that are reserved before OpenAI is asked for a response. */
export interface ResponseReservations {
  reserve(
    session: Pick<ReservedSession, 'workspaceId' | 'sessionId'> & { readonly siteId: SiteId },
    generation: number,
    /** `turnId`: the item of the turn. */
    turn: ResponseLimits & { readonly turnId: string },
  ): Promise<
    | { readonly result: 'reserved'; readonly id: string }
    /** A budget has less left than the response may cost. */
    | { readonly result: 'refused' }
    /** A watcher has asked for this answer before. */
    | { readonly result: 'answered' }
    /** Another watcher has taken over, or the call has ended. */
    | { readonly result: 'lost' }
  >;
}

/** `tight`: at least 80 % of an amount is used. `open`: less is used, no budget ends the call, or the database does not answer. */
export type SpentState = 'open' | 'tight' | 'spent';

export interface SpentBudgets {
  /** Reads how far the budgets that end this call are spent: the state of the one that is used most. */
  look(
    session: Pick<ReservedSession, 'workspaceId' | 'mode'> & { readonly siteId: SiteId },
  ): Promise<SpentState>;
}

export interface WatcherInvoker {
  /** Returns when the invocation is accepted. It may run twice, late or never. */
  start(request: WatchRequest): Promise<void>;
}
