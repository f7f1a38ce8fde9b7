import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Webhook } from '../../domain/notices/webhook.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import { authorizeWebhook, checkedUrl, type ManageNoticesPorts } from './manage-ports.ts';

export type WebhookChange = Partial<Pick<Webhook, 'url' | 'events' | 'enabled'>>;

/** Admin. Applies to every later attempt, also of notices that are waiting. */
export const changeWebhook =
  (ports: ManageNoticesPorts) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    webhookId: string,
    change: WebhookChange,
  ): Promise<Webhook> => {
    const before = await authorizeWebhook(ports, caller, workspaceId, webhookId);
    const url = change.url === undefined ? before.url : checkedUrl(change.url, ports.isAllowed);
    const webhook = { ...before, ...change, url };
    const event = await ports.auditEvents.event(caller, 'webhook.changed', {
      workspaceId,
      facts: {
        webhook_id: webhookId,
        fields: Object.keys(change).sort().join(','),
        host: new URL(url).host,
      },
    });
    await refuseConflict(ports.webhooks.saveWebhook(webhook, before, event));
    return webhook;
  };
