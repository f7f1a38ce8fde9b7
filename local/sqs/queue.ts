import { randomUUID } from 'node:crypto';

/** The settings of a queue that matter for deliveries. Defaults are those of AWS. */
export interface QueueSettings {
  readonly name: string;
  /** Time for which a received message stays hidden. @default 30 */
  readonly visibilitySeconds?: number;
  /** Time for which a message is kept, received or not. @default 345600 (four days) */
  readonly retentionSeconds?: number;
  /** The destination of a message after `maxReceiveCount` deliveries. */
  readonly redrive?: { readonly deadLetterQueue: string; readonly maxReceiveCount: number };
}

export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly receiveCount: number;
  /** Unix milliseconds. */
  readonly sentAtMs: number;
  readonly firstReceivedAtMs: number;
}

/** The outcome of a request that names a receipt handle. */
export type HandleOutcome = 'done' | 'not_in_flight' | 'gone' | 'malformed' | 'too_long';

/** One standard queue: at least once, in no promised order. */
export interface Queue {
  readonly settings: QueueSettings;
  send(body: string, delaySeconds: number): string;
  /** Takes up to `max` messages that are visible now, and hides them. Default: the visibility timeout of the queue. */
  receive(max: number, visibilitySeconds?: number): readonly ReceivedMessage[];
  /** Deletes the message. An old handle, or that of a deleted message, does nothing and is not an error, as at AWS. */
  remove(receiptHandle: string): 'done' | 'malformed';
  hide(receiptHandle: string, seconds: number): HandleOutcome;
  /** Messages by state, oldest first. */
  counts(): { readonly visible: number; readonly inFlight: number; readonly delayed: number };
  bodies(): readonly string[];
  /** Delivers each of this many of the next messages twice, which AWS may do at any time. */
  duplicateNext(messages: number): void;
  /** For a queue whose dead-letter queue this is: accepts a message unchanged. */
  adopt(message: Message): void;
}

export interface Message {
  readonly messageId: string;
  readonly body: string;
  readonly sentAtMs: number;
  visibleAtMs: number;
  receiveCount: number;
  firstReceivedAtMs: number | undefined;
  lastReceivedAtMs: number;
  receiptHandle: string | undefined;
}

/** Maximum time for which a message can be hidden after its delivery, seconds. */
export const MAX_VISIBILITY_SECONDS = 43_200;
const DEFAULT_VISIBILITY_SECONDS = 30;
const DEFAULT_RETENTION_SECONDS = 345_600;
const HANDLE = /^handle-[0-9a-f-]{36}$/;

/** @param now Unix milliseconds: decides delays, visibility and retention. */
export const createQueue = (
  settings: QueueSettings,
  now: () => number,
  deadLetterQueue: () => Queue | undefined,
): Queue => {
  let messages: Message[] = [];
  const known = new Set<string>();
  let duplicates = 0;
  const retentionMs = (settings.retentionSeconds ?? DEFAULT_RETENTION_SECONDS) * 1_000;
  const forgetOld = (): void => {
    messages = messages.filter(({ sentAtMs }) => now() - sentAtMs < retentionMs);
  };
  const isVisible = ({ visibleAtMs }: Message): boolean => visibleAtMs <= now();
  const giveUp = (message: Message): void => {
    messages = messages.filter((other) => other !== message);
    deadLetterQueue()?.adopt(message);
  };
  const deliver = (message: Message, visibilitySeconds: number): ReceivedMessage => {
    const atMs = now();
    const receiptHandle = `handle-${randomUUID()}`;
    known.add(receiptHandle);
    message.receiptHandle = receiptHandle;
    message.receiveCount += 1;
    message.firstReceivedAtMs ??= atMs;
    message.lastReceivedAtMs = atMs;
    if (duplicates > 0) duplicates -= 1;
    else message.visibleAtMs = atMs + visibilitySeconds * 1_000;
    const { messageId, body, receiveCount, sentAtMs, firstReceivedAtMs } = message;
    return { messageId, body, receiptHandle, receiveCount, sentAtMs, firstReceivedAtMs };
  };

  return {
    settings,
    send: (body, delaySeconds) => {
      const messageId = randomUUID();
      messages.push({
        messageId,
        body,
        sentAtMs: now(),
        visibleAtMs: now() + delaySeconds * 1_000,
        receiveCount: 0,
        firstReceivedAtMs: undefined,
        lastReceivedAtMs: 0,
        receiptHandle: undefined,
      });
      return messageId;
    },
    receive: (max, visibilitySeconds = settings.visibilitySeconds ?? DEFAULT_VISIBILITY_SECONDS) => {
      forgetOld();
      const most = settings.redrive?.maxReceiveCount ?? Number.POSITIVE_INFINITY;
      for (const message of messages.filter(isVisible)) if (message.receiveCount >= most) giveUp(message);
      return messages
        .filter(isVisible)
        .slice(0, max)
        .map((message) => deliver(message, visibilitySeconds));
    },
    remove: (receiptHandle) => {
      if (!HANDLE.test(receiptHandle)) return 'malformed';
      messages = messages.filter((message) => message.receiptHandle !== receiptHandle);
      return 'done';
    },
    hide: (receiptHandle, seconds) => {
      if (!HANDLE.test(receiptHandle) || !known.has(receiptHandle)) return 'malformed';
      const message = messages.find((each) => each.receiptHandle === receiptHandle);
      if (message === undefined) return 'gone';
      if (isVisible(message)) return 'not_in_flight';
      const untilMs = now() + seconds * 1_000;
      if (untilMs > message.lastReceivedAtMs + MAX_VISIBILITY_SECONDS * 1_000) return 'too_long';
      message.visibleAtMs = untilMs;
      return 'done';
    },
    counts: () => {
      forgetOld();
      const hidden = messages.filter((message) => !isVisible(message));
      return {
        visible: messages.length - hidden.length,
        inFlight: hidden.filter(({ receiveCount }) => receiveCount > 0).length,
        delayed: hidden.filter(({ receiveCount }) => receiveCount === 0).length,
      };
    },
    bodies: () => messages.map(({ body }) => body),
    duplicateNext: (count) => {
      duplicates = count;
    },
    adopt: (message) => {
      messages.push({ ...message, visibleAtMs: now(), receiptHandle: undefined });
    },
  };
};
