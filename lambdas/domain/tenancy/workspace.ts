import type { Control } from '../calls/control.ts';
import type { SiteId, WorkspaceId } from '../identifiers.ts';
import { type DataResidency, DEFAULT_MODEL, DEFAULT_VOICE } from '../openai-models.ts';
import type { EmbedKey, VisitorLimits } from '../sessions/embed-token.ts';
import { type Conversation, DEFAULT_CONVERSATION } from './conversation.ts';
import type { FunctionTool } from './function-tool.ts';
import type { Retention, RetentionSetting } from './retention.ts';

export const ROLES = ['viewer', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

/** Owners may do what admins may, admins what viewers may. */
export const roleSuffices = (held: Role, required: Role): boolean =>
  ROLES.indexOf(held) >= ROLES.indexOf(required);

/** The caller of a management route, and the address that API Gateway saw. */
export interface Caller {
  /**
   * For a person, the `sub` of a verified access token. For a program, `token:<ID of its API token>`, which is never the `sub`
   * of a member.
   */
  readonly sub: string;
  /** The API token of a program; absent for a person. */
  readonly token?: ApiTokenOfCaller;
  readonly sourceIp: string;
  /** True when they signed in longer ago than the deployment allows for sensitive changes, or when the token does not say. */
  readonly signInIsOld?: boolean;
}

export const BILLING_MODES = ['byok', 'managed'] as const;
/** Who pays OpenAI: the site's operator with their own key, or the platform, which meters minutes. */
export type BillingMode = (typeof BILLING_MODES)[number];

export const ANOMALY_RESPONSES = ['notify', 'rotate', 'suspend'] as const;
export type AnomalyResponse = (typeof ANOMALY_RESPONSES)[number];

export interface Workspace {
  readonly workspaceId: WorkspaceId;
  readonly name: string;
  readonly billingMode: BillingMode;
  readonly plan: string;
  /** OpenAI usage tier, 1 to 5: the default of the concurrency limit. */
  readonly openaiTier: number;
  /** Overrides the tier's limit when set. */
  readonly concurrencyLimit: number | null;
  /** Fair share: the largest share of a key's slots for one site, per cent; null: all of them. */
  readonly siteSharePercent: number | null;
  readonly anomalyResponse: AnomalyResponse;
  /** Region of the OpenAI project: the default of new sites, and of the check of a key that no site uses yet. */
  readonly dataResidency: DataResidency;
  readonly alertEmail: string | null;
  /** IANA name: where days and months of budgets begin. */
  readonly timeZone: string;
  readonly retention: Retention;
  readonly ownerCount: number;
  /** Sites that are not archived; kept by the writes that create and archive them. */
  readonly siteCount: number;
  readonly createdAt: string;
  readonly deletedAt: string | null;
}

export interface Member {
  readonly workspaceId: WorkspaceId;
  /** The `sub` claim of the configured OIDC issuer. */
  readonly sub: string;
  readonly role: Role;
  readonly addedAt: string;
  readonly addedBy: string;
  /** The address that the accepted invitation went to. */
  readonly email?: string | undefined;
  /** The person's display name in this workspace. */
  readonly name?: string | undefined;
}

/**
 * Roles of API tokens. On the routes that accept tokens, `viewer` and `admin` have the rights of such members. `auditor` has
 * the rights of `viewer` and can read the audit trail. No token is an owner.
 */
export const API_TOKEN_ROLES = ['viewer', 'auditor', 'admin'] as const;
export type ApiTokenRole = (typeof API_TOKEN_ROLES)[number];

/** A token that lets a program call the API for one workspace. Its text is never stored. */
export interface ApiToken {
  readonly workspaceId: WorkspaceId;
  readonly tokenId: string;
  readonly name: string;
  readonly role: ApiTokenRole;
  /** The sites that the token can access; null: the whole workspace. */
  readonly siteIds: readonly SiteId[] | null;
  readonly createdAt: string;
  /** `sub` of the person whose rights bound those of the token. */
  readonly createdBy: string;
  readonly expiresAt: string;
  /** SHA-256 of its text, hex. */
  readonly hash: string;
}

/** The facts of a verified token that decide on the rights of its request. */
export type ApiTokenOfCaller = Omit<ApiToken, 'expiresAt' | 'hash'>;

export interface Site {
  readonly siteId: SiteId;
  readonly workspaceId: WorkspaceId;
  readonly name: string;
  readonly allowedOrigins: readonly string[];
  readonly model: string;
  readonly voice: string;
  readonly instructions: string;
  readonly tools: readonly FunctionTool[];
  /** The settings for listening, speaking and reasoning of its sessions. */
  readonly conversation: Conversation;
  readonly dataResidency: DataResidency;
  /** How visitors open sessions, and what they can do with them. */
  readonly control: Control;
  /** Only visitors with an embed token open sessions. */
  readonly requireEmbedToken: boolean;
  readonly visitorLimits: VisitorLimits;
  /** The key that embed tokens are checked with; null: none is stored. */
  readonly embedKey: EmbedKey | null;
  /** Lifetime of a client secret, seconds. */
  readonly clientSecretTtlSeconds: number;
  /** Longest session that this site allows, seconds. */
  readonly maxDurationSeconds: number;
  /** Moves to the successor when OpenAI shuts the model down. */
  readonly modelAutoUpgrade: boolean;
  /** Refused origins that the owner does not want to see among the errors. */
  readonly ignoredOrigins: readonly string[];
  /** The last move that the service made; null once a person chooses a model. */
  readonly modelMove: ModelMove | null;
  /** By model, the nearest notice of its shutdown that was sent, in days before it. */
  readonly retirementNotices: Readonly<Record<string, number>>;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** A site for visitors' requests, with the error retention of its workspace in days. */
export type VisitedSite = Site & Pick<RetentionSetting, 'errorDays'>;

/** A move of a site from a model that shuts down to its successor. */
export interface ModelMove {
  readonly from: string;
  readonly to: string;
  /** RFC 3339. */
  readonly at: string;
}

/** The settings that a site sends to OpenAI. No request of a widget has a field for any of them. */
export type VoiceSettings = Pick<
  Site,
  'model' | 'voice' | 'instructions' | 'tools' | 'conversation' | 'dataResidency'
>;

/** The session settings for the check of a key that no site uses. */
export const DEFAULT_VOICE_SETTINGS: VoiceSettings = {
  model: DEFAULT_MODEL,
  voice: DEFAULT_VOICE,
  instructions: '',
  tools: [],
  conversation: DEFAULT_CONVERSATION,
  dataResidency: 'global',
};

export interface Membership {
  readonly workspace: Workspace | undefined;
  readonly member: Member | undefined;
}

export interface SiteMembership extends Membership {
  readonly site: Site | undefined;
}

/** A text that a site had before. */
export interface FormerInstructions {
  readonly instructions: string;
  /** When it was replaced, RFC 3339. */
  readonly replacedAt: string;
  /** `sub` of the person who replaced it. */
  readonly replacedBy: string;
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
  | 'dataResidency'
  | 'alertEmail'
  | 'timeZone'
> & { readonly retention: RetentionSetting };
export type WorkspaceChange = Partial<WorkspaceSettings>;

/** The settings that a site's admin may change. */
export type SiteSettings = Omit<
  Site,
  'siteId' | 'workspaceId' | 'embedKey' | 'modelMove' | 'retirementNotices' | 'createdAt' | 'createdBy'
>;
export type SiteChange = Partial<SiteSettings>;

/** The caller's knowledge of the workspace's plan. */
export interface SiteQuota {
  readonly plan: string;
  /** A cap depends on it, so the site is created only while it stays. */
  readonly billingMode: BillingMode;
  /** null: no cap. */
  readonly maxSites: number | null;
}
