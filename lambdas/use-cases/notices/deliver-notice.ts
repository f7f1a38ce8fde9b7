import { ConflictError } from '../../domain/dependency.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { CLAIM_MS, type Delivery, waitAfterAttempt } from '../../domain/notices/delivery.ts';
import type { DeliveryLog, PostResult } from '../ports/notices.ts';
import type { Clock } from '../ports/runtime.ts';

export interface DeliverPorts {
  readonly clock: Clock;
  readonly deliveries: Pick<DeliveryLog, 'readDelivery' | 'saveDelivery'>;
  /** One attempt; `gone`: its receiver is gone or not subscribed any more. */
  readonly send: (delivery: Delivery, now: Date) => Promise<PostResult | 'gone'>;
}

/** `again`: the message must come back after this many seconds. `settled`: nothing is left to do. */
export type DeliverResult =
  | { readonly outcome: 'delivered' | 'failed' | 'skipped' | 'settled' }
  | { readonly outcome: 'again'; readonly afterSeconds: number };

/** A delivery counts as due this long before its time, milliseconds: SQS delays messages by whole seconds. */
const EARLY_MS = 1_000;

/**
 * Makes one attempt of a due delivery. It is claimed first, so that of two messages for one delivery only one
 * sends. The other is repeated after the claim has expired, because its holder may have crashed.
 */
export const deliverNotice =
  (ports: DeliverPorts) =>
  async (workspaceId: WorkspaceId, deliveryId: string): Promise<DeliverResult> => {
    const delivery = await ports.deliveries.readDelivery(workspaceId, deliveryId);
    if (delivery?.state !== 'pending') return { outcome: 'settled' };
    const nowMs = ports.clock().getTime();
    const free = Math.max(delivery.claimedUntilMs, delivery.dueAtMs - EARLY_MS);
    if (free > nowMs) return again((free - nowMs) / 1_000);
    const claimed = { ...delivery, attempts: delivery.attempts + 1, claimedUntilMs: nowMs + CLAIM_MS };
    try {
      await ports.deliveries.saveDelivery(claimed, delivery);
    } catch (error) {
      if (error instanceof ConflictError) return again(CLAIM_MS / 1_000);
      throw error;
    }
    return attempt(ports, claimed);
  };

const again = (seconds: number): DeliverResult => ({
  outcome: 'again',
  afterSeconds: Math.max(1, Math.ceil(seconds)),
});

const attempt = async (
  { clock, deliveries, send }: DeliverPorts,
  claimed: Delivery,
): Promise<DeliverResult> => {
  const now = clock();
  const result = await send(claimed, now);
  if (result === 'gone') {
    await deliveries.saveDelivery({ ...claimed, claimedUntilMs: 0, state: 'skipped' }, claimed);
    return { outcome: 'skipped' };
  }
  const { status, failure } = result;
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
  // SES would refuse the same mail again.
  const afterSeconds = failure === 'mail_refused' ? undefined : waitAfterAttempt(claimed.attempts);
  if (afterSeconds === undefined) {
    await deliveries.saveDelivery({ ...tried, state: 'failed' }, claimed);
    return { outcome: 'failed' };
  }
  await deliveries.saveDelivery({ ...tried, dueAtMs: clock().getTime() + afterSeconds * 1_000 }, claimed);
  return again(afterSeconds);
};
