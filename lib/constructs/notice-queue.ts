import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { MessageQueue } from './message-queue.ts';

/** One attempt has 10 seconds, and the attempts of a batch run concurrently. */
export const NOTICES_TIMEOUT = Duration.seconds(30);

/**
 * A delivery takes at most 11 attempts, one for each receive. The other receives are for failures of this service, a minute
 * apart, and for concurrent attempts.
 */
const MAX_DELIVERIES = 100;

/**
 * The queue of pending notices, and of those on which this service itself failed. Messages contain IDs and facts of
 * audit events.
 */
export class NoticeQueue extends MessageQueue {
  constructor(scope: Construct, id: string) {
    super(scope, id, { of: 'notices', timeout: NOTICES_TIMEOUT, maxDeliveries: MAX_DELIVERIES });
  }
}
