import type { AuditEvent, AuditFacts } from '../audit/audit-record.ts';

/** A notice for owners: a site's model shuts down or was replaced, or a budget has reached a threshold. */
export interface SiteNotice {
  readonly kind: 'model_retiring' | 'model_moved' | 'budget_reached';
  /** Unique; the same notice delivered again has the same id. */
  readonly noticeId: string;
  readonly workspaceId: string;
  readonly siteId: string | null;
  /** RFC 3339. */
  readonly at: string;
  /** As in the audit trail. */
  readonly facts: AuditFacts;
}

/** The notice in an audit event; undefined for any other event. */
export const siteNoticeOf = (event: AuditEvent): SiteNotice | undefined => {
  const kind =
    event.type === 'site.model_retiring'
      ? 'model_retiring'
      : event.type === 'site.model_moved'
        ? 'model_moved'
        : event.type === 'budget.threshold_reached'
          ? 'budget_reached'
          : undefined;
  return (
    kind && {
      kind,
      noticeId: event.eventId,
      workspaceId: event.workspaceId,
      siteId: event.siteId,
      at: event.at,
      facts: event.facts,
    }
  );
};
