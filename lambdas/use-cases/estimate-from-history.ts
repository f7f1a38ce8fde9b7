import { compareWithPlan, type Month, type PlanComparison } from '../domain/cost-estimate.ts';
import type { WorkspaceId } from '../domain/identifiers.ts';
import { addEntries, type LedgerEntry, NO_ENTRY } from '../domain/ledger.ts';
import type { Plan } from '../domain/plan.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { MembershipReader, UsageReader } from './ports.ts';

export interface HistoryEstimate {
  /** The month as it was, every model and payer together. */
  readonly totals: LedgerEntry;
  readonly month: Month;
  readonly plans: readonly PlanComparison[];
}

/**
 * Viewer. The calculator on a month that was: what all of its sessions cost at OpenAI, as if an own key had paid for each,
 * beside what the same seconds cost on each plan. Sessions of a model without a price are in the seconds and not in the
 * cost; `totals.unpricedSessions` says how many.
 */
export const estimateFromHistory =
  (ports: {
    readonly tenancy: MembershipReader;
    readonly usage: UsageReader;
    readonly plans: readonly Plan[];
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, period: string): Promise<HistoryEstimate> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'viewer');
    const totals = (await ports.usage.monthOf(workspaceId, period)).reduce(addEntries, NO_ENTRY);
    const month = { seconds: totals.seconds, openAiMicroCents: totals.costMicroCents };
    return { totals, month, plans: ports.plans.map((plan) => compareWithPlan(month, plan)) };
  };
