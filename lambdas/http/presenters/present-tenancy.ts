import { modelWarnings } from '../../domain/tenancy/site-model.ts';
import type { Member, Site, Workspace } from '../../domain/tenancy/workspace.ts';
import type { DataOf } from '../endpoints/endpoint.ts';

/** From our objects to the contract's, field by field: what is not named here is not shown. */

export const presentWorkspace = (workspace: Workspace): DataOf<'readWorkspace'> => ({
  workspace_id: workspace.workspaceId,
  name: workspace.name,
  billing_mode: workspace.billingMode,
  openai_tier: workspace.openaiTier,
  concurrency_limit: workspace.concurrencyLimit,
  site_share_percent: workspace.siteSharePercent,
  anomaly_response: workspace.anomalyResponse,
  data_residency: workspace.dataResidency,
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

export const presentSite = (site: Site, now: Date): DataOf<'readSite'> => ({
  site_id: site.siteId,
  workspace_id: site.workspaceId,
  name: site.name,
  allowed_origins: [...site.allowedOrigins],
  model: site.model,
  // Validated when it was stored; the answer's schema holds it to the known voices.
  voice: site.voice as DataOf<'readSite'>['voice'],
  instructions: site.instructions,
  data_residency: site.dataResidency,
  control: site.control,
  client_secret_ttl_seconds: site.clientSecretTtlSeconds,
  max_duration_seconds: site.maxDurationSeconds,
  model_auto_upgrade: site.modelAutoUpgrade,
  ignored_origins: [...site.ignoredOrigins],
  model_moved: site.modelMove,
  warnings: [...modelWarnings(site, now)],
  created_at: site.createdAt,
  created_by: site.createdBy,
});
