import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { HangUpMessage } from '../use-cases/ports/calls.ts';

export type HangUpHandler = (event: SQSEvent) => Promise<SQSBatchResponse>;

/** How long a message that failed waits for its next delivery, by how often it has come, seconds. */
const WAITS = [5, 15] as const;
const LONGEST_WAIT_SECONDS = 60;

export const waitAfter = (deliveries: number): number => WAITS[deliveries - 1] ?? LONGEST_WAIT_SECONDS;

/**
 * Carries the messages of one batch out, side by side. One that fails becomes visible again after 5, 15 and then 60
 * seconds, and is reported to Lambda, so that the others count as done; the queue gives up on it after an hour.
 */
export const hangUpMessages =
  (ports: {
    /** Throws for a body that is no message of ours. */
    readonly messageIn: (body: string) => HangUpMessage;
    readonly handle: (message: HangUpMessage) => Promise<string>;
    /** Lets the message return after this many seconds. */
    readonly postpone: (receiptHandle: string, seconds: number) => Promise<void>;
    readonly log: Log;
    readonly metrics: Pick<Metrics, 'callsLost'>;
  }): HangUpHandler =>
  async ({ Records }) => {
    const failed = await Promise.all(Records.map((record) => handleOne(ports, record)));
    return { batchItemFailures: failed.flatMap((id) => (id === undefined ? [] : [{ itemIdentifier: id }])) };
  };

/** The id of the message, where it failed. */
const handleOne = async (
  { messageIn, handle, postpone, log, metrics }: Parameters<typeof hangUpMessages>[0],
  { messageId, body, receiptHandle, attributes }: SQSRecord,
): Promise<string | undefined> => {
  try {
    const message = messageIn(body);
    const outcome = await handle(message);
    log.info('hang-up handled', { kind: message.kind, outcome, ...idsOf(message) });
    if (outcome === 'lost') metrics.callsLost(1);
    return undefined;
  } catch (error) {
    log.error('hang-up failed', {
      message_id: messageId,
      error_name: error instanceof Error ? error.name : typeof error,
      deliveries: Number(attributes.ApproximateReceiveCount),
    });
    await postpone(receiptHandle, waitAfter(Number(attributes.ApproximateReceiveCount))).catch(
      // It then returns when its visibility timeout has passed.
      () => undefined,
    );
    return messageId;
  }
};

const idsOf = (message: HangUpMessage) => {
  if (message.kind === 'scope') return { workspace_id: message.scope.workspaceId, ended_by: message.by };
  if (message.kind === 'forget') return { scope_id: message.scopeId, key_version: message.version };
  return { site_id: message.siteId, session_id: message.sessionId };
};
