import { isSpentWith } from '../../domain/budgets/budget.ts';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { SpentBudgets } from '../ports/calls.ts';
import { type BudgetPorts, budgetsOf } from './charge-budgets.ts';

/** Looks whether an `end_calls` budget of a call is spent. A database that does not answer proves nothing. */
export const findSpentBudget = (ports: BudgetPorts): SpentBudgets => ({
  isSpent: async (session) => {
    // Other usage is not charged.
    if (session.mode !== 'byok') return false;
    try {
      return (await budgetsOf(ports, session)).some((budget) => isSpentWith(budget, 0));
    } catch (error) {
      if (error instanceof DependencyUnavailableError) return false;
      throw error;
    }
  },
});
