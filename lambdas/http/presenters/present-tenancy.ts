import { PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import type { EmbedKey } from '../../domain/sessions/embed-token.ts';
import { type Plan, planNamed, siteCapOf } from '../../domain/tenancy/plan.ts';
import { modelWarnings } from '../../domain/tenancy/site-model.ts';
import type { Site, Workspace } from '../../domain/tenancy/workspace.ts';
import type { KeyStates } from '../../use-cases/ports/keys.ts';
import type { DataOf } from '../endpoints/endpoint.ts';
import { presentConversation } from './present-conversation.ts';

/** Converts our objects to the contract's, field by field. A field that is not named here is not shown. */

export interface WorkspaceFacts {
  readonly states: KeyStates;
  readonly plans: readonly Plan[];
}

const keyFacts = (state: ReturnType<KeyStates>) => ({
  has_key: state !== undefined,
  key_suspended: state === 'suspended',
});

export const presentWorkspace = (
  workspace: Workspace,
  { states, plans }: WorkspaceFacts,
): DataOf<'readWorkspace'> => ({
  workspace_id: workspace.workspaceId,
  name: workspace.name,
  billing_mode: workspace.billingMode,
  openai_tier: workspace.openaiTier,
  concurrency_limit: workspace.concurrencyLimit,
  site_share_percent: workspace.siteSharePercent,
  anomaly_response: workspace.anomalyResponse,
  data_residency: workspace.dataResidency,
  alert_email: workspace.alertEmail,
  time_zone: workspace.timeZone,
  retention: {
    session_days: workspace.retention.sessionDays,
    error_days: workspace.retention.errorDays,
  },
  plan: workspace.plan,
  ...keyFacts(states({ scope: 'workspace', scopeId: workspace.workspaceId })),
  managed_available: states(PLATFORM_ADDRESS) === 'active',
  site_count: workspace.siteCount,
  max_sites: siteCapOf(planNamed(plans, workspace.plan), workspace.billingMode),
  created_at: workspace.createdAt,
});

/** Without the public key and the secret. */
export const presentEmbedKey = (key: EmbedKey) => ({
  algorithm: key.algorithm,
  key_id: key.keyId,
  created_at: key.createdAt,
  created_by: key.createdBy,
});

export const presentSite = (site: Site, now: Date, states: KeyStates): DataOf<'readSite'> => ({
  site_id: site.siteId,
  workspace_id: site.workspaceId,
  name: site.name,
  allowed_origins: [...site.allowedOrigins],
  model: site.model,
  // Validated when it was stored. The response schema allows only known voices.
  voice: site.voice as DataOf<'readSite'>['voice'],
  instructions: site.instructions,
  tools: site.tools.map((tool) => ({ ...tool, parameters: JSON.parse(tool.parameters) })),
  conversation: presentConversation(site.conversation),
  data_residency: site.dataResidency,
  control: site.control,
  require_embed_token: site.requireEmbedToken,
  visitor_limits: {
    calls_per_day: site.visitorLimits.callsPerDay,
    minutes_per_day: site.visitorLimits.minutesPerDay,
  },
  client_secret_ttl_seconds: site.clientSecretTtlSeconds,
  max_duration_seconds: site.maxDurationSeconds,
  model_auto_upgrade: site.modelAutoUpgrade,
  ignored_origins: [...site.ignoredOrigins],
  model_moved: site.modelMove,
  embed_key: site.embedKey && presentEmbedKey(site.embedKey),
  warnings: [...modelWarnings(site, now)],
  ...keyFacts(states({ scope: 'site', scopeId: site.siteId })),
  created_at: site.createdAt,
  created_by: site.createdBy,
});
