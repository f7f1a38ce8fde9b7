import type { WorkspaceId } from '../../domain/identifiers.ts';
import { SECRET_OVERLAP_MS, secretText } from '../../domain/notices/webhook.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { WebhookWithSecret } from './create-webhook.ts';
import { authorizeWebhook, type ManageNoticesPorts } from './manage-ports.ts';

/** Admin. Returns the new secret once; for a day each notice carries the signatures of both. */
export const rotateWebhookSecret =
  (ports: ManageNoticesPorts) =>
  async (caller: Caller, workspaceId: WorkspaceId, webhookId: string): Promise<WebhookWithSecret> => {
    const before = await authorizeWebhook(ports, caller, workspaceId, webhookId);
    const webhook = {
      ...before,
      secretVersion: before.secretVersion + 1,
      previousSecretUntil: new Date(ports.clock().getTime() + SECRET_OVERLAP_MS).toISOString(),
    };
    const event = await ports.auditEvents.event(caller, 'webhook.secret_rotated', {
      workspaceId,
      facts: { webhook_id: webhookId, version: webhook.secretVersion },
    });
    const secret = secretText(await ports.secrets.secretOf(webhook, webhook.secretVersion));
    await refuseConflict(ports.webhooks.saveWebhook(webhook, before, event));
    return { webhook, secret };
  };
