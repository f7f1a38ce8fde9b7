import { isWorkspaceId } from '../../domain/identifiers.ts';
import { type Delivery, deliveryIdOf, noticeIdOf } from '../../domain/notices/delivery.ts';
import { isVerified, MAIL_CHANNEL, mailOf } from '../../domain/notices/mail-alerts.ts';
import { type Notice, TEST_NOTICE } from '../../domain/notices/notice.ts';
import { isSubscribed } from '../../domain/notices/webhook.ts';
import type { DeliveryLog, MailAlertsReader, NoticeQueue, WebhookReader } from '../ports/notices.ts';
import type { Clock } from '../ports/runtime.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';

export interface FanOutPorts {
  readonly clock: Clock;
  readonly workspaces: WorkspaceReader;
  readonly webhooks: Pick<WebhookReader, 'listWebhooks'>;
  readonly mailAlerts: MailAlertsReader;
  /** Whether this deployment sends mail. */
  readonly mailAvailable: boolean;
  readonly deliveries: Pick<DeliveryLog, 'addDelivery' | 'readDelivery'>;
  readonly queue: NoticeQueue;
  /** The body of a notice; undefined if its subject is no longer stored. */
  readonly bodyOf: (notice: Notice) => Promise<string | undefined>;
}

/**
 * Makes one delivery for each webhook that is subscribed to the notice, and one for mail, and queues them. A notice that arrives again adds
 * none; a delivery that was stored but possibly not queued is queued again. Returns how many were queued.
 */
export const fanOutNotice =
  (ports: FanOutPorts) =>
  async (notice: Notice): Promise<number> => {
    const { workspaceId, type } = notice;
    if (!isWorkspaceId(workspaceId) || type === TEST_NOTICE) return 0;
    const [all, mail] = await Promise.all([
      ports.webhooks.listWebhooks(workspaceId),
      ports.mailAvailable ? ports.mailAlerts.readMailAlerts(workspaceId) : undefined,
    ]);
    const webhooks = all.filter((webhook) => isSubscribed(webhook, type));
    const mailed = mail?.events.includes(type) === true ? mail : undefined;
    if (webhooks.length === 0 && mailed === undefined) return 0;
    const workspace = await ports.workspaces.readWorkspace(workspaceId);
    if (workspace?.deletedAt !== null) return 0;
    const bodies: [to: string, body: string][] = [];
    if (mailed !== undefined && isVerified(mailed, workspace.alertEmail))
      bodies.push([MAIL_CHANNEL, JSON.stringify(mailOf({ ...notice, type }, workspace.name))]);
    const body = webhooks.length === 0 ? undefined : await ports.bodyOf(notice);
    if (body !== undefined)
      bodies.push(...webhooks.map(({ webhookId }) => [webhookId, body] as [string, string]));
    let queued = 0;
    for (const [webhookId, text] of bodies) {
      const delivery = newDelivery(notice, { workspaceId, webhookId }, text, ports.clock());
      const { deliveryId } = delivery;
      if (!(await ports.deliveries.addDelivery(delivery))) {
        const known = await ports.deliveries.readDelivery(workspaceId, deliveryId);
        if (known === undefined || known.state !== 'pending' || known.attempts > 0) continue;
      }
      await ports.queue.send({ kind: 'delivery', workspaceId, deliveryId });
      queued += 1;
    }
    return queued;
  };

/** A delivery that is due at once. */
export const newDelivery = (
  notice: Notice,
  to: Pick<Delivery, 'workspaceId' | 'webhookId'>,
  body: string,
  now: Date,
): Delivery => ({
  deliveryId: deliveryIdOf(notice, to.webhookId),
  workspaceId: to.workspaceId,
  webhookId: to.webhookId,
  noticeId: noticeIdOf(notice),
  type: notice.type,
  at: notice.at,
  body,
  state: 'pending',
  attempts: 0,
  lastStatus: null,
  lastFailure: null,
  lastAttemptAt: null,
  dueAtMs: now.getTime(),
  claimedUntilMs: 0,
});
