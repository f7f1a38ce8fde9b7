import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { RoleName } from './role-names.ts';

export type QueueAction =
  | 'SendMessage'
  | 'ReceiveMessage'
  | 'DeleteMessage'
  | 'ChangeMessageVisibility'
  | 'GetQueueAttributes';

/** The queues of a stage, by their content. */
export type QueueName = 'hangUps' | 'notices';

/**
 * The functions that send calls to hang up. `hangup` also receives them, because Lambda polls the queue with its role.
 */
const HANG_UP_USES: Readonly<Partial<Record<RoleName, readonly QueueAction[]>>> = {
  token: ['SendMessage'],
  events: ['SendMessage'],
  watch: ['SendMessage'],
  keys: ['SendMessage'],
  // A budget that is lowered below its spending ends calls.
  manage: ['SendMessage'],
  sweeper: ['SendMessage'],
  detector: ['SendMessage'],
  stop: ['SendMessage'],
  'break-glass': ['SendMessage'],
  'platform-key': ['SendMessage'],
  hangup: ['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'],
};

/** The functions that send notices. `notices` also receives them. */
const NOTICE_USES: Readonly<Partial<Record<RoleName, readonly QueueAction[]>>> = {
  detector: ['SendMessage'],
  manage: ['SendMessage'],
  notices: [
    'SendMessage',
    'ReceiveMessage',
    'DeleteMessage',
    'ChangeMessageVisibility',
    'GetQueueAttributes',
  ],
};

export const QUEUE_USES = { hangUps: HANG_UP_USES, notices: NOTICE_USES } as const;

export const queueStatements = (
  role: RoleName,
  name: QueueName,
  { queue }: { readonly queue: IQueue },
): readonly PolicyStatement[] => {
  const actions = QUEUE_USES[name][role];
  return actions === undefined
    ? []
    : [
        new PolicyStatement({
          actions: actions.map((action) => `sqs:${action}`),
          resources: [queue.queueArn],
        }),
      ];
};
