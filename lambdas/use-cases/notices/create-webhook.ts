import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { newWebhookId, secretText, type Webhook } from '../../domain/notices/webhook.ts';
import { MAX_WEBHOOKS } from '../../domain/notices/webhook-limit.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';
import { checkedUrl, type ManageNoticesPorts } from './manage-ports.ts';

/** A webhook with its secret, which is shown in this answer and never again. */
export interface WebhookWithSecret {
  readonly webhook: Webhook;
  readonly secret: string;
}

/** Admin. `webhook_limit_reached` from MAX_WEBHOOKS on; two requests at the same time can exceed it by one. */
export const createWebhook =
  (ports: ManageNoticesPorts) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    { url, events }: Pick<Webhook, 'url' | 'events'>,
  ): Promise<WebhookWithSecret> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'admin');
    const canonical = checkedUrl(url, ports.isAllowed);
    const present = await ports.webhooks.listWebhooks(workspaceId);
    if (present.length >= MAX_WEBHOOKS) throw new BrokerError('webhook_limit_reached');
    const webhook: Webhook = {
      workspaceId,
      webhookId: newWebhookId(ports.random),
      url: canonical,
      events,
      enabled: true,
      secretVersion: 1,
      previousSecretUntil: null,
      createdAt: ports.clock().toISOString(),
      createdBy: caller.sub,
    };
    const event = await ports.auditEvents.event(caller, 'webhook.created', {
      workspaceId,
      facts: { webhook_id: webhook.webhookId, host: new URL(canonical).host },
    });
    const secret = secretText(await ports.secrets.secretOf(webhook, webhook.secretVersion));
    await refuseConflict(ports.webhooks.createWebhook(webhook, event));
    return { webhook, secret };
  };
