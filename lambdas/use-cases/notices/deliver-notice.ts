import { ConflictError } from '../../domain/dependency.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { CLAIM_MS, type Delivery, waitAfterAttempt } from '../../domain/notices/delivery.ts';
import { signedHeaders, signingVersions, type Webhook } from '../../domain/notices/webhook.ts';
import type { DeliveryLog, WebhookPost, WebhookReader, WebhookSecrets } from '../ports/notices.ts';
import type { Clock } from '../ports/runtime.ts';

export interface DeliverPorts {
  readonly clock: Clock;
  readonly deliveries: Pick<DeliveryLog, 'readDelivery' | 'saveDelivery'>;
  readonly webhooks: Pick<WebhookReader, 'readWebhook'>;
  readonly secrets: WebhookSecrets;
  readonly poster: WebhookPost;
}

/** `again`: the message must come back after so many seconds. `settled`: nothing is left to do. */
export type DeliverResult =
  | { readonly outcome: 'delivered' | 'failed' | 'skipped' | 'settled' }
  | { readonly outcome: 'again'; readonly afterSeconds: number };

/** Less than this before it is due a delivery counts as due, milliseconds: SQS knows whole seconds. */
const EARLY_MS = 1_000;

/**
 * Makes one attempt of a delivery that is due. It is claimed before, so that of two messages for one delivery only one
 * sends. The other comes back when the claim has run out: the one that holds it may have died.
 */
export const deliverNotice =
  (ports: DeliverPorts) =>
  async (workspaceId: WorkspaceId, deliveryId: string): Promise<DeliverResult> => {
    const delivery = await ports.deliveries.readDelivery(workspaceId, deliveryId);
    if (delivery?.state !== 'pending') return { outcome: 'settled' };
    const nowMs = ports.clock().getTime();
    const free = Math.max(delivery.claimedUntilMs, delivery.dueAtMs - EARLY_MS);
    if (free > nowMs) return again((free - nowMs) / 1_000);
    const webhook = await ports.webhooks.readWebhook(workspaceId, delivery.webhookId);
    if (webhook === undefined || !webhook.enabled) {
      await ports.deliveries.saveDelivery({ ...delivery, state: 'skipped' }, delivery);
      return { outcome: 'skipped' };
    }
    const claimed = { ...delivery, attempts: delivery.attempts + 1, claimedUntilMs: nowMs + CLAIM_MS };
    try {
      await ports.deliveries.saveDelivery(claimed, delivery);
    } catch (error) {
      if (error instanceof ConflictError) return again(CLAIM_MS / 1_000);
      throw error;
    }
    return attempt(ports, webhook, claimed);
  };

const again = (seconds: number): DeliverResult => ({
  outcome: 'again',
  afterSeconds: Math.max(1, Math.ceil(seconds)),
});

const attempt = async (
  { clock, deliveries, secrets, poster }: DeliverPorts,
  webhook: Webhook,
  claimed: Delivery,
): Promise<DeliverResult> => {
  const now = clock();
  const { noticeId: id, body } = claimed;
  const keys = await Promise.all(
    signingVersions(webhook, now).map((version) => secrets.secretOf(webhook, version)),
  );
  const { status, failure } = await poster.post(
    webhook.url,
    signedHeaders({ id, at: now, body }, keys),
    body,
  );
  const tried = {
    ...claimed,
    claimedUntilMs: 0,
    lastStatus: status,
    lastFailure: failure,
    lastAttemptAt: now.toISOString(),
  };
  if (failure === null) {
    await deliveries.saveDelivery({ ...tried, state: 'delivered' }, claimed);
    return { outcome: 'delivered' };
  }
  const afterSeconds = waitAfterAttempt(claimed.attempts);
  if (afterSeconds === undefined) {
    await deliveries.saveDelivery({ ...tried, state: 'failed' }, claimed);
    return { outcome: 'failed' };
  }
  await deliveries.saveDelivery({ ...tried, dueAtMs: clock().getTime() + afterSeconds * 1_000 }, claimed);
  return again(afterSeconds);
};
