import { PROBLEMS, type ProblemName } from '../contract/problems.ts';
import type { AuditRow } from '../domain/audit-record.ts';
import type { MaskedKey } from '../domain/stored-key.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Member, Site, Workspace } from '../domain/workspace.ts';
import type { ListedVersion } from '../use-cases/list-key-versions.ts';
import type { MintedToken } from '../use-cases/mint-token.ts';
import type { ErrorRow } from '../use-cases/ports.ts';
import type { DataOf } from './endpoint.ts';

/** From our objects to the contract's, field by field: what is not named here is not shown. */

export const presentToken = (minted: MintedToken): DataOf<'mintToken'> => ({
  client_secret: { value: minted.clientSecret.value, expires_at: minted.clientSecret.expiresAt },
  session_id: minted.session.sessionId,
  signing_secret: minted.signingSecret,
  model: minted.session.model,
  voice: minted.session.voice,
  realtime_url: minted.realtimeUrl,
  mode: minted.mode,
  heartbeat_seconds: minted.heartbeatSeconds,
  max_duration_seconds: minted.maxDurationSeconds,
  remaining_slots: minted.remainingSlots,
});

export const presentWorkspace = (workspace: Workspace): DataOf<'readWorkspace'> => ({
  workspace_id: workspace.workspaceId,
  name: workspace.name,
  billing_mode: workspace.billingMode,
  openai_tier: workspace.openaiTier,
  concurrency_limit: workspace.concurrencyLimit,
  site_share_percent: workspace.siteSharePercent,
  anomaly_response: workspace.anomalyResponse,
  alert_email: workspace.alertEmail,
  plan: workspace.plan,
  created_at: workspace.createdAt,
});

export const presentMember = (member: Member): DataOf<'readMember'> => ({
  sub: member.sub,
  role: member.role,
  added_at: member.addedAt,
  added_by: member.addedBy,
});

export const presentSite = (site: Site): DataOf<'readSite'> => ({
  site_id: site.siteId,
  workspace_id: site.workspaceId,
  name: site.name,
  allowed_origins: [...site.allowedOrigins],
  model: site.model,
  // Validated when it was stored; the answer's schema holds it to the known voices.
  voice: site.voice as DataOf<'readSite'>['voice'],
  instructions: site.instructions,
  data_residency: site.dataResidency,
  client_secret_ttl_seconds: site.clientSecretTtlSeconds,
  max_duration_seconds: site.maxDurationSeconds,
  created_at: site.createdAt,
  created_by: site.createdBy,
});

export const presentVerdict = (verdict: Verdict): DataOf<'testSiteKey'> => ({
  ok: verdict.ok,
  code: verdict.code,
  message: verdict.message,
  latency_ms: verdict.latencyMs,
  checked_at: verdict.checkedAt,
});

export const presentKey = (key: MaskedKey): DataOf<'viewSiteKey'> => ({
  // The platform's key has no route: nobody but an operator's command reaches that scope.
  scope: key.scope as DataOf<'viewSiteKey'>['scope'],
  masked: key.masked,
  version: key.version,
  state: key.state,
  created_at: key.createdAt,
  created_by: key.createdBy,
  last_used_at: key.lastUsedAt,
  last_verified_at: key.lastVerifiedAt,
  verdict: presentVerdict(key.verdict),
});

export const presentVersion = (version: ListedVersion) => ({
  version: version.version,
  masked: version.masked,
  state: version.state,
  reason: version.reason,
  created_at: version.createdAt,
  created_by: version.createdBy,
  retained_until: version.retainedUntil,
});

export const presentAuditRow = (row: AuditRow) => ({
  sequence: row.sequence,
  event_id: row.eventId,
  type: row.type,
  at: row.at,
  actor: row.actor,
  site_id: row.siteId,
  session_id: row.sessionId,
  ip_hash: row.ipHash,
  facts: { ...row.facts },
  previous_hash: row.previousHash,
  hash: row.hash,
});

/** Our own refusals are explained by the catalogue; a code that it no longer has stays as it is. */
const sentenceOf = (refusal: string): string =>
  refusal in PROBLEMS ? PROBLEMS[refusal as ProblemName].message : refusal;

export const presentError = (row: ErrorRow) => ({
  site_id: row.siteId ?? null,
  code: row.code,
  source: row.source,
  reason: row.openAiFailure ?? null,
  message: row.openAiFailure === undefined ? sentenceOf(row.code) : row.message,
  count: row.count,
  first_at: row.firstAt,
  last_at: row.lastAt,
  session_id: row.sessionId ?? null,
});
