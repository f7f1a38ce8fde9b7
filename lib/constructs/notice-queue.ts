import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { MessageQueue } from './message-queue.ts';

/** One attempt has 10 seconds, and a batch goes side by side. */
export const NOTICES_TIMEOUT = Duration.seconds(30);

/**
 * A delivery takes 11 attempts at most, each of them a receive. The others are for failures of this service, a minute apart,
 * and for attempts that meet each other.
 */
const MAX_DELIVERIES = 100;

/**
 * The notices that are on their way, and those on which this service itself failed. Messages hold ids and facts of audit
 * events.
 */
export class NoticeQueue extends MessageQueue {
  constructor(scope: Construct, id: string) {
    super(scope, id, { of: 'notices', timeout: NOTICES_TIMEOUT, maxDeliveries: MAX_DELIVERIES });
  }
}
