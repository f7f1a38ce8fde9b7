import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import { type Notice, noticeOf, sessionEndedNotice } from '../../../domain/notices/notice.ts';
import { outboxEventOf } from '../audit/stream-events.ts';

const endedSession = z.object({
  kind: z.literal('visitor'),
  workspaceId: z.string(),
  siteId: z.string(),
  sessionId: z.string(),
  createdAt: z.string(),
  endedAt: z.string(),
});

/**
 * The notice in a record of the streams of tenancy and sessions; undefined for any other record. A session that is written
 * again after its end gives the same notice again.
 */
export const noticeOfRecord = (record: DynamoDBRecord): Notice | undefined => {
  const event = outboxEventOf(record);
  if (event !== undefined) return noticeOf(event);
  const { Keys, NewImage } = record.dynamodb ?? {};
  if (Keys?.['sk']?.S?.startsWith('SESSION#') !== true || NewImage?.['endedAt'] === undefined)
    return undefined;
  const session = endedSession.safeParse(unmarshall(NewImage as Record<string, AttributeValue>));
  return session.success ? sessionEndedNotice(session.data) : undefined;
};
