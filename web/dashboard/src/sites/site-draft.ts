import {
  CLIENT_SECRET_TTL_SECONDS,
  DEFAULT_MODEL,
  DEFAULT_VOICE,
  SESSION_DURATION_SECONDS,
} from '../../../../lambdas/domain/openai-models.ts';
import type { Site } from '../api/queries.ts';
import { emptyConversation } from './conversation-fields.tsx';

/** The settings that the form changes. Functions have their own tab. */
export type SiteDraft = Omit<
  Site,
  | 'site_id'
  | 'workspace_id'
  | 'model_moved'
  | 'warnings'
  | 'embed_key'
  | 'has_key'
  | 'key_suspended'
  | 'tools'
  | 'created_at'
  | 'created_by'
>;

export const emptyDraft: SiteDraft = {
  name: '',
  allowed_origins: [],
  model: DEFAULT_MODEL,
  voice: DEFAULT_VOICE,
  instructions: 'You are a friendly voice assistant.',
  conversation: emptyConversation,
  data_residency: 'global',
  control: 'brokered',
  require_embed_token: false,
  visitor_limits: { calls_per_day: null, minutes_per_day: null },
  client_secret_ttl_seconds: CLIENT_SECRET_TTL_SECONDS.default,
  max_duration_seconds: SESSION_DURATION_SECONDS.default,
  model_auto_upgrade: true,
  ignored_origins: [],
};
