import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { HangUpQueue } from './constructs/hang-up-queue.ts';
import type { RoleName } from './role-names.ts';

export type QueueAction =
  | 'SendMessage'
  | 'ReceiveMessage'
  | 'DeleteMessage'
  | 'ChangeMessageVisibility'
  | 'GetQueueAttributes';

/** Who sends calls to be hung up; `hangup` also takes them, as Lambda asks for on its behalf. */
export const QUEUE_USES: Readonly<Partial<Record<RoleName, readonly QueueAction[]>>> = {
  token: ['SendMessage'],
  events: ['SendMessage'],
  watch: ['SendMessage'],
  keys: ['SendMessage'],
  sweeper: ['SendMessage'],
  detector: ['SendMessage'],
  stop: ['SendMessage'],
  hangup: ['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'],
};

export const queueStatements = (role: RoleName, { queue }: HangUpQueue): readonly PolicyStatement[] => {
  const actions = QUEUE_USES[role];
  return actions === undefined
    ? []
    : [
        new PolicyStatement({
          actions: actions.map((action) => `sqs:${action}`),
          resources: [queue.queueArn],
        }),
      ];
};
