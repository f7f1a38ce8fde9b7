import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { newEventId } from '../../../lambdas/domain/identifiers.ts';
import { type Delivery, deliveryIdOf, noticeIdOf } from '../../../lambdas/domain/notices/delivery.ts';
import type { MailAlerts } from '../../../lambdas/domain/notices/mail-alerts.ts';
import type { Notice } from '../../../lambdas/domain/notices/notice.ts';
import type { Webhook } from '../../../lambdas/domain/notices/webhook.ts';
import type { Role, Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { ManageNoticesPorts } from '../../../lambdas/use-cases/notices/manage-ports.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aMember, aWorkspace, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';

/** Webhooks, deliveries and mail of one workspace, in memory. */

export const DOWN = new DependencyUnavailableError('dynamodb', 'PutItem', 'InternalServerError');
export const CALLER = { sub: 'admin', sourceIp: '192.0.2.1' };
export const WEBHOOK_ID = `whk_${'a'.repeat(20)}`;
export const ADDRESS = 'alerts@shop.example';
export const random = (size: number): Buffer => Buffer.alloc(size, 7);

/** The instant this many seconds after the clock of these tests, RFC 3339. */
export const inSeconds = (seconds: number): string => new Date(NOW.getTime() + seconds * 1_000).toISOString();

export const aWebhook = (facts: Partial<Webhook> = {}): Webhook => ({
  workspaceId: WORKSPACE_ID,
  webhookId: WEBHOOK_ID,
  url: 'https://hooks.example/spelo',
  events: null,
  enabled: true,
  secretVersion: 1,
  previousSecretUntil: null,
  createdAt: '2026-11-01T00:00:00.000Z',
  createdBy: 'owner',
  ...facts,
});

export const aNotice = (facts: Partial<Notice> = {}): Notice => ({
  eventId: newEventId(NOW, random),
  type: 'key.suspended',
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  sessionId: null,
  at: NOW.toISOString(),
  listedAt: NOW.toISOString(),
  facts: { scope: 'site' },
  ...facts,
});

export const aDelivery = (facts: Partial<Delivery> = {}): Delivery => ({
  deliveryId: deliveryIdOf(aNotice(), WEBHOOK_ID),
  workspaceId: WORKSPACE_ID,
  webhookId: WEBHOOK_ID,
  noticeId: noticeIdOf(aNotice()),
  type: 'key.suspended',
  at: NOW.toISOString(),
  body: '{"type":"key.suspended"}',
  state: 'pending',
  attempts: 0,
  lastStatus: null,
  lastFailure: null,
  lastAttemptAt: null,
  dueAtMs: NOW.getTime(),
  claimedUntilMs: 0,
  ...facts,
});

/** Mail that was verified, to the address of `theWorkspace`. */
export const aMailSetting = (facts: Partial<MailAlerts> = {}): MailAlerts => ({
  workspaceId: WORKSPACE_ID,
  address: ADDRESS,
  verifiedAt: '2026-11-01T00:00:00.000Z',
  events: ['key.suspended'],
  nonce: '00',
  codeExpiresAt: inSeconds(60),
  triesLeft: 5,
  ...facts,
});

/** The same before its code came back. */
export const unverified = (facts: Partial<MailAlerts> = {}): MailAlerts =>
  aMailSetting({ verifiedAt: null, ...facts });
/** The code of a setting, whose address and nonce it depends on. */
export const codeOf = async ({ nonce, address }: Pick<MailAlerts, 'nonce' | 'address'>): Promise<string> =>
  `${nonce.slice(0, 2)}${address.length}0000`.slice(0, 6);
export const CODE = await codeOf(unverified());

export const theWorkspace = (facts: Partial<Workspace> = {}): Workspace =>
  aWorkspace({ alertEmail: ADDRESS, ...facts });

/** Ports of the routes of webhooks. `log` has each write in order, with its audit event. */
export const webhookWorld = ({
  webhooks = [aWebhook()] as readonly Webhook[],
  deliveries = [] as readonly Delivery[],
  role = 'admin' as Role,
  own = {} as Partial<ManageNoticesPorts>,
} = {}) => {
  const log: unknown[][] = [];
  const kept = new Map(deliveries.map((delivery) => [delivery.deliveryId, delivery]));
  const ports = strictPorts<ManageNoticesPorts>({
    clock: () => NOW,
    random,
    backOff: async (attempt) => void log.push(['wait', attempt]),
    tenancy: {
      readMembership: async () => ({ workspace: theWorkspace(), member: aMember(role) }),
      readSiteMembership: () => Promise.reject(new Error('not asked for a site')),
    },
    auditEvents: {
      event: async (caller, type, { workspaceId, facts }) =>
        ({ by: caller.sub, type, workspaceId, facts }) as unknown as AuditEvent,
    },
    webhooks: {
      listWebhooks: async () => webhooks,
      readWebhook: async (workspaceId, webhookId) =>
        webhooks.find((one) => one.workspaceId === workspaceId && one.webhookId === webhookId),
      createWebhook: async (...write) => void log.push(['create', ...write]),
      saveWebhook: async (...write) => void log.push(['save', ...write]),
      removeWebhook: async (...write) => void log.push(['remove', ...write]),
    },
    secrets: {
      secretOf: async ({ webhookId }, version) => Buffer.from(`${webhookId} ${version}`),
    },
    deliveries: {
      addDelivery: async (delivery) => {
        log.push(['add', delivery.deliveryId]);
        if (kept.has(delivery.deliveryId)) return false;
        kept.set(delivery.deliveryId, delivery);
        return true;
      },
      readDelivery: async (_, deliveryId) => kept.get(deliveryId),
      listDeliveries: () => Promise.reject(new Error('not asked for a list')),
      saveDelivery: async (after) => {
        log.push(['save', after.deliveryId]);
        kept.set(after.deliveryId, after);
      },
    },
    queue: { send: async (message) => void log.push(['queue', message]) },
    isAllowed: (address) => !address.startsWith('10.'),
    ...own,
  });
  return { ports, log, kept };
};
