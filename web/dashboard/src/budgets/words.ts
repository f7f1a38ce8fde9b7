import type { BudgetAction } from '../../../../lambdas/domain/budgets/budget.ts';
import type { BudgetPeriod } from '../../../../lambdas/domain/budgets/budget-period.ts';

/** Names and meanings of the actions of a budget. */
export const ACTIONS: Readonly<Record<BudgetAction, { readonly title: string; readonly meaning: string }>> = {
  notify: {
    title: 'Notify',
    meaning: 'Sends notices at 50, 80 and 100 %. Nothing is stopped.',
  },
  refuse: {
    title: 'Refuse new sessions',
    meaning: 'Also refuses new sessions at 100 %. Running sessions continue.',
  },
  end_calls: {
    title: 'End calls',
    meaning:
      'Also hangs up running calls at 100 %. They cost a little more until the hang-up. The sites must be brokered or locked.',
  },
  never_exceed: {
    title: 'Never exceed',
    meaning:
      'Starts a response of the model only if the budget covers its highest possible cost. The sites must be locked.',
  },
};

export const PERIODS: Readonly<Record<BudgetPeriod, string>> = { day: 'Each day', month: 'Each month' };
export const PER: Readonly<Record<BudgetPeriod, string>> = { day: 'a day', month: 'a month' };
