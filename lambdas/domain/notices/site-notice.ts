import type { AuditEvent, AuditFacts } from '../audit/audit-record.ts';

/** A notice to the owners of a site: its model shuts down, or the site was moved to another one. */
export interface SiteNotice {
  readonly kind: 'model_retiring' | 'model_moved';
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
