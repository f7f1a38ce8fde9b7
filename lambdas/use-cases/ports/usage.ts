import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { SiteNotice } from '../../domain/notices/site-notice.ts';
import type { SessionUsage } from '../../domain/sessions/session-usage.ts';
import type { PlanNotice } from '../../domain/tenancy/plan-notice.ts';
import type { Retention } from '../../domain/tenancy/retention.ts';
import type { LedgerPosting, LedgerTotal } from '../../domain/usage/ledger.ts';
import type { PeriodUsage } from '../../domain/usage/period-usage.ts';
import type { DayRange, DayUsage } from '../../domain/usage/usage.ts';
import type { Page, PageRequest } from './pages.ts';

export interface PlanNotices {
  /** The workspace's use of its plan in `period`, `yyyy-mm`. */
  readPeriod(workspaceId: WorkspaceId, period: string): Promise<PeriodUsage>;
  /** Records the notice of the threshold together with its audit event. ConflictError if it was already recorded. */
  noteThreshold(workspaceId: WorkspaceId, period: string, percent: number, event: AuditEvent): Promise<void>;
}

/** The totals, added up from the reports. */
export interface UsageReader {
  /** One part for each day, site, model and mode within the days; in one query. */
  readDays(workspaceId: WorkspaceId, days: DayRange): Promise<readonly DayUsage[]>;
  /** The workspace's use of its plan in `period`, `yyyy-mm`. */
  readPeriod(workspaceId: WorkspaceId, period: string): Promise<PeriodUsage>;
}

/** A workspace whose totals are compared. */
export interface LedgerTenant {
  readonly sites: readonly SiteId[];
  readonly retention: Retention;
}

/** Usage records and totals together, for the check that the totals are the sum of the records. */
export interface UsageLedgerAudit {
  /** Every workspace that ever existed, or `only` this one, with its sites, including archived ones. */
  listWorkspaces(only: WorkspaceId | undefined): Promise<ReadonlyMap<WorkspaceId, LedgerTenant>>;
  /** Usage of sessions minted from `from` and before `before`, oldest first. */
  listSessionUsage(
    siteId: SiteId,
    between: { readonly from: Date; readonly before: Date },
    page: PageRequest,
  ): Promise<Page<SessionUsage>>;
  /** Totals of the month `yyyy-mm`: of its days and of the billing period. */
  readTotals(workspaceId: WorkspaceId, month: string): Promise<readonly LedgerTotal[]>;
  /** One total, read so that it contains every report that is in the session usage. */
  readTotal(workspaceId: WorkspaceId, place: string): Promise<LedgerTotal>;
  postingsOf(usage: SessionUsage): readonly LedgerPosting[];
  /**
   * Sets the counts of a total, together with the audit event. ConflictError when the total was written to since it was
   * read.
   */
  correctTotal(
    workspaceId: WorkspaceId,
    read: LedgerTotal,
    counts: LedgerPosting['counts'],
    event: AuditEvent,
  ): Promise<void>;
}

/** As IncidentAnnouncer, for notices of a plan and of a site. */
export interface NoticeAnnouncer {
  announceNotice(notice: PlanNotice | SiteNotice): Promise<void>;
}
