import type { changeWebhook } from '../../use-cases/notices/change-webhook.ts';
import type { createWebhook, WebhookWithSecret } from '../../use-cases/notices/create-webhook.ts';
import type { mailAlerts } from '../../use-cases/notices/mail-alerts.ts';
import type { removeWebhook } from '../../use-cases/notices/remove-webhook.ts';
import type { rotateWebhookSecret } from '../../use-cases/notices/rotate-webhook-secret.ts';
import type { sendAgain } from '../../use-cases/notices/send-again.ts';
import type { sendTestNotice } from '../../use-cases/notices/send-test-notice.ts';
import type { DeliveryLog, WebhookReader } from '../../use-cases/ports/notices.ts';
import type { MembershipReader } from '../../use-cases/ports/tenancy.ts';
import { authorizeWorkspace } from '../../use-cases/tenancy/authorize.ts';
import { presentDelivery, presentMailAlerts, presentWebhook } from '../presenters/present-notices.ts';
import type { EndpointsOf } from './endpoint.ts';
import { pageOf } from './page.ts';
import { workspaceIdIn } from './path-ids.ts';

export type NoticesEndpoints = Pick<
  EndpointsOf<'manage'>,
  | 'listWebhooks'
  | 'createWebhook'
  | 'changeWebhook'
  | 'removeWebhook'
  | 'rotateWebhookSecret'
  | 'testWebhook'
  | 'listDeliveries'
  | 'sendDeliveryAgain'
  | 'readMailAlerts'
  | 'sendMailCode'
  | 'confirmMail'
  | 'changeMailAlerts'
>;

type Path = Readonly<Record<string, string | undefined>>;
const webhookIdIn = (path: Path): string => path['webhookId'] ?? '';
const deliveryIdIn = (path: Path): string => path['deliveryId'] ?? '';

const presentOnce = ({ webhook, secret }: WebhookWithSecret) => ({ ...presentWebhook(webhook), secret });

/** Routes of webhooks and of the log of deliveries. */
export const noticesEndpoints = (deps: {
  readonly tenancy: MembershipReader;
  readonly webhooks: Pick<WebhookReader, 'listWebhooks'>;
  readonly deliveries: Pick<DeliveryLog, 'listDeliveries'>;
  readonly createWebhook: ReturnType<typeof createWebhook>;
  readonly changeWebhook: ReturnType<typeof changeWebhook>;
  readonly removeWebhook: ReturnType<typeof removeWebhook>;
  readonly rotateWebhookSecret: ReturnType<typeof rotateWebhookSecret>;
  readonly sendTestNotice: ReturnType<typeof sendTestNotice>;
  readonly mailAlerts: ReturnType<typeof mailAlerts>;
  readonly sendAgain: ReturnType<typeof sendAgain>;
}): NoticesEndpoints => ({
  listWebhooks: async ({ caller, path }) => {
    const { workspaceId } = await authorizeWorkspace(deps.tenancy, caller, workspaceIdIn(path), 'admin');
    return { items: (await deps.webhooks.listWebhooks(workspaceId)).map(presentWebhook) };
  },

  createWebhook: async ({ caller, path, body }) =>
    presentOnce(await deps.createWebhook(caller, workspaceIdIn(path), body)),

  changeWebhook: async ({ caller, path, body: { url, events, enabled } }) =>
    presentWebhook(
      await deps.changeWebhook(caller, workspaceIdIn(path), webhookIdIn(path), {
        ...(url !== undefined && { url }),
        ...(events !== undefined && { events }),
        ...(enabled !== undefined && { enabled }),
      }),
    ),

  removeWebhook: async ({ caller, path }) => {
    await deps.removeWebhook(caller, workspaceIdIn(path), webhookIdIn(path));
    return { deleted: true as const };
  },

  rotateWebhookSecret: async ({ caller, path }) =>
    presentOnce(await deps.rotateWebhookSecret(caller, workspaceIdIn(path), webhookIdIn(path))),

  testWebhook: async ({ caller, path }) =>
    presentDelivery(await deps.sendTestNotice(caller, workspaceIdIn(path), webhookIdIn(path))),

  listDeliveries: async ({ caller, path, query }) => {
    const { workspaceId } = await authorizeWorkspace(deps.tenancy, caller, workspaceIdIn(path), 'admin');
    return pageOf(
      { caller, route: 'deliveries', resource: workspaceId },
      query,
      (page) => deps.deliveries.listDeliveries(workspaceId, page),
      presentDelivery,
    );
  },

  sendDeliveryAgain: async ({ caller, path }) =>
    presentDelivery(await deps.sendAgain(caller, workspaceIdIn(path), deliveryIdIn(path))),

  readMailAlerts: async ({ caller, path }) =>
    presentMailAlerts(await deps.mailAlerts.read(caller, workspaceIdIn(path))),

  sendMailCode: async ({ caller, path }) =>
    presentMailAlerts(await deps.mailAlerts.sendCode(caller, workspaceIdIn(path))),

  confirmMail: async ({ caller, path, body }) =>
    presentMailAlerts(await deps.mailAlerts.confirm(caller, workspaceIdIn(path), body.code)),

  changeMailAlerts: async ({ caller, path, body }) =>
    presentMailAlerts(await deps.mailAlerts.change(caller, workspaceIdIn(path), body.events)),
});
