import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { Budget, BudgetScope } from '../../domain/budgets/budget.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { NoticePercent } from '../../domain/tenancy/plan.ts';
import type { Page, PageRequest } from './pages.ts';

export interface BudgetReader {
  /** The budgets that a session of the site counts against: the site's and the workspace's, those that exist. */
  readBudgets(workspaceId: WorkspaceId, siteId: SiteId | null): Promise<readonly Budget[]>;
}

export interface BudgetLister {
  /** The budgets of a workspace: those of its sites by id, then its own. */
  listBudgets(workspaceId: WorkspaceId, page: PageRequest): Promise<Page<Budget>>;
}

export interface BudgetStore extends BudgetReader {
  readBudget(scope: BudgetScope): Promise<Budget | undefined>;
  /** Stores a budget with its counts and the audit event. ConflictError if the stored budget is no longer `before`. */
  putBudget(budget: Budget, before: Budget | undefined, event: AuditEvent): Promise<void>;
  /**
   * Changes amount and action and keeps the counts, with the audit event. `budget.notices` are the notices to keep.
   * ConflictError when another person changed it, or another period began.
   */
  changeBudget(budget: Budget, before: Budget, event: AuditEvent): Promise<void>;
  /** With the audit event. ConflictError when another person changed it. */
  removeBudget(budget: Budget, event: AuditEvent): Promise<void>;
}

export interface BudgetNotes extends BudgetReader {
  /** Marks the threshold as noticed, with its audit event. ConflictError when it was already, or the period has ended. */
  noteThreshold(budget: Budget, percent: NoticePercent, event: AuditEvent): Promise<void>;
  /** Marks that the running calls are being ended. ConflictError when the period has ended, or something is left again. */
  noteCallsEnded(budget: Budget, at: string): Promise<void>;
}
