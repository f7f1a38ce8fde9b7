import type { Delivery } from '../../domain/notices/delivery.ts';
import { DEFAULT_MAIL_EVENTS, isVerified, MAIL_CHANNEL } from '../../domain/notices/mail-alerts.ts';
import type { Notice } from '../../domain/notices/notice.ts';
import type { Webhook } from '../../domain/notices/webhook.ts';
import type { MailAlertsView } from '../../use-cases/notices/mail-alerts.ts';
import type { ReceiptedSession } from '../../use-cases/sessions/list-sessions.ts';
import type { DataOf } from '../endpoints/endpoint.ts';
import { presentSession } from './present-usage.ts';

export const presentWebhook = (webhook: Webhook) => ({
  webhook_id: webhook.webhookId,
  url: webhook.url,
  events: webhook.events === null ? null : [...webhook.events],
  enabled: webhook.enabled,
  secret_version: webhook.secretVersion,
  previous_secret_until: webhook.previousSecretUntil,
  created_at: webhook.createdAt,
  created_by: webhook.createdBy,
});

export const presentDelivery = (delivery: Delivery): DataOf<'sendDeliveryAgain'> => ({
  delivery_id: delivery.deliveryId,
  ...(delivery.webhookId === MAIL_CHANNEL
    ? { channel: 'mail' as const, webhook_id: null }
    : { channel: 'webhook' as const, webhook_id: delivery.webhookId }),
  notice_id: delivery.noticeId,
  type: delivery.type,
  at: delivery.at,
  state: delivery.state,
  attempts: delivery.attempts,
  last_attempt_at: delivery.lastAttemptAt,
  last_status: delivery.lastStatus,
  last_failure: delivery.lastFailure,
  next_attempt_at: delivery.state === 'pending' ? new Date(delivery.dueAtMs).toISOString() : null,
});

export const presentMailAlerts = ({
  available,
  workspace: { alertEmail },
  mail,
}: MailAlertsView): DataOf<'readMailAlerts'> => ({
  available,
  address: alertEmail,
  verified: available && mail !== undefined && isVerified(mail, alertEmail),
  events: [...(mail?.events ?? DEFAULT_MAIL_EVENTS)],
});

/**
 * The body of a notice in the format of Standard Webhooks: `type`, `timestamp`, `data`. docs/notices.md shows one of
 * each type.
 */
export const presentNotice = (notice: Notice, ended?: ReceiptedSession): string =>
  JSON.stringify({
    type: notice.type,
    timestamp: notice.at,
    data: {
      workspace_id: notice.workspaceId,
      ...(notice.siteId !== null && { site_id: notice.siteId }),
      ...(notice.sessionId !== null && { session_id: notice.sessionId }),
      ...notice.facts,
      ...(ended !== undefined && { session: presentSession(ended) }),
    },
  });
