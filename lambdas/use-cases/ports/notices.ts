import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Delivery, DeliveryFailure } from '../../domain/notices/delivery.ts';
import type { Mail, MailAlerts } from '../../domain/notices/mail-alerts.ts';
import type { Notice } from '../../domain/notices/notice.ts';
import type { Webhook } from '../../domain/notices/webhook.ts';
import type { Page, PageRequest } from './pages.ts';

/** One message of the queue of notices. */
export type NoticeMessage =
  | { readonly kind: 'notice'; readonly notice: Notice }
  | { readonly kind: 'mail_code'; readonly workspaceId: WorkspaceId }
  | { readonly kind: 'invitation'; readonly workspaceId: WorkspaceId; readonly invitationId: string }
  | { readonly kind: 'delivery'; readonly workspaceId: WorkspaceId; readonly deliveryId: string };

export interface NoticeQueue {
  /** Returns when the queue has the message. At least once. */
  send(message: NoticeMessage): Promise<void>;
}

export interface WebhookReader {
  /** All of them; a workspace has at most MAX_WEBHOOKS. */
  listWebhooks(workspaceId: WorkspaceId): Promise<readonly Webhook[]>;
  readWebhook(workspaceId: WorkspaceId, webhookId: string): Promise<Webhook | undefined>;
}

export interface WebhookStore extends WebhookReader {
  /** ConflictError when the workspace is gone, or the id is taken. */
  createWebhook(webhook: Webhook, event: AuditEvent): Promise<void>;
  /** ConflictError when the webhook is gone, or its secret was rotated in between. */
  saveWebhook(webhook: Webhook, before: Webhook, event: AuditEvent): Promise<void>;
  /** ConflictError if it is already gone. */
  removeWebhook(webhook: Webhook, event: AuditEvent): Promise<void>;
}

/** Signing secrets: derived from KMS, never stored. */
export interface WebhookSecrets {
  secretOf(webhook: Webhook, version: number): Promise<Uint8Array>;
}

/** The log of deliveries, which are deleted after 30 days. */
export interface DeliveryLog {
  /** False if it already exists. */
  addDelivery(delivery: Delivery): Promise<boolean>;
  readDelivery(workspaceId: WorkspaceId, deliveryId: string): Promise<Delivery | undefined>;
  /** Newest first. */
  listDeliveries(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Delivery>>;
  /**
   * Writes the new state of `before`. ConflictError if another attempt has written meanwhile: of two that start at the
   * same time one continues.
   */
  saveDelivery(after: Delivery, before: Delivery): Promise<void>;
}

export type PostResult =
  | { readonly status: number; readonly failure: null }
  | { readonly status: number | null; readonly failure: DeliveryFailure };

/** Posts to an address that a stranger has chosen. */
export interface WebhookPost {
  /** Never throws. A status outside of 200 to 299 is a failure; the body of the answer is not read. */
  post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<PostResult>;
}

export interface MailAlertsReader {
  readMailAlerts(workspaceId: WorkspaceId): Promise<MailAlerts | undefined>;
}

export interface MailAlertsStore extends MailAlertsReader {
  /** ConflictError when it changed since `before` was read. With an audit event, where there is one: both or neither. */
  saveMailAlerts(after: MailAlerts, before: MailAlerts | undefined, event?: AuditEvent): Promise<void>;
}

/** Codes that verify a mail address: derived from KMS, never stored. */
export interface MailCodes {
  codeOf(mail: Pick<MailAlerts, 'workspaceId' | 'address' | 'nonce'>): Promise<string>;
}

export interface Mailer {
  /** Returns when the mail is accepted, or `refused` when it never will be. DependencyUnavailableError otherwise. */
  send(address: string, mail: Mail): Promise<'accepted' | 'refused'>;
}
