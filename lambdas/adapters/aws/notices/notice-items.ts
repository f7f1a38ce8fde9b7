import * as z from 'zod';
import { DELIVERY_FAILURES, DELIVERY_STATES, type Delivery } from '../../../domain/notices/delivery.ts';
import type { MailAlerts } from '../../../domain/notices/mail-alerts.ts';
import { NOTICE_TYPES, TEST_NOTICE } from '../../../domain/notices/notice.ts';
import type { Webhook } from '../../../domain/notices/webhook.ts';
import { workspaceId } from '../ids.ts';

export const webhookItem: z.ZodType<Webhook> = z.object({
  workspaceId,
  webhookId: z.string(),
  url: z.string(),
  events: z.array(z.enum(NOTICE_TYPES)).nullable(),
  enabled: z.boolean(),
  secretVersion: z.number(),
  previousSecretUntil: z.string().nullable(),
  createdAt: z.string(),
  createdBy: z.string(),
});

export const mailAlertsItem: z.ZodType<MailAlerts> = z.object({
  workspaceId,
  address: z.string(),
  verifiedAt: z.string().nullable(),
  events: z.array(z.enum(NOTICE_TYPES)),
  nonce: z.string(),
  codeExpiresAt: z.string(),
  triesLeft: z.number(),
});

export const noticeType = z.enum([...NOTICE_TYPES, TEST_NOTICE]);

export const deliveryItem: z.ZodType<Delivery> = z.object({
  deliveryId: z.string(),
  workspaceId,
  webhookId: z.string(),
  noticeId: z.string(),
  type: noticeType,
  at: z.string(),
  body: z.string(),
  state: z.enum(DELIVERY_STATES),
  attempts: z.number(),
  lastStatus: z.number().nullable(),
  lastFailure: z.enum(DELIVERY_FAILURES).nullable(),
  lastAttemptAt: z.string().nullable(),
  dueAtMs: z.number(),
  claimedUntilMs: z.number(),
});
