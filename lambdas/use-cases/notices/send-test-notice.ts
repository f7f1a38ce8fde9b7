import { newEventId, type WorkspaceId } from '../../domain/identifiers.ts';
import type { Delivery } from '../../domain/notices/delivery.ts';
import { type Notice, TEST_NOTICE } from '../../domain/notices/notice.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { newDelivery } from './fan-out-notice.ts';
import { authorizeWebhook, type ManageNoticesPorts } from './manage-ports.ts';

/** Admin. Queues a notice of the type `webhook.test` for one webhook. Its delivery is in the log, like any other. */
export const sendTestNotice =
  (ports: ManageNoticesPorts & { readonly bodyOf: (notice: Notice) => string }) =>
  async (caller: Caller, workspaceId: WorkspaceId, webhookId: string): Promise<Delivery> => {
    await authorizeWebhook(ports, caller, workspaceId, webhookId);
    const now = ports.clock();
    const notice: Notice = {
      eventId: newEventId(now, ports.random),
      type: TEST_NOTICE,
      workspaceId,
      siteId: null,
      sessionId: null,
      at: now.toISOString(),
      listedAt: now.toISOString(),
      facts: {},
    };
    const delivery = newDelivery(notice, { workspaceId, webhookId }, ports.bodyOf(notice), now);
    await ports.deliveries.addDelivery(delivery);
    await ports.queue.send({ kind: 'delivery', workspaceId, deliveryId: delivery.deliveryId });
    return delivery;
  };
