import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { MessageQueue } from './message-queue.ts';

export const HANGUP_TIMEOUT = Duration.seconds(30);

/** Deliveries after 5, 15 and then every 60 seconds: one hour, which is longer than any call lasts. */
const MAX_DELIVERIES = 62;

/** The queue of calls to hang up, and of those for which it failed. Messages contain only IDs. */
export class HangUpQueue extends MessageQueue {
  constructor(scope: Construct, id: string) {
    super(scope, id, { of: 'hang-ups', timeout: HANGUP_TIMEOUT, maxDeliveries: MAX_DELIVERIES });
  }
}
