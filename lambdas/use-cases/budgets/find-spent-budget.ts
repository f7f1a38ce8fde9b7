import { isSpentWith } from '../../domain/budgets/budget.ts';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { SpentBudgets } from '../ports/calls.ts';
import { type BudgetPorts, budgetsOf } from './charge-budgets.ts';

/** Returns true if an `end_calls` budget of a call is spent. Returns false if the database does not answer. */
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
