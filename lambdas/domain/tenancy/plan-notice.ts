import type { AuditEvent } from '../audit/audit-record.ts';

/** A notice that a workspace has reached a threshold of its plan. */
export interface PlanNotice {
  /** Unique; the same notice delivered again has the same id. */
  readonly noticeId: string;
  readonly workspaceId: string;
  /** RFC 3339. */
  readonly at: string;
  readonly percent: number;
  /** `yyyy-mm` */
  readonly period: string;
  readonly plan: string;
}

/** Returns the notice that an audit event records, or undefined for any other event. */
export const planNoticeOf = (event: AuditEvent): PlanNotice | undefined =>
  event.type === 'plan.threshold_reached'
    ? {
        noticeId: event.eventId,
        workspaceId: event.workspaceId,
        at: event.at,
        percent: Number(event.facts['percent']),
        period: String(event.facts['period']),
        plan: String(event.facts['plan']),
      }
    : undefined;
