import { BrokerError } from '../../domain/broker-error.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { type Delivery, isDeliveryId } from '../../domain/notices/delivery.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';
import type { ManageNoticesPorts } from './manage-ports.ts';

const MAX_TRIES = 5;

/** Admin. Queues a delivery again in any state, with the same id and body, and a day of attempts. */
export const sendAgain =
  ({ tenancy, deliveries, queue, clock, backOff }: ManageNoticesPorts) =>
  async (caller: Caller, workspaceId: WorkspaceId, deliveryId: string): Promise<Delivery> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'admin');
    if (!isDeliveryId(deliveryId)) throw new BrokerError('delivery_not_found');
    // An attempt may be in progress.
    const renewed = retryOnConflict(backOff, MAX_TRIES, async () => {
      const before = await deliveries.readDelivery(workspaceId, deliveryId);
      if (before === undefined) throw new BrokerError('delivery_not_found');
      const after: Delivery = { ...before, state: 'pending', attempts: 0, dueAtMs: clock().getTime() };
      await deliveries.saveDelivery(after, before);
      return after;
    });
    const delivery = await refuseConflict(renewed);
    await queue.send({ kind: 'delivery', workspaceId, deliveryId });
    return delivery;
  };
