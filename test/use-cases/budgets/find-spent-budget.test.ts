import { describe, expect, it } from '@jest/globals';
import type { Budget } from '../../../lambdas/domain/budgets/budget.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { findSpentBudget } from '../../../lambdas/use-cases/budgets/find-spent-budget.ts';
import { aWorkspace, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aBudget, DOWN } from './budget-fixture.ts';

const found = (budgets: () => Promise<readonly Budget[]>, mode: 'byok' | 'managed' = 'byok') =>
  findSpentBudget({
    clock: () => NOW,
    budgets: { readBudgets: budgets },
    workspaces: { readWorkspace: async () => aWorkspace() },
  }).look({ workspaceId: WORKSPACE_ID, siteId: SITE_ID, mode });

const SPENT = aBudget({ remainingMicroCents: 0 });

describe('the budgets of a live call', () => {
  it.each([
    ['with end_calls and nothing left are spent', [SPENT], 'spent'],
    ['with less than a fifth left are tight', [aBudget({ remainingMicroCents: 1 })], 'tight'],
    ['with more left are open', [aBudget()], 'open'],
    ['are spent if one of two is', [aBudget(), SPENT], 'spent'],
    ['with another action end no call', [{ ...SPENT, action: 'refuse' as const }], 'open'],
    ['of an earlier period are not spent', [{ ...SPENT, periodName: '2026-10' }], 'open'],
    ['that do not exist are not spent', [], 'open'],
  ])('%s', async (_, budgets, state) => {
    expect(await found(async () => budgets)).toBe(state);
  });

  it('are not read for a managed call', async () => {
    expect(await found(() => Promise.reject(new Error('read')), 'managed')).toBe('open');
  });

  it('count as not spent if the database does not answer, but other errors are thrown', async () => {
    expect(await found(() => Promise.reject(DOWN))).toBe('open');
    await expect(found(() => Promise.reject(new ConflictError()))).rejects.toThrow(ConflictError);
  });
});
