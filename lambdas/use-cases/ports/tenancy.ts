import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { Invitation } from '../../domain/tenancy/invitation.ts';
import type {
  ApiToken,
  FormerInstructions,
  Member,
  Membership,
  ModelMove,
  Role,
  Site,
  SiteChange,
  SiteMembership,
  SiteQuota,
  VisitedSite,
  Workspace,
  WorkspaceChange,
} from '../../domain/tenancy/workspace.ts';
import type { Page, PageRequest } from './pages.ts';

/** One site, or the fact that an item could not be read as one. */
export type ScannedSite = Site | 'unreadable';

export interface AllSites {
  /** Every site of every workspace that is not archived, in no order. */
  scanSites(): AsyncIterable<ScannedSite>;
}

/** Writes the results of the daily model check. Each method writes its audit event in the same transaction. */
export interface ModelMoves {
  /** ConflictError if the site is archived, has another model, or got the notice meanwhile. */
  noteRetirement(site: Site, days: number, event: AuditEvent): Promise<void>;
  /** ConflictError if the site is archived, has another model, or opted out meanwhile. */
  moveModel(site: Site, move: ModelMove, event: AuditEvent): Promise<void>;
}

/** Knows the Public Suffix List. */
export interface PublicSuffixes {
  /** True when domains right below `host`, or below one of its subdomains, belong to different owners. */
  isShared(host: string): boolean;
}

export interface MembershipReader {
  readMembership(workspaceId: WorkspaceId, sub: string): Promise<Membership>;
  readSiteMembership(siteId: SiteId, sub: string): Promise<SiteMembership>;
}

export interface SiteReader {
  /** undefined for a site that never existed, is archived, or whose workspace is deleted. */
  readSite(siteId: SiteId): Promise<VisitedSite | undefined>;
}

export interface Tenancy extends MembershipReader {
  createWorkspace(workspace: Workspace, owner: Member, event: AuditEvent): Promise<void>;
  listWorkspaces(sub: string, page: PageRequest): Promise<Page<{ workspace: Workspace; role: Role }>>;
  /** Writes only what changed. ConflictError when the workspace no longer exists. */
  changeWorkspace(workspaceId: WorkspaceId, change: WorkspaceChange, event: AuditEvent): Promise<void>;
  listMembers(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Member>>;
  readMember(workspaceId: WorkspaceId, sub: string): Promise<Member | undefined>;
  /**
   * Adds a member, or writes the differences from `previous`, which the caller saw. ConflictError when the role changed meanwhile, or when
   * the last owner would go.
   */
  saveMember(member: Member, previous: Member | undefined, event: AuditEvent): Promise<void>;
  /** Records the removal, for InvitationStore.readRemovedAt. ConflictError as above. */
  removeMember(member: Member, event: AuditEvent): Promise<void>;
  /**
   * Counts the site on its workspace in the same write. ConflictError when the workspace is gone, on another plan or in another
   * billing mode than the caller saw, or full.
   */
  createSite(site: Site, quota: SiteQuota, event: AuditEvent): Promise<void>;
  listSites(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Site>>;
  /** Newest first. */
  listFormerInstructions(
    site: Pick<Site, 'workspaceId' | 'siteId'>,
    page: PageRequest,
  ): Promise<Page<FormerInstructions>>;
  /**
   * Writes only what changed, and keeps instructions that are replaced. ConflictError when the site is archived in between, or new instructions would replace
   * others than those of `site`.
   */
  changeSite(
    site: Site,
    change: SiteChange & Partial<Pick<Site, 'modelMove' | 'embedKey'>>,
    event: AuditEvent,
  ): Promise<void>;
}

export interface ApiTokenReader {
  /** Reads strongly consistently, so that a revoked token is refused at once. Returns expired tokens too. */
  readApiToken(workspaceId: WorkspaceId, tokenId: string): Promise<ApiToken | undefined>;
  /** Records the use at `at`, at most once an hour. Never throws, because no request depends on it. */
  noteApiTokenUse(token: Pick<ApiToken, 'workspaceId' | 'tokenId' | 'expiresAt'>, at: Date): Promise<void>;
}

export interface ApiTokenStore extends Pick<ApiTokenReader, 'readApiToken'> {
  /** All tokens of the workspace, in the order of their IDs; at most about MAX_API_TOKENS. */
  listApiTokens(workspaceId: WorkspaceId): Promise<readonly ApiToken[]>;
  /** When each token was last used, by its ID, to the hour. */
  readApiTokenUses(workspaceId: WorkspaceId): Promise<ReadonlyMap<string, string>>;
  /** ConflictError when the workspace no longer exists. */
  createApiToken(token: ApiToken, event: AuditEvent): Promise<void>;
  /** ConflictError when it is gone. */
  removeApiToken(token: ApiToken, event: AuditEvent): Promise<void>;
}

/** A person, with each identifier that an invitation can name. */
export interface RemovedPerson {
  readonly sub: string;
  readonly email?: string | null | undefined;
}

export interface InvitationReader {
  /** Also one that has expired. */
  readInvitation(workspaceId: WorkspaceId, invitationId: string): Promise<Invitation | undefined>;
}

export interface InvitationStore extends InvitationReader {
  listInvitations(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Invitation>>;
  /** Replaces one with the same ID. ConflictError when the workspace no longer exists. */
  saveInvitation(invitation: Invitation, event: AuditEvent): Promise<void>;
  /** ConflictError when it is gone or was replaced. */
  removeInvitation(invitation: Invitation, event: AuditEvent): Promise<void>;
  /**
   * When a member with this `sub` or this address was last removed; undefined if no such removal falls in the time for which
   * an invitation can be open.
   */
  readRemovedAt(workspaceId: WorkspaceId, person: RemovedPerson): Promise<string | undefined>;
  /**
   * Makes the member and ends the invitation, both or neither. ConflictError when one of them changed in between, or the person
   * was removed since the invitation.
   */
  acceptInvitation(invitation: Invitation, member: Member, event: AuditEvent): Promise<void>;
}

/** Secrets of invitations: derived from KMS, never stored. */
export interface InvitationSecrets {
  secretOf(invitation: Pick<Invitation, 'workspaceId' | 'invitationId' | 'nonce'>): Promise<string>;
}

/** Deletes sites and workspaces from the tenancy. A separate port, because the caller also shreds their keys. */
export interface TenancyDeletion extends MembershipReader {
  listSites(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Site>>;
  /** After this, every mint of the workspace is refused. ConflictError when it was already deleted. */
  markWorkspaceDeleted(workspaceId: WorkspaceId, event: AuditEvent): Promise<void>;
  /** Releases its place in the plan. ConflictError if it is already archived, or its workspace is being written. */
  archiveSite(site: Site, event: AuditEvent): Promise<void>;
}

export interface VerifiedToken {
  readonly sub: string;
  /** As Caller has it. */
  readonly signInIsOld: boolean;
}

/** Identifies the person of an access token. */
export interface AccessTokenVerifier {
  /** undefined for any token that is not a valid, current access token for this service. */
  verify(token: string): Promise<VerifiedToken | undefined>;
}

export interface WorkspaceReader {
  /** A deleted workspace too; undefined for one that never existed. */
  readWorkspace(workspaceId: WorkspaceId): Promise<Workspace | undefined>;
}

export interface PlanWriter {
  /** ConflictError when the workspace is gone or its plan is no longer what the caller saw. */
  changePlan(workspace: Workspace, plan: string, event: AuditEvent): Promise<void>;
}

/** The sites of a workspace that are not archived. */
export interface SiteLister {
  listSites(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Site>>;
}
