import type { Delivery } from '../../domain/notices/delivery.ts';
import { signedHeaders, signingVersions } from '../../domain/notices/webhook.ts';
import type { PostResult, WebhookPost, WebhookReader, WebhookSecrets } from '../ports/notices.ts';

/** One signed attempt; `gone` when the webhook was removed or switched off. */
export const sendToWebhook =
  (ports: {
    readonly webhooks: Pick<WebhookReader, 'readWebhook'>;
    readonly secrets: WebhookSecrets;
    readonly poster: WebhookPost;
  }) =>
  async (
    { workspaceId, webhookId, noticeId: id, body }: Delivery,
    now: Date,
  ): Promise<PostResult | 'gone'> => {
    const webhook = await ports.webhooks.readWebhook(workspaceId, webhookId);
    if (webhook === undefined || !webhook.enabled) return 'gone';
    const secrets = await Promise.all(
      signingVersions(webhook, now).map((version) => ports.secrets.secretOf(webhook, version)),
    );
    return ports.poster.post(webhook.url, signedHeaders({ id, at: now, body }, secrets), body);
  };
