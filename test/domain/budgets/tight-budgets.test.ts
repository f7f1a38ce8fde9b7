import { expect, it } from '@jest/globals';
import { type Budget, currentBudget } from '../../../lambdas/domain/budgets/budget.ts';
import { tightBudgets } from '../../../lambdas/domain/budgets/tight-budgets.ts';
import { aBudget } from '../../use-cases/budgets/budget-fixture.ts';

/** Half of the month of the budgets has passed. */
const HALF = new Date('2026-11-16T00:00:00.000Z');

const budget = (facts: Partial<Budget>) => currentBudget(aBudget(facts), HALF, 'UTC');

it('a budget is tight if 80 % are spent or reserved, or if the forecast exceeds it', () => {
  const roomy = budget({ changedBy: 'roomy', spentMicroCents: 49, remainingMicroCents: 51 });
  const forecast = budget({ changedBy: 'forecast', spentMicroCents: 51, remainingMicroCents: 49 });
  const reserved = budget({
    changedBy: 'reserved',
    spentMicroCents: 40,
    reservedMicroCents: 40,
    remainingMicroCents: 20,
  });
  const passed = budget({ changedBy: 'passed', spentMicroCents: 120, remainingMicroCents: -20 });
  const tight = tightBudgets([roomy, forecast, reserved, passed], HALF, 'UTC');
  expect(tight.map(({ changedBy }) => changedBy)).toEqual(['passed', 'reserved', 'forecast']);
});

it('a budget of a period that has ended is not tight', () => {
  const old = budget({ periodName: '2026-10', spentMicroCents: 100, remainingMicroCents: 0 });
  expect(tightBudgets([old], HALF, 'UTC')).toEqual([]);
});
