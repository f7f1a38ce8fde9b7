import { codeText } from '../../../domain/notices/mail-alerts.ts';
import type { MailCodes, WebhookSecrets } from '../../../use-cases/ports/notices.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';

const WEBHOOK_SIGNING = 'webhook-signing/v1';
const MAIL_CODE = 'mail-code/v1';

/** 32 bytes for each version of each webhook, derived like session secrets. */
export const kmsWebhookSecrets = (keys: DerivationKeys): WebhookSecrets => ({
  secretOf: ({ workspaceId, webhookId }, version) =>
    keys.derive(WEBHOOK_SIGNING, workspaceId, webhookId, String(version)),
});

/** Codes for mail addresses, by workspace, address and nonce. */
export const kmsMailCodes = (keys: DerivationKeys): MailCodes => ({
  codeOf: async ({ workspaceId, address, nonce }) =>
    codeText(await keys.derive(MAIL_CODE, workspaceId, address, nonce)),
});
