import { isSpentWith } from '../../domain/budgets/budget.ts';
import { isTight } from '../../domain/budgets/tight-budgets.ts';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { SpentBudgets } from '../ports/calls.ts';
import { type BudgetPorts, budgetsOf } from './charge-budgets.ts';

/** Looks how far the `end_calls` budgets of a call are spent. A database that does not answer proves nothing. */
export const findSpentBudget = (ports: BudgetPorts): SpentBudgets => ({
  look: async (session) => {
    // Other usage is not charged.
    if (session.mode !== 'byok') return 'open';
    try {
      const budgets = (await budgetsOf(ports, session)).filter(({ action }) => action === 'end_calls');
      if (budgets.some((budget) => isSpentWith(budget, 0))) return 'spent';
      return budgets.some(isTight) ? 'tight' : 'open';
    } catch (error) {
      if (error instanceof DependencyUnavailableError) return 'open';
      throw error;
    }
  },
});
