import type { BudgetChange } from '../../domain/audit/budget-change.ts';
import { RESTORED } from '../../domain/audit/explained-change.ts';
import { periodEnd, periodStart } from '../../domain/budgets/budget-period.ts';
import type { SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import type { OutboxReader } from '../ports/audit.ts';
import type { BudgetStore } from '../ports/budgets.ts';
import type { Clock } from '../ports/runtime.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';
import type { UsageReader } from '../ports/usage.ts';
import { explainChange } from './explain-change.ts';
import type { TamperingPorts } from './report-tampering.ts';

export interface BudgetExplanationPorts extends TamperingPorts {
  readonly clock: Clock;
  readonly outbox: OutboxReader;
  readonly workspaces: WorkspaceReader;
  readonly budgets: Pick<BudgetStore, 'readBudget'>;
  readonly usage: Pick<UsageReader, 'readDays'>;
}

/**
 * The part of the amount that may be missing. A new budget begins with the totals as read a moment before it was
 * written, so a cost of that moment can be only in the totals.
 */
const TOLERANCE = 0.01;

/**
 * Reports a change of a budget that no audit event explains, and a spent amount that was lowered below the usage totals
 * of its period, unless the workspace was restored. It becomes less when a watcher replaces the page's early reports, and when a
 * lost response is counted late.
 */
export const explainBudgetChange =
  (ports: BudgetExplanationPorts) =>
  async ({ change, lowered }: BudgetChange, at: Date, record: string): Promise<void> => {
    if (change !== undefined) await explainChange(ports)(change, at, record);
    if (lowered === undefined || !(await isMissingCosts(ports, lowered))) return;
    const { workspaceId, siteId } = lowered;
    const subject = `spent amount of the ${siteId === null ? 'budget of the workspace' : `budget of site ${siteId}`}`;
    // A restore replaces the budget and its totals one after the other.
    await explainChange(ports)({ workspaceId, siteId, subject, explanations: [RESTORED] }, at, record);
  };

const DAY_MS = 86_400_000;

const isMissingCosts = async (
  { clock, workspaces, budgets, usage }: BudgetExplanationPorts,
  { workspaceId, siteId, periodName }: NonNullable<BudgetChange['lowered']>,
): Promise<boolean> => {
  const scope = { workspaceId: workspaceId as WorkspaceId, siteId: siteId as SiteId | null };
  const workspace = await workspaces.readWorkspace(scope.workspaceId);
  if (workspace === undefined) return false;
  const startMs = periodStart(periodName, workspace.timeZone).getTime();
  const nowMs = clock().getTime();
  // Totals are per UTC day, by the start of each session: the whole cost of a day inside the period is in the period.
  const endMs = periodEnd(periodName, workspace.timeZone).getTime();
  const firstMs = Math.ceil(startMs / DAY_MS) * DAY_MS;
  const lastMs = nowMs < endMs ? nowMs : Math.floor(endMs / DAY_MS) * DAY_MS - 1;
  if (lastMs < firstMs) return false;
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  // First the totals: a cost is added to both at once, so each cost in the totals is also in the budget.
  const days = await usage.readDays(scope.workspaceId, { from: day(firstMs), to: day(lastMs) });
  const costMicroCents = days
    .filter((one) => one.mode === 'byok' && (siteId === null || one.siteId === siteId))
    .reduce((sum, { entry }) => sum + entry.costMicroCents, 0);
  const budget = await budgets.readBudget(scope);
  return (
    budget?.periodName === periodName &&
    costMicroCents - budget.spentMicroCents > budget.amountMicroCents * TOLERANCE
  );
};
