import { BrokerError } from '../../domain/broker-error.ts';
import { type BudgetAction, isWeaker, requiredControl } from '../../domain/budgets/budget.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';

/** Throws `control_required`, naming the sites, where a budget with this action could not be enforced on them. */
export const refuseWeakControl = (
  action: BudgetAction,
  sites: readonly Pick<Site, 'name' | 'control'>[],
): void => {
  const required = requiredControl(action);
  const weak = sites.filter(({ control }) => isWeaker(control, required));
  if (weak.length === 0) return;
  throw new BrokerError('control_required', {
    details: weak.slice(0, 20).map(({ name, control }) => ({
      path: 'control',
      message: `The action ${action} needs ${required}; ${name} has ${control}.`,
    })),
  });
};
