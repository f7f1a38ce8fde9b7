import { BrokerError } from '../../domain/broker-error.ts';
import type { RandomBytes, WorkspaceId } from '../../domain/identifiers.ts';
import { isWebhookId, parseWebhookUrl, type UrlFault, type Webhook } from '../../domain/notices/webhook.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { DeliveryLog, NoticeQueue, WebhookSecrets, WebhookStore } from '../ports/notices.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

/** Ports of the routes of webhooks and deliveries. */
export interface ManageNoticesPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly backOff: BackOff;
  readonly tenancy: MembershipReader;
  readonly auditEvents: AuditEventFactory;
  readonly webhooks: WebhookStore;
  readonly secrets: WebhookSecrets;
  readonly deliveries: DeliveryLog;
  readonly queue: NoticeQueue;
  /** True if a webhook may connect to this address. */
  readonly isAllowed: (address: string) => boolean;
}

/** Admin. `webhook_not_found` for a webhook of another workspace, as for one that does not exist. */
export const authorizeWebhook = async (
  { tenancy, webhooks }: Pick<ManageNoticesPorts, 'tenancy' | 'webhooks'>,
  caller: Caller,
  workspaceId: WorkspaceId,
  webhookId: string,
): Promise<Webhook> => {
  await authorizeWorkspace(tenancy, caller, workspaceId, 'admin');
  const webhook = isWebhookId(webhookId) ? await webhooks.readWebhook(workspaceId, webhookId) : undefined;
  if (webhook === undefined) throw new BrokerError('webhook_not_found');
  return webhook;
};

const URL_FAULTS: Readonly<Record<UrlFault, string>> = {
  malformed: 'Must be a URL, such as https://example.com/webhooks/spelo.',
  not_https: 'Must begin with https://.',
  credentials: 'Must hold no user name or password. Verify the signature instead.',
  not_public: 'Must lead to a public address.',
  too_long: 'Must have at most 500 characters.',
};

/** The canonical URL; `invalid_request` for one that no notice can be sent to. */
export const checkedUrl = (url: string, isAllowed: ManageNoticesPorts['isAllowed']): string => {
  const parsed = parseWebhookUrl(url, isAllowed);
  if ('url' in parsed) return parsed.url;
  throw new BrokerError('invalid_request', {
    details: [{ path: 'url', message: URL_FAULTS[parsed.fault] }],
  });
};
