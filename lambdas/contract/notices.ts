import * as z from 'zod';
import { DELIVERY_FAILURES, DELIVERY_STATES } from '../domain/notices/delivery.ts';
import { NOTICE_TYPES, TEST_NOTICE } from '../domain/notices/notice.ts';
import { pageOf, timestamp } from './common.ts';

export const webhookIdSchema = z.string().meta({ id: 'WebhookId', description: 'Id of a webhook, `whk_…`.' });
export const deliveryIdSchema = z
  .string()
  .meta({ id: 'DeliveryId', description: 'Id of a delivery, `dlv_…`.' });

const noticeEvents = z
  .array(z.enum(NOTICE_TYPES))
  .min(1)
  .max(NOTICE_TYPES.length)
  .transform((types) => [...new Set(types)])
  .nullable()
  .meta({
    description: 'The kinds of notice that it is sent. null: every kind, also those that are added later.',
  });

const webhookUrl = z
  .string()
  .trim()
  .min(1)
  .max(1_000)
  .describe('`https://` and a public address. Redirects are not followed.');

export const createWebhookRequest = z
  .strictObject({ url: webhookUrl, events: noticeEvents.default(null) })
  .meta({ id: 'CreateWebhookRequest' });

export const changeWebhookRequest = z
  .strictObject({ url: webhookUrl, events: noticeEvents, enabled: z.boolean() })
  .partial()
  .meta({ id: 'ChangeWebhookRequest' });

const webhookFields = {
  webhook_id: webhookIdSchema,
  url: z.string(),
  events: z.array(z.enum(NOTICE_TYPES)).nullable(),
  enabled: z.boolean(),
  secret_version: z.int(),
  previous_secret_until: timestamp
    .nullable()
    .describe('Until then each notice is signed with the former secret as well.'),
  created_at: timestamp,
  created_by: z.string(),
};

export const webhook = z.object(webhookFields).meta({ id: 'Webhook' });

export const webhooks = z.object({ items: z.array(webhook) }).meta({ id: 'Webhooks' });

export const webhookWithSecret = z
  .object({
    ...webhookFields,
    secret: z.string().describe('`whsec_…`. Shown in this answer only; rotate it if it is lost.'),
  })
  .meta({ id: 'WebhookWithSecret' });

export const delivery = z
  .object({
    delivery_id: deliveryIdSchema,
    channel: z.enum(['webhook', 'mail']),
    webhook_id: webhookIdSchema.nullable().describe('null for mail.'),
    notice_id: z.string().describe('`webhook-id` of every attempt.'),
    type: z.enum([...NOTICE_TYPES, TEST_NOTICE]),
    at: timestamp.describe('When it happened.'),
    state: z
      .enum(DELIVERY_STATES)
      .describe('`failed`: given up on after a day. `skipped`: the webhook was removed or switched off.'),
    attempts: z.int(),
    last_attempt_at: timestamp.nullable(),
    last_status: z.int().nullable().describe('HTTP status of the last attempt; null without an answer.'),
    last_failure: z.enum(DELIVERY_FAILURES).nullable(),
    next_attempt_at: timestamp.nullable().describe('Not before; null unless it is pending.'),
  })
  .meta({ id: 'Delivery' });

export const deliveries = pageOf(delivery).meta({ id: 'Deliveries' });

const mailEvents = z
  .array(z.enum(NOTICE_TYPES))
  .max(NOTICE_TYPES.length)
  .transform((types) => [...new Set(types)]);

export const changeMailAlertsRequest = z
  .strictObject({ events: mailEvents.meta({ description: 'The kinds that are mailed. Empty: none.' }) })
  .meta({ id: 'ChangeMailAlertsRequest' });

export const confirmMailRequest = z
  .strictObject({
    code: z
      .string()
      .trim()
      .regex(/^\d{8}$/, 'Must be the eight digits of the mail.'),
  })
  .meta({ id: 'ConfirmMailRequest' });

export const mailAlerts = z
  .object({
    available: z.boolean().describe('Whether this deployment sends mail.'),
    address: z.string().nullable().describe('`alert_email` of the workspace.'),
    verified: z.boolean().describe('An address that is not verified receives only codes.'),
    events: z.array(z.enum(NOTICE_TYPES)),
  })
  .meta({ id: 'MailAlerts' });
