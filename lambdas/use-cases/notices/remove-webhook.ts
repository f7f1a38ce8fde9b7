import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import { authorizeWebhook, type ManageNoticesPorts } from './manage-ports.ts';

/** Admin. Removes a webhook; its waiting notices are not sent any more. */
export const removeWebhook =
  (ports: ManageNoticesPorts) =>
  async (caller: Caller, workspaceId: WorkspaceId, webhookId: string): Promise<void> => {
    const webhook = await authorizeWebhook(ports, caller, workspaceId, webhookId);
    const event = await ports.auditEvents.event(caller, 'webhook.removed', {
      workspaceId,
      facts: { webhook_id: webhookId, host: new URL(webhook.url).host },
    });
    await refuseConflict(ports.webhooks.removeWebhook(webhook, event));
  };
