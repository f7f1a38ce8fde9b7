import type { WebhookSecrets } from '../../../use-cases/ports/notices.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';

const WEBHOOK_SIGNING = 'webhook-signing/v1';

/** 32 bytes for each version of each webhook, as session secrets are derived. */
export const kmsWebhookSecrets = (keys: DerivationKeys): WebhookSecrets => ({
  secretOf: ({ workspaceId, webhookId }, version) =>
    keys.derive(WEBHOOK_SIGNING, workspaceId, webhookId, String(version)),
});
