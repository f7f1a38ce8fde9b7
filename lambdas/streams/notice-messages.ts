import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { WorkspaceId } from '../domain/identifiers.ts';
import type { Notice } from '../domain/notices/notice.ts';
import type { Log } from '../telemetry/log.ts';
import type { DeliverResult } from '../use-cases/notices/deliver-notice.ts';
import type { NoticeMessage } from '../use-cases/ports/notices.ts';

export type NoticeHandler = (event: SQSEvent) => Promise<SQSBatchResponse>;

/** How long a message waits when this service itself has failed, seconds. */
const WAIT_SECONDS = 60;

interface Ports {
  /** Throws for a body that is no message of ours. */
  readonly messageIn: (body: string) => NoticeMessage;
  readonly fanOut: (notice: Notice) => Promise<number>;
  readonly deliver: (workspaceId: WorkspaceId, deliveryId: string) => Promise<DeliverResult>;
  readonly sendMailCode: (workspaceId: WorkspaceId) => Promise<'accepted' | 'refused' | 'expired'>;
  readonly sendInvitation: (
    workspaceId: WorkspaceId,
    invitationId: string,
  ) => Promise<'accepted' | 'refused' | 'expired'>;
  /** Lets the message return after this many seconds. */
  readonly postpone: (receiptHandle: string, seconds: number) => Promise<void>;
  readonly log: Log;
}

/**
 * Carries the messages of one batch out, side by side. A delivery whose receiver failed returns when it is due; what
 * failed here returns after a minute, and ends in the dead-letter queue.
 */
export const noticeMessages =
  (ports: Ports): NoticeHandler =>
  async ({ Records }) => {
    const kept = await Promise.all(Records.map((record) => handleOne(ports, record)));
    return { batchItemFailures: kept.flatMap((id) => (id === undefined ? [] : [{ itemIdentifier: id }])) };
  };

/** The id of the message, where it must return. */
const handleOne = async (
  { messageIn, fanOut, deliver, sendMailCode, sendInvitation, postpone, log }: Ports,
  { messageId, body, receiptHandle, attributes }: SQSRecord,
): Promise<string | undefined> => {
  // Where this fails, the message returns when its visibility timeout has passed.
  const again = async (seconds: number): Promise<string> => {
    await postpone(receiptHandle, seconds).catch(() => undefined);
    return messageId;
  };
  try {
    const message = messageIn(body);
    if (message.kind === 'notice') {
      const { type, workspaceId } = message.notice;
      const deliveries = await fanOut(message.notice);
      log.info('notice handled', { kind: type, workspace_id: workspaceId, deliveries });
      return undefined;
    }
    if (message.kind === 'mail_code') {
      const outcome = await sendMailCode(message.workspaceId);
      log.info('notice handled', { kind: message.kind, workspace_id: message.workspaceId, outcome });
      return undefined;
    }
    if (message.kind === 'invitation') {
      const outcome = await sendInvitation(message.workspaceId, message.invitationId);
      log.info('notice handled', { kind: message.kind, workspace_id: message.workspaceId, outcome });
      return undefined;
    }
    const { workspaceId, deliveryId } = message;
    const result = await deliver(workspaceId, deliveryId);
    log.info('notice handled', {
      kind: 'delivery',
      workspace_id: workspaceId,
      delivery_id: deliveryId,
      outcome: result.outcome,
    });
    return result.outcome === 'again' ? await again(result.afterSeconds) : undefined;
  } catch (error) {
    log.error('notice failed', {
      message_id: messageId,
      error_name: error instanceof Error ? error.name : typeof error,
      deliveries: Number(attributes.ApproximateReceiveCount),
    });
    return again(WAIT_SECONDS);
  }
};
