import type { AuditEvent, AuditEventType } from './audit-record.ts';

/**
 * The functions and commands that write audit events, each with the types that it may write. Each has its own partitions of the
 * outbox, to which IAM holds its role, so that the partition proves who wrote an event. The projector takes no other type
 * from there.
 */
export const EVENT_WRITERS = {
  events: ['plan.threshold_reached', 'budget.threshold_reached'],
  keys: [
    'key.stored',
    'key.deleted',
    'key.suspended',
    'key.resumed',
    'key.rolled_back',
    'site.archived',
    'workspace.deleted',
    'session.end_requested',
  ],
  rotate: ['key.reencrypted'],
  'rotate-on-request': ['key.reencrypted'],
  manage: [
    'workspace.created',
    'workspace.changed',
    'member.saved',
    'member.removed',
    'member.invited',
    'member.invitation_removed',
    'api_token.created',
    'api_token.revoked',
    'site.created',
    'site.changed',
    'budget.changed',
    'budget.removed',
    'budget.threshold_reached',
    'embed_key.stored',
    'embed_key.removed',
    'mail_alerts.verified',
    'mail_alerts.changed',
    'webhook.created',
    'webhook.changed',
    'webhook.removed',
    'webhook.secret_rotated',
  ],
  detector: ['anomaly.detected', 'tampering.detected', 'key.suspended'],
  'retire-models': ['site.model_retiring', 'site.model_moved'],
  'platform-key': ['key.stored', 'key.suspended', 'key.resumed'],
  rewrap: ['key.rewrapped'],
  'rebuild-usage': ['usage.corrected'],
  restore: ['workspace.restored', 'key.deleted', 'key.suspended', 'key.marked'],
  'mark-keys': ['key.marked'],
  'set-plan': ['workspace.plan_changed'],
  watch: ['budget.threshold_reached'],
  hangup: ['plan.threshold_reached'],
  sweeper: ['plan.threshold_reached'],
  stop: ['service.stopped', 'service.resumed'],
  'break-glass': ['service.stopped', 'service.resumed'],
  heartbeat: ['service.heartbeat'],
} as const satisfies Readonly<Record<string, readonly AuditEventType[]>>;

export type EventWriter = keyof typeof EVENT_WRITERS;

export const isEventWriter = (name: string): name is EventWriter => Object.hasOwn(EVENT_WRITERS, name);

/** Whether `writer` may have written this event into the partition of `workspaceId`. */
export const mayWrite = (
  writer: string,
  workspaceId: string,
  event: Pick<AuditEvent, 'type' | 'workspaceId'>,
): boolean =>
  isEventWriter(writer) &&
  event.workspaceId === workspaceId &&
  EVENT_WRITERS[writer].some((type) => type === event.type);
