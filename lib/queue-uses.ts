import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { RoleName } from './role-names.ts';

export type QueueAction =
  | 'SendMessage'
  | 'ReceiveMessage'
  | 'DeleteMessage'
  | 'ChangeMessageVisibility'
  | 'GetQueueAttributes';

/** The queues of a stage, by whose messages they hold. */
export type QueueName = 'hangUps' | 'notices';

/** Who sends calls to be hung up; `hangup` also takes them, as Lambda asks for on its behalf. */
const HANG_UP_USES: Readonly<Partial<Record<RoleName, readonly QueueAction[]>>> = {
  token: ['SendMessage'],
  events: ['SendMessage'],
  watch: ['SendMessage'],
  keys: ['SendMessage'],
  // A budget that is lowered below what is spent ends calls.
  manage: ['SendMessage'],
  sweeper: ['SendMessage'],
  detector: ['SendMessage'],
  stop: ['SendMessage'],
  'break-glass': ['SendMessage'],
  'platform-key': ['SendMessage'],
  hangup: ['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'],
};

/** Who sends notices; `notices` also takes them. */
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
