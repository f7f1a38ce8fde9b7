import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { isDeliveryId } from '../../../domain/notices/delivery.ts';
import type { NoticeMessage, NoticeQueue } from '../../../use-cases/ports/notices.ts';
import { callAws } from '../aws-calls.ts';
import { workspaceId } from '../ids.ts';
import { noticeType } from './notice-items.ts';

const messageSchema: z.ZodType<NoticeMessage> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('notice'),
    notice: z.strictObject({
      eventId: z.string(),
      type: noticeType,
      workspaceId: z.string(),
      siteId: z.string().nullable(),
      sessionId: z.string().nullable(),
      at: z.string(),
      listedAt: z.string(),
      facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    }),
  }),
  z.strictObject({ kind: z.literal('mail_code'), workspaceId }),
  z.strictObject({ kind: z.literal('invitation'), workspaceId, invitationId: z.string() }),
  z.strictObject({
    kind: z.literal('delivery'),
    workspaceId,
    deliveryId: z.string().refine(isDeliveryId),
  }),
]);

/** Parses the body of a message. Throws for anything that this product did not send. */
export const noticeMessageIn = (body: string): NoticeMessage => messageSchema.parse(JSON.parse(body));

/** The queue of notices. A message holds IDs and the facts of an audit event, but no secret and no key material. */
export const sqsNotices = (sqs: SQSClient, queueUrl: string): NoticeQueue => ({
  send: async (message) => {
    await callAws('sqs', 'SendMessage', () =>
      sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(message) })),
    );
  },
});
