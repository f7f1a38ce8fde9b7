import type { AuditEvent, AuditFacts } from '../audit/audit-record.ts';

/** Every kind of notice that a workspace can receive. A new kind is one line here and one in `FROM_AUDIT`. */
export const NOTICE_TYPES = [
  'anomaly.detected',
  'key.failing',
  'key.suspended',
  'plan.threshold_reached',
  'budget.threshold_reached',
  'site.model_retiring',
  'site.model_moved',
  'session.ended',
] as const;
export type NoticeType = (typeof NOTICE_TYPES)[number];

/** Sent only on request, to test a receiver. */
export const TEST_NOTICE = 'webhook.test';

/** An event of which a workspace is notified. */
export interface Notice {
  /** The id of the event behind it: the same event delivered again has the same id. */
  readonly eventId: string;
  readonly type: NoticeType | typeof TEST_NOTICE;
  readonly workspaceId: string;
  readonly siteId: string | null;
  readonly sessionId: string | null;
  /** When it happened, RFC 3339. */
  readonly at: string;
  /** Never changes for one event, RFC 3339: deliveries are listed in this order. */
  readonly listedAt: string;
  /** As in the audit trail. Empty for the end of a session, whose receipt is read when the notice is sent. */
  readonly facts: AuditFacts;
}

/** OpenAI refuses sessions because of the key: the detector reports it as an anomaly of this kind. */
const KEY_REFUSED = 'auth_failures';

/** By type of audit event. */
const FROM_AUDIT: Readonly<Record<string, (facts: AuditFacts) => NoticeType>> = {
  'anomaly.detected': ({ kind }) => (kind === KEY_REFUSED ? 'key.failing' : 'anomaly.detected'),
  'key.suspended': () => 'key.suspended',
  'plan.threshold_reached': () => 'plan.threshold_reached',
  'budget.threshold_reached': () => 'budget.threshold_reached',
  'site.model_retiring': () => 'site.model_retiring',
  'site.model_moved': () => 'site.model_moved',
};

/** The notice in an audit event; undefined for an event that nobody is notified of. */
export const noticeOf = (event: AuditEvent): Notice | undefined => {
  const type = FROM_AUDIT[event.type]?.(event.facts);
  return (
    type && {
      eventId: event.eventId,
      type,
      workspaceId: event.workspaceId,
      siteId: event.siteId,
      sessionId: event.sessionId,
      at: event.at,
      listedAt: event.at,
      facts: event.facts,
    }
  );
};

/** The notice of a visitor's session that has ended. Its end may be corrected later; the notice stays the same. */
export const sessionEndedNotice = (session: {
  readonly workspaceId: string;
  readonly siteId: string;
  readonly sessionId: string;
  readonly createdAt: string;
  readonly endedAt: string;
}): Notice => ({
  eventId: `${session.sessionId}:ended`,
  type: 'session.ended',
  workspaceId: session.workspaceId,
  siteId: session.siteId,
  sessionId: session.sessionId,
  at: session.endedAt,
  listedAt: session.createdAt,
  facts: {},
});
