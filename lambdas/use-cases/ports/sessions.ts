import type { CurrentBudget } from '../../domain/budgets/budget.ts';
import type { CallId } from '../../domain/calls/call.ts';
import type { SessionId, SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { Verdict } from '../../domain/keys/verdict.ts';
import type { RateLimit } from '../../domain/limits.ts';
import type { EmbedClaims, EmbedKey } from '../../domain/sessions/embed-token.ts';
import type { ErrorRow, ReportedError } from '../../domain/sessions/error-row.ts';
import type { HeldSlot, RecordedSession, SessionSnapshot } from '../../domain/sessions/recorded-session.ts';
import type { ReservedSession, SessionOrder, SessionOutcome } from '../../domain/sessions/session.ts';
import type { SessionUsage } from '../../domain/sessions/session-usage.ts';
import type { SlotLease } from '../../domain/sessions/slots.ts';
import type { TokenContext } from '../../domain/sessions/token-context.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import type { AdmissionWrite } from '../ports.ts';
import type { Page, PageRequest } from './pages.ts';

/** The result of a budget check. */
export type Budget =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly retryAfterSeconds: number };

export interface RateLimiter {
  /** Counts one request against the limit of `subject` in the current clock minute, or returns when the limit starts again. */
  spend(subject: string, limit: RateLimit, now: Date): Promise<Budget>;
}

/** The items that count the use of an embed token and the day of its visitor. */
export interface EmbedTags {
  readonly token: string;
  readonly visitor: string;
}

export interface TokenContextReader {
  readTokenContext(
    siteId: SiteId,
    workspaceId: WorkspaceId,
    now: Date,
    embed?: Partial<EmbedTags>,
  ): Promise<TokenContext>;
  /** The state that admission depends on, read again after a conflict. */
  readCapacity(
    workspaceId: WorkspaceId,
    siteId: SiteId,
    now: Date,
    embed?: Partial<EmbedTags>,
  ): Promise<Pick<TokenContext, 'leases' | 'period' | 'budgets' | 'embed'>>;
}

export interface SessionAdmitter {
  /**
   * Writes the reserved session, takes its slots and sets its minutes aside: all or nothing. ConflictError when a slot was
   * taken, or the plan's last minutes were used, meanwhile.
   */
  admit(admission: AdmissionWrite, now: Date): Promise<void>;
}

export interface SessionLog {
  /** Writes the session of a use that takes no slot. */
  reserve(session: ReservedSession, now: Date): Promise<void>;
  /** ConflictError when the session is not `reserved` any more. */
  settle(session: ReservedSession, outcome: SessionOutcome): Promise<void>;
  noteVerdict(session: ReservedSession, verdict: Verdict): Promise<void>;
  noteUnreadable(session: ReservedSession): Promise<void>;
}

export interface SlotLeases {
  /** Releases slots that this session still holds. */
  release(workspaceId: WorkspaceId, leases: readonly Omit<SlotLease, 'expiresAt'>[]): Promise<void>;
  /** Keeps the slots of a session until `expiresAt`. False if one of them had expired or was lost; the session has then ended. */
  renew(workspaceId: WorkspaceId, leases: readonly SlotLease[], now: Date): Promise<boolean>;
  /** Records the expected end of the session, without a change of its leases. False as for `renew`. */
  expect(
    workspaceId: WorkspaceId,
    leases: readonly Omit<SlotLease, 'expiresAt'>[],
    now: Date,
  ): Promise<boolean>;
}

export interface SessionSnapshots {
  /** undefined for a session that was never handed out, or is not a visitor's. */
  readSnapshot(siteId: SiteId, sessionId: SessionId): Promise<SessionSnapshot | undefined>;
}

export interface DueSessions {
  readonly usages: readonly SessionUsage[];
  /** The number of unreadable items of the page. */
  readonly unreadable: number;
  /** The due time of the last item of a full page, for `after` of the next; undefined: there are no more. */
  readonly last: Date | undefined;
}

export interface SessionUsageStore {
  /**
   * Writes the session usage and adds its difference to the totals and to these budgets, all or nothing. `usage.revision` is the one
   * that was read, 0 for new usage. ConflictError when it has changed since, a budget began another period, or a hold grew and
   * the period would then commit more than `capSeconds`; undefined: the hold did not grow, or has no cap.
   */
  saveUsage(usage: SessionUsage, budgets?: readonly CurrentBudget[], capSeconds?: number): Promise<void>;
  /**
   * As saveUsage, for a managed session that is closed without a single report: in the same transaction it is counted
   * against its site and day.
   */
  saveUnreported(usage: SessionUsage): Promise<void>;
  /** Usage of sessions that are due for a check, after `after` if it is given, earliest first, at most `limit`. */
  listDue(now: Date, limit: number, after?: Date): Promise<DueSessions>;
}

export interface SessionEndRecorder {
  /** Records on the session that it has ended, and its length. The anomaly detector uses both. */
  recordEnd(usage: SessionUsage): Promise<void>;
}

export interface ErrorLog {
  report(error: ReportedError): Promise<void>;
}

export interface ErrorReader {
  /** Newest first. */
  listErrors(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<ErrorRow>>;
  /** Where a page that continues after `row` starts. */
  positionOfError(row: ErrorRow): string;
}

export interface SessionReader {
  /** Sessions minted from `from` on and before `before`; newest first, if `order` is not given. */
  listSessions(
    site: Pick<Site, 'siteId' | 'workspaceId'>,
    between: { readonly from: Date; readonly before: Date; readonly order?: SessionOrder },
    page: PageRequest,
  ): Promise<Page<RecordedSession>>;
  /** Where a page that continues after `session` starts. */
  positionOfSession(session: RecordedSession): string;
  readSession(
    site: Pick<Site, 'siteId' | 'workspaceId'>,
    sessionId: SessionId,
  ): Promise<RecordedSession | undefined>;
  /** Usage of at most 100 sessions of one site. A session without reports may have none. */
  readSessionUsage(
    siteId: SiteId,
    sessionIds: readonly SessionId[],
  ): Promise<ReadonlyMap<SessionId, SessionUsage>>;
}

/** A session of a list, with its usage. A session without reports may have none. */
export interface MeteredSession {
  readonly session: RecordedSession;
  readonly usage: SessionUsage | undefined;
}

export interface WorkspaceSessionReader {
  /**
   * Sessions of all sites of the workspace, archived ones included, minted from `from` on and before `before`. A page has
   * at most 100. A session appears here about a second after its mint.
   */
  listSessions(
    workspaceId: WorkspaceId,
    within: { readonly from: Date; readonly before: Date; readonly order: SessionOrder },
    page: PageRequest,
  ): Promise<Page<MeteredSession>>;
  /** The session with this id of any site of the workspace. */
  findSession(workspaceId: WorkspaceId, sessionId: SessionId): Promise<MeteredSession | undefined>;
  /** The session of a call of this workspace, by OpenAI's id of the call. */
  findCall(workspaceId: WorkspaceId, callId: CallId): Promise<MeteredSession | undefined>;
  /** Where a page that continues after `session` starts. */
  positionOf(session: RecordedSession): string;
}

export interface SlotReader {
  /** Leases of every pool of the workspace, expired ones included. */
  listHeld(workspaceId: WorkspaceId): Promise<readonly HeldSlot[]>;
}

/**
 * Keyed hashes and derived secrets. Their roots come from a KMS HMAC key and are kept in memory; no derived value
 * can be computed from the tables alone.
 */
export interface PseudonymService {
  /** Hash of a caller's address, hex, different every day (UTC). */
  hashIp(address: string, now: Date): Promise<string>;
  /** OpenAI-Safety-Identifier: 64 hex digits, stable for one visitor of one site. */
  safetyIdentifier(siteId: SiteId, visitor: string): Promise<string>;
  /** 32 bytes, base64: signs the reports of one session. Derivable again from the session id alone. */
  signingSecret(sessionId: SessionId): Promise<string>;
}

export interface EmbedTokens {
  /** `sub` and `jti` of a token, unverified; undefined for text that is not such a token. */
  peek(token: string): Pick<EmbedClaims, 'sub' | 'jti'> | undefined;
  /**
   * The claims of a token that this key signed for this site. `signature`: any fault except its time.
   * `secret` is the secret of an HS256 key. With `expiryIgnored` its time is not checked.
   */
  verify(
    token: string,
    check: {
      readonly key: EmbedKey;
      readonly secret: string;
      readonly siteId: SiteId;
      readonly now: Date;
      readonly expiryIgnored: boolean;
    },
  ): Promise<EmbedClaims | 'expired' | 'signature'>;
}

export interface EmbedPublicKeys {
  /** The point of a P-256 public key in PEM (SPKI) form; undefined for any other text, a private key included. */
  parsePublicKey(pem: string): Promise<EmbedKey['publicKey'] | undefined>;
}

/** Derived from a KMS key in memory; nothing of it is stored. */
export interface EmbedSecrets {
  /** The secret that an HS256 key signs with, base64 text. Derivable again from the ids alone. */
  embedSecret(siteId: SiteId, keyId: string): Promise<string>;
  /** Keyed hash of a visitor of one site, hex. */
  visitorTag(siteId: SiteId, sub: string): Promise<string>;
}
