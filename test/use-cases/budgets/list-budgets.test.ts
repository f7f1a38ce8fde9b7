import { describe, expect, it } from '@jest/globals';
import { listBudgets } from '../../../lambdas/use-cases/budgets/list-budgets.ts';
import { NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aBudget, budgetWorld, CALLER, OTHER_SITE_ID } from './budget-fixture.ts';

const PAGE = { limit: 2, after: undefined };

describe('the list of budgets', () => {
  it('shows a viewer each budget with its current counts, and the cursor of the next page', async () => {
    const { ports } = budgetWorld({ role: 'viewer' });
    const asked: unknown[] = [];
    const budgets = {
      listBudgets: async (...page: unknown[]) => {
        asked.push(page);
        return {
          items: [
            aBudget({ siteId: SITE_ID, spentMicroCents: 40 }),
            aBudget({ periodName: '2026-10', spentMicroCents: 90, remainingMicroCents: 10 }),
          ],
          next: 'WORKSPACE',
        };
      },
    };
    expect(await listBudgets({ ...ports, budgets })(CALLER, WORKSPACE_ID, PAGE)).toMatchObject({
      items: [
        { budget: { siteId: SITE_ID, spentMicroCents: 40 }, now: NOW },
        { budget: { siteId: null, spentMicroCents: 0, remainingMicroCents: 100 } },
      ],
      next: 'WORKSPACE',
    });
    expect(asked).toEqual([[WORKSPACE_ID, PAGE]]);
  });

  it('omits the budget of an archived site, and continues after it', async () => {
    const { ports } = budgetWorld({ role: 'viewer' });
    const items = [aBudget({ siteId: OTHER_SITE_ID }), aBudget({ siteId: SITE_ID }), aBudget()];
    const budgets = { listBudgets: async () => ({ items, next: 'WORKSPACE' }) };
    const page = await listBudgets({ ...ports, budgets })(CALLER, WORKSPACE_ID, PAGE);
    expect(page.items.map(({ budget }) => budget.siteId)).toEqual([SITE_ID, null]);
    expect(page.next).toBe('WORKSPACE');
  });

  it('is not read for a person who is not a member', async () => {
    const { ports } = budgetWorld();
    const budgets = { listBudgets: () => Promise.reject(new Error('was read')) };
    const tenancy = {
      ...ports.tenancy,
      readMembership: async () => ({ workspace: undefined, member: undefined }),
    };
    expect(await outcomeOf(listBudgets({ ...ports, budgets, tenancy })(CALLER, WORKSPACE_ID, PAGE))).toBe(
      'workspace_not_found',
    );
  });
});
