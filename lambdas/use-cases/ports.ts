import type { AnomalyState } from '../domain/anomaly.ts';
import type { AuditEvent, AuditEventType, AuditFacts, AuditRow, ChainHead } from '../domain/audit-record.ts';
import type { SessionId, SiteId, WorkspaceId } from '../domain/identifiers.ts';
import type { Incident, KeyInUse } from '../domain/incident.ts';
import type { KeyHealth } from '../domain/key-health.ts';
import type { KeyChange } from '../domain/key-lifecycle.ts';
import type { RateLimit } from '../domain/limits.ts';
import type { PlanNotice } from '../domain/plan-notice.ts';
import type { FailureSource } from '../domain/reported-failure.ts';
import type { KeyBinding, KeyScope, SealedKey } from '../domain/sealed-key.ts';
import type { Secret } from '../domain/secret.ts';
import type { ReservedSession, SessionOutcome, SlotLease } from '../domain/session.ts';
import type { SessionMeter } from '../domain/session-meter.ts';
import type {
  KeyActivity,
  KeyAddress,
  KeyVersionRecord,
  RetainedKey,
  StoredKey,
} from '../domain/stored-key.ts';
import type { DayRange, DayUsage } from '../domain/usage.ts';
import type { ListedModel, Verdict } from '../domain/verdict.ts';
import type { Caller, Member, Role, Site, VoiceSettings, Workspace } from '../domain/workspace.ts';

/**
 * What the use cases need from the world. A write that changes something a person cares about takes its audit event. Unless a port says otherwise, each method reads its own writes (strongly
 * consistent) and throws DependencyUnavailableError when the service behind it fails.
 */

/** The present time. Given in, so that tests move it. */
export type Clock = () => Date;

/** Waits before a write that met another one is tried again; `attempt` is the one that failed, from 1. */
export type BackOff = (attempt: number) => Promise<void>;

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where the next page starts; undefined on the last one. */
  readonly next: string | undefined;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: string | undefined;
}

export interface Membership {
  readonly workspace: Workspace | undefined;
  readonly member: Member | undefined;
}

export interface SiteMembership extends Membership {
  readonly site: Site | undefined;
}

export interface MembershipReader {
  readMembership(workspaceId: WorkspaceId, sub: string): Promise<Membership>;
  readSiteMembership(siteId: SiteId, sub: string): Promise<SiteMembership>;
}

export interface SiteReader {
  /** undefined for a site that never existed, is archived, or whose workspace is deleted. */
  readSite(siteId: SiteId): Promise<Site | undefined>;
}

/** The settings that a workspace's owner may change. */
export type WorkspaceSettings = Pick<
  Workspace,
  | 'name'
  | 'billingMode'
  | 'openaiTier'
  | 'concurrencyLimit'
  | 'siteSharePercent'
  | 'anomalyResponse'
  | 'alertEmail'
>;
export type WorkspaceChange = Partial<WorkspaceSettings>;

/** The settings that a site's admin may change. */
export type SiteSettings = Omit<Site, 'siteId' | 'workspaceId' | 'createdAt' | 'createdBy'>;
export type SiteChange = Partial<SiteSettings>;

/**
 * Makes the audit event of a change that a person makes: who, when, from where. The change writes it in the same
 * transaction, so that neither can be without the other.
 */
export interface Journal {
  event(
    caller: Caller,
    type: AuditEventType,
    subject: {
      readonly workspaceId: string;
      readonly siteId?: SiteId | undefined;
      readonly facts?: AuditFacts;
    },
  ): Promise<AuditEvent>;
}

/** What the caller knows of the workspace's plan. */
export interface SiteRoom {
  readonly plan: string;
  /** null: no cap. */
  readonly maxSites: number | null;
}

export interface Tenancy extends MembershipReader {
  createWorkspace(workspace: Workspace, owner: Member, event: AuditEvent): Promise<void>;
  listWorkspaces(sub: string, page: PageRequest): Promise<Page<{ workspace: Workspace; role: Role }>>;
  /** Writes only what changed. ConflictError when the workspace is gone. */
  changeWorkspace(workspaceId: WorkspaceId, change: WorkspaceChange, event: AuditEvent): Promise<void>;
  listMembers(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Member>>;
  readMember(workspaceId: WorkspaceId, sub: string): Promise<Member | undefined>;
  /** Adds a member or changes the role; `previous` is what the caller saw. ConflictError when that changed, or when the last owner would go. */
  saveMember(member: Member, previous: Member | undefined, event: AuditEvent): Promise<void>;
  /** ConflictError as above. */
  removeMember(member: Member, event: AuditEvent): Promise<void>;
  /**
   * Counts the site on its workspace in the same write. ConflictError when the workspace is gone, on another plan than
   * the caller saw, or full.
   */
  createSite(site: Site, room: SiteRoom, event: AuditEvent): Promise<void>;
  listSites(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Site>>;
  /** Writes only what changed. ConflictError when the site is archived in between. */
  changeSite(site: Site, change: SiteChange, event: AuditEvent): Promise<void>;
}

/** Ends what the tenancy holds. Apart, because whoever ends a site or a workspace also shreds its keys. */
export interface TenancyEnding extends MembershipReader {
  listSites(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Site>>;
  /** From here on every mint of the workspace is refused. ConflictError when it was already deleted. */
  markWorkspaceDeleted(workspaceId: WorkspaceId, event: AuditEvent): Promise<void>;
  /** Gives its place in the plan back. ConflictError when it is archived already, or its workspace is being written. */
  archiveSite(site: Site, event: AuditEvent): Promise<void>;
}

export interface KeyStore {
  readKey(address: KeyAddress): Promise<StoredKey | undefined>;
  readRetained(address: KeyAddress, version: number): Promise<RetainedKey | undefined>;
  /** Newest first. */
  listVersions(address: KeyAddress, page: PageRequest): Promise<Page<KeyVersionRecord>>;
  /**
   * Carries out one change: head, history, retained record and audit event, all or nothing. ConflictError when the
   * head's revision has moved.
   */
  changeKey(address: KeyAddress, change: KeyChange, event: AuditEvent): Promise<void>;
  /** Removes this retained record, whose time is over, and no later one in its place. Idempotent. */
  shredRetained(address: KeyAddress, retained: RetainedKey): Promise<void>;
}

export interface KeyActivityReader {
  readActivity(address: KeyAddress): Promise<KeyActivity | undefined>;
}

/** Seals; can never open. */
export interface KeySealer {
  /** The record of `plaintext` for `binding`, under a fresh data key. The plaintext stays with the caller. */
  seal(plaintext: Secret, binding: KeyBinding, masked: string): Promise<SealedKey>;
}

/** Opens. The only way to a plaintext key. */
export interface KeyOpener {
  /**
   * Decrypts one record, hands the plaintext to `use`, and zeroes every buffer before it returns or throws.
   * `kmsRequestId` joins the call to CloudTrail's Decrypt. Throws SealedKeyUnreadableError (after
   * `onDecryptAttempt`, when KMS was asked), DependencyUnavailableError, or whatever `use` throws.
   */
  withPlaintext<Result>(
    sealed: SealedKey,
    use: (plaintext: Secret) => Promise<Result>,
    onDecryptAttempt: (kmsRequestId: string | undefined) => void,
  ): Promise<Result>;
}

export interface MintedClientSecret {
  /** `ek_…` */
  readonly value: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly openAiRequestId: string | undefined;
  readonly openAiSessionId: string | undefined;
}

/** OpenAI, at the operator's configured base URL. Every method throws OpenAiFailure and nothing else. */
export interface OpenAi {
  /**
   * Mints one client secret. Never repeated blindly: one retry when the connection failed before the request was
   * sent, or when OpenAI itself says `x-should-retry`, both inside `timeoutMs`.
   */
  mintClientSecret(
    key: Secret,
    request: {
      readonly settings: VoiceSettings;
      readonly ttlSeconds: number;
      readonly safetyIdentifier: string | undefined;
      readonly timeoutMs: number;
    },
  ): Promise<MintedClientSecret>;
  listModels(
    key: Secret,
    request: { readonly settings: VoiceSettings; readonly timeoutMs: number },
  ): Promise<readonly ListedModel[]>;
  /** Where a browser posts its SDP offer for a session with these settings. */
  realtimeUrl(settings: VoiceSettings): string;
}

/** What a budget check found. */
export type Budget =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly retryAfterSeconds: number };

export interface RateLimiter {
  /** Spends one call of `subject`'s budget of the current clock minute, or says when there is a new one. */
  spend(subject: string, limit: RateLimit, now: Date): Promise<Budget>;
}

/** Everything that decides one token request, read in one hop. */
export interface TokenContext {
  readonly workspace: Workspace | undefined;
  readonly site: Site | undefined;
  readonly siteKey: StoredKey | undefined;
  readonly workspaceKey: StoredKey | undefined;
  readonly platformKey: StoredKey | undefined;
  /** Calls that the site has spent of its budget in the current clock minute. */
  readonly siteCalls: number;
  readonly period: PeriodUsage;
  /** Leases of every pool of the workspace, expired ones included. */
  readonly leases: readonly SlotLease[];
  /** What visitors reported of each key, by the scope of the key. */
  readonly health: {
    readonly site: KeyHealth | undefined;
    readonly workspace: KeyHealth | undefined;
    readonly platform: KeyHealth | undefined;
  };
}

/** What a workspace has used of its plan in one billing period. */
export interface PeriodUsage {
  readonly usedSeconds: number;
  /** As usedSeconds, and what running sessions of a hard-capped plan may still use. */
  readonly committedSeconds: number;
  /** When each threshold of the plan was noticed, RFC 3339, by its per cent. */
  readonly notices: Readonly<Record<string, string>>;
}

export interface TokenContextReader {
  readTokenContext(siteId: SiteId, workspaceId: WorkspaceId, now: Date): Promise<TokenContext>;
  /** What admission depends on, read again after a lost race. */
  readCapacity(workspaceId: WorkspaceId, now: Date): Promise<Pick<TokenContext, 'leases' | 'period'>>;
}

/** Seconds of a hard-capped plan that a session sets aside, and the meter that gives them back. */
export interface MinutesHold {
  readonly meter: SessionMeter;
  /** What the period may hold at most, so that the hold still fits, seconds. */
  readonly committedBefore: number;
}

export interface SessionAdmitter {
  /**
   * Writes the reserved session, takes its slots and sets its minutes aside: all or nothing. ConflictError when a slot was
   * taken, or the plan's last minutes were, in between.
   */
  admit(
    session: ReservedSession,
    leases: readonly SlotLease[],
    hold: MinutesHold | undefined,
    now: Date,
  ): Promise<void>;
}

export interface SessionLog {
  /** Writes the session of a use that takes no slot. */
  reserve(session: ReservedSession, now: Date): Promise<void>;
  /** ConflictError when the session is not `reserved` any more. */
  settle(session: ReservedSession, outcome: SessionOutcome): Promise<void>;
  noteKeyUse(session: ReservedSession, at: string): Promise<void>;
  noteVerdict(session: ReservedSession, verdict: Verdict): Promise<void>;
  noteUnreadable(session: ReservedSession): Promise<void>;
}

export interface SlotKeeper {
  /** Gives slots back that this session still holds. */
  release(workspaceId: WorkspaceId, leases: readonly Omit<SlotLease, 'expiresAt'>[]): Promise<void>;
  /** Keeps the slots of a session until `expiresAt`. False when one of them had run out or was lost: then it is over. */
  extend(workspaceId: WorkspaceId, leases: readonly SlotLease[], now: Date): Promise<boolean>;
}

/** A session as a report finds it. */
export interface ReportedSession {
  /** Only a session whose secret was handed out has reports. */
  readonly session: ReservedSession & { readonly siteId: SiteId };
  readonly meter: SessionMeter | undefined;
  readonly workspace: Workspace | undefined;
  /** undefined once it is archived. */
  readonly site: Site | undefined;
  readonly health: KeyHealth | undefined;
}

export interface ReportedSessions {
  /** undefined for a session that was never handed out, or is not a visitor's. */
  readReported(siteId: SiteId, sessionId: SessionId): Promise<ReportedSession | undefined>;
}

export interface DueMeters {
  readonly meters: readonly SessionMeter[];
  /** How many of the page cannot be read. */
  readonly unreadable: number;
  /** When the last of a full page was due, as `after` of the next; undefined: there are no more. */
  readonly last: Date | undefined;
}

export interface SessionMeters {
  /**
   * Writes the meter and adds to the totals what it adds, all or nothing. `meter.revision` is the one that was read, 0 for a
   * new meter. ConflictError when it has moved since.
   */
  saveMeter(meter: SessionMeter): Promise<void>;
  /** Meters of sessions that are due for a look, after `after` where it is given, earliest first, at most `limit`. */
  listDue(now: Date, limit: number, after?: Date): Promise<DueMeters>;
}

export interface KeyHealthStore {
  /** ConflictError when somebody else wrote in between. */
  saveHealth(
    key: Pick<ReservedSession, 'workspaceId' | 'keyScope' | 'keyScopeId'>,
    health: KeyHealth,
    now: Date,
  ): Promise<void>;
  /** Shows the owner of the key that it is degraded, until then; undefined: no longer. */
  noteDegraded(
    key: Pick<ReservedSession, 'keyScope' | 'keyScopeId' | 'keyVersion'>,
    until: Date | undefined,
  ): Promise<void>;
}

export interface SessionEnds {
  /** Notes on the session's record that it is over, and how long it was: the anomaly detector goes by it. */
  noteEnd(meter: SessionMeter): Promise<void>;
}

export interface PlanNotices {
  /** What the workspace has used of its plan in `period`, `yyyy-mm`. */
  readPeriod(workspaceId: WorkspaceId, period: string): Promise<PeriodUsage>;
  /** Marks the threshold as noticed together with its audit event. ConflictError when it was already. */
  noteThreshold(workspaceId: WorkspaceId, period: string, percent: number, event: AuditEvent): Promise<void>;
}

/** A failure that the operator should know of; repeats within a minute are counted on one row. */
export interface ReportedError {
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId | undefined;
  /** Name of the refusal, or of what a widget reported. */
  readonly code: string;
  /** Where it happened: at the mint, or in the visitor's browser. */
  readonly source: 'mint' | FailureSource;
  readonly openAiFailure: string | undefined;
  readonly message: string;
  readonly sessionId: SessionId | undefined;
  readonly at: string;
}

export interface ErrorRow extends Omit<ReportedError, 'at'> {
  readonly firstAt: string;
  readonly lastAt: string;
  readonly count: number;
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

/** Totals, as the reports have added them up. */
export interface UsageReader {
  /** One part for each day, site, model and mode within the days; in one query. */
  readDays(workspaceId: WorkspaceId, days: DayRange): Promise<readonly DayUsage[]>;
  /** What the workspace has used of its plan in `period`, `yyyy-mm`. */
  readPeriod(workspaceId: WorkspaceId, period: string): Promise<PeriodUsage>;
}

/** A session as it is on record, whatever became of it. */
export interface RecordedSession extends ReservedSession {
  readonly siteId: SiteId;
  readonly state: 'reserved' | SessionOutcome['state'];
  readonly refusal: string | null;
  readonly openAiFailure: string | null;
}

export interface SessionReader {
  /** Sessions minted from `from` on and before `before`, newest first. */
  listSessions(
    site: Pick<Site, 'siteId' | 'workspaceId'>,
    between: { readonly from: Date; readonly before: Date },
    page: PageRequest,
  ): Promise<Page<RecordedSession>>;
  /** Where a page that continues after `session` starts. */
  positionOfSession(session: RecordedSession): string;
  readSession(
    site: Pick<Site, 'siteId' | 'workspaceId'>,
    sessionId: SessionId,
  ): Promise<RecordedSession | undefined>;
  /** Meters of at most 100 sessions of one site. A session of which nothing was reported may have none. */
  readMeters(siteId: SiteId, sessionIds: readonly SessionId[]): Promise<ReadonlyMap<SessionId, SessionMeter>>;
}

/** A slot that is taken, and by whom. */
export interface HeldSlot extends SlotLease {
  readonly siteId: SiteId;
  readonly keyScope: KeyScope;
  readonly keyScopeId: string;
}

export interface SlotReader {
  /** Leases of every pool of the workspace, expired ones included. */
  listHeld(workspaceId: WorkspaceId): Promise<readonly HeldSlot[]>;
}

/** One item of the totals. */
export interface BookedTotal {
  /** Where it stands within its workspace. */
  readonly place: string;
  readonly counts: Readonly<Record<string, number>>;
  /** Grows with every change of the item; 0 where there is none. */
  readonly writes: number;
}

/** What one meter adds to one item of the totals. */
export type Booking = Pick<BookedTotal, 'place' | 'counts'>;

/** Meters and totals side by side, for whoever checks that the totals are the sum of the meters. */
export interface UsageBooks {
  /** Every workspace that ever was, or `only` this one, with its sites; archived ones too. */
  listWorkspaces(only: WorkspaceId | undefined): Promise<ReadonlyMap<WorkspaceId, readonly SiteId[]>>;
  /** Meters of sessions minted from `from` on and before `before`, oldest first. */
  listMeters(
    siteId: SiteId,
    between: { readonly from: Date; readonly before: Date },
    page: PageRequest,
  ): Promise<Page<SessionMeter>>;
  /** Totals of the month `yyyy-mm`: of its days, and of the billing period. */
  readTotals(workspaceId: WorkspaceId, month: string): Promise<readonly BookedTotal[]>;
  /** One of them, read so that no report is seen in its meter and not yet here. */
  readTotal(workspaceId: WorkspaceId, place: string): Promise<BookedTotal>;
  bookingsOf(meter: SessionMeter): readonly Booking[];
  /**
   * Sets the counts of a total, together with the audit event. ConflictError when the total was written to since it was
   * read.
   */
  correctTotal(
    workspaceId: WorkspaceId,
    read: BookedTotal,
    counts: Booking['counts'],
    event: AuditEvent,
  ): Promise<void>;
}

/**
 * Keyed hashes and derived secrets. Their roots come from a KMS HMAC key and live in memory; nothing that is derived
 * can be computed from the tables alone.
 */
export interface Deriver {
  /** Hash of a caller's address, hex, different every day (UTC). */
  hashIp(address: string, now: Date): Promise<string>;
  /** OpenAI-Safety-Identifier: 64 hex digits, stable for one visitor of one site. */
  safetyIdentifier(siteId: SiteId, visitor: string): Promise<string>;
  /** 32 bytes, base64: signs the reports of one session. Derivable again from the session id alone. */
  signingSecret(sessionId: SessionId): Promise<string>;
}

/** Says who an access token speaks for. */
export interface AccessTokenVerifier {
  /** Its `sub`; undefined for any token that is not a valid, current access token for this service. */
  verify(token: string): Promise<string | undefined>;
}

/** The audit table. Rows are only ever added. */
export interface AuditLog {
  /** Whether the event has its row already. */
  knows(event: AuditEvent): Promise<boolean>;
  readHead(workspaceId: string): Promise<ChainHead>;
  /** Adds the row and the marker of its event, both or neither. ConflictError when the place or the event is taken. */
  append(row: AuditRow): Promise<void>;
  listRows(
    workspaceId: string,
    page: PageRequest,
    order: 'oldest_first' | 'newest_first',
  ): Promise<Page<AuditRow>>;
  /** Where a page that continues after `row` starts. */
  positionOf(row: Pick<AuditRow, 'workspaceId' | 'sequence'>): string;
  /** The highest sequence that a marker names; 0 without any. */
  lastMarkedSequence(workspaceId: string): Promise<number>;
}

/** Keys of the audit chains: derived from KMS, one per workspace, never stored. */
export interface ChainKeys {
  keyOf(workspaceId: string): Promise<Uint8Array>;
}

/** Objects that nobody changes once they are written: the audit trail, outside of the database. */
export interface AuditArchive {
  /** The same name again holds what was put last; what was there before stays as long as the bucket keeps it. */
  put(name: string, lines: string): Promise<void>;
}

export interface WorkspaceReader {
  /** A deleted workspace too; undefined for one that never existed. */
  readWorkspace(workspaceId: WorkspaceId): Promise<Workspace | undefined>;
}

export interface PlanWriter {
  /** ConflictError when the workspace is gone or its plan is no longer what the caller saw. */
  changePlan(workspace: Workspace, plan: string, event: AuditEvent): Promise<void>;
}

/** Whose use is watched: one OpenAI key within one workspace, or the origins of one site. */
export interface AnomalySubject {
  readonly workspaceId: WorkspaceId;
  /** Fingerprint of the key, or `SITE#<id>`. */
  readonly subject: string;
}

/** What the detector remembers of one subject. */
export interface AnomalyRecord {
  /** 0: not stored yet. */
  readonly revision: number;
  readonly state: AnomalyState;
  /** Stored keys that were used lately, latest last. */
  readonly keys: readonly KeyInUse[];
  /** On record, and not yet acted upon to the end. */
  readonly pending: readonly Incident[];
}

export interface AnomalyRecords {
  read(subject: AnomalySubject): Promise<AnomalyRecord | undefined>;
  /**
   * Writes the record as revision `record.revision + 1` together with the audit events of new incidents, all or nothing.
   * ConflictError when the stored revision is not `record.revision`.
   */
  save(
    subject: AnomalySubject,
    record: AnomalyRecord,
    events: readonly AuditEvent[],
    now: Date,
  ): Promise<void>;
}

/** Tells whoever listens. At least once: the incident's id tells a repetition. */
export interface IncidentAnnouncer {
  announce(incident: Incident): Promise<void>;
}

/** As IncidentAnnouncer, for notices of a plan. */
export interface NoticeAnnouncer {
  announceNotice(notice: PlanNotice): Promise<void>;
}

/** Asks for one key to be encrypted anew, by somebody who may open it. */
export interface RotationRequest {
  readonly incidentId: string;
  readonly workspaceId: WorkspaceId;
  readonly scope: 'site' | 'workspace';
  readonly scopeId: string;
  /** The version that is meant; any other is left alone. */
  readonly version: number;
}

export interface RotationRequests {
  /** Returns when the request is accepted, not when it is carried out. At least once. */
  request(request: RotationRequest): Promise<void>;
}
