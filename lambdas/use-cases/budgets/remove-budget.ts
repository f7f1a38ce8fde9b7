import { BrokerError } from '../../domain/broker-error.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { BudgetStore } from '../ports/budgets.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeBudget, type BudgetTarget } from './read-budget.ts';

/** Admin. Removes a budget, which then refuses and ends nothing any more; `budget_not_found` if none is set. */
export const removeBudget =
  ({
    tenancy,
    budgets,
    auditEvents,
  }: {
    readonly tenancy: MembershipReader;
    readonly budgets: BudgetStore;
    readonly auditEvents: AuditEventFactory;
  }) =>
  async (caller: Caller, target: BudgetTarget): Promise<void> => {
    const { workspace, site } = await authorizeBudget(tenancy, caller, target, 'admin');
    const { workspaceId } = workspace;
    const siteId = site?.siteId ?? null;
    const stored = await budgets.readBudget({ workspaceId, siteId });
    if (stored === undefined) throw new BrokerError('budget_not_found');
    const event = await auditEvents.event(caller, 'budget.removed', {
      workspaceId,
      siteId: site?.siteId,
      facts: {
        scope: siteId === null ? 'workspace' : 'site',
        period: stored.period,
        action: stored.action,
        amount_micro_cents: stored.amountMicroCents,
      },
    });
    await refuseConflict(budgets.removeBudget(stored, event));
  };
