import { describe, expect, it } from '@jest/globals';
import { type BudgetTarget, readBudget } from '../../../lambdas/use-cases/budgets/read-budget.ts';
import { removeBudget } from '../../../lambdas/use-cases/budgets/remove-budget.ts';
import { aWorkspace, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aBudget, budgetWorld, CALLER, DOWN, OTHER_SITE_ID } from './budget-fixture.ts';

const WORKSPACE: BudgetTarget = { workspaceId: WORKSPACE_ID };
const SITE: BudgetTarget = { siteId: SITE_ID };

describe('reading a budget', () => {
  it('shows the counts of the current period, which are zero after an earlier one has ended', async () => {
    const stored = aBudget({ periodName: '2026-10', spentMicroCents: 90, remainingMicroCents: 10 });
    const { ports } = budgetWorld({ stored, role: 'viewer' });
    expect(await readBudget(ports)(CALLER, WORKSPACE)).toMatchObject({
      budget: { periodName: '2026-11', spentMicroCents: 0, remainingMicroCents: 100 },
      workspace: { workspaceId: WORKSPACE_ID },
    });
  });

  it('determines the period by the time zone of the workspace', async () => {
    const stored = aBudget({ period: 'day', periodName: '2026-11-23', spentMicroCents: 90 });
    const workspace = aWorkspace({ timeZone: 'Pacific/Auckland' });
    const { ports } = budgetWorld({ stored, workspace });
    expect(await readBudget(ports)(CALLER, WORKSPACE)).toMatchObject({
      budget: { periodName: '2026-11-24', spentMicroCents: 0 },
    });
  });

  it.each([
    ['the workspace', WORKSPACE, null],
    ['a site', SITE, SITE_ID],
  ])('of %s returns that budget', async (_, target, siteId) => {
    const { ports } = budgetWorld();
    const asked: unknown[] = [];
    const budgets = {
      readBudget: async (scope: unknown) => {
        asked.push(scope);
        return aBudget();
      },
    };
    await readBudget({ ...ports, budgets })(CALLER, target);
    expect(asked).toEqual([{ workspaceId: WORKSPACE_ID, siteId }]);
  });

  it('returns budget_not_found if none is set', async () => {
    expect(await outcomeOf(readBudget(budgetWorld().ports)(CALLER, WORKSPACE))).toBe('budget_not_found');
  });
});

describe('removing a budget', () => {
  it.each([
    ['workspace', WORKSPACE, null],
    ['site', SITE, SITE_ID],
  ])('of a %s records an event with its settings', async (scope, target, siteId) => {
    const { ports, events, state } = budgetWorld({ stored: aBudget({ siteId }) });
    await removeBudget(ports)(CALLER, target);
    expect(state.budget).toBeUndefined();
    expect(events).toEqual([
      {
        by: 'admin',
        type: 'budget.removed',
        workspaceId: WORKSPACE_ID,
        siteId: siteId ?? undefined,
        facts: { scope, period: 'month', action: 'end_calls', amount_micro_cents: 100 },
      },
    ]);
  });

  it('returns budget_not_found if none is set', async () => {
    const { ports, log } = budgetWorld();
    expect(await outcomeOf(removeBudget(ports)(CALLER, WORKSPACE))).toBe('budget_not_found');
    expect(log).toEqual([]);
  });

  it('returns a conflict if another person changed the budget meanwhile, and removes nothing', async () => {
    const { ports, state } = budgetWorld({ stored: aBudget({ revision: 2 }) });
    const budgets = { ...ports.budgets, readBudget: async () => aBudget() };
    expect(await outcomeOf(removeBudget({ ...ports, budgets })(CALLER, WORKSPACE))).toBe('version_conflict');
    expect(state.budget).toEqual(aBudget({ revision: 2 }));
  });

  it('fails if the store fails', async () => {
    const { ports } = budgetWorld({ stored: aBudget() });
    const budgets = { ...ports.budgets, removeBudget: () => Promise.reject(DOWN) };
    expect(await outcomeOf(removeBudget({ ...ports, budgets })(CALLER, WORKSPACE))).toBe(DOWN);
  });

  it.each([
    ['of the workspace needs an admin', WORKSPACE, 'forbidden'],
    ['of a site needs an admin', SITE, 'forbidden'],
    ['of a site of another workspace finds no site', { siteId: OTHER_SITE_ID }, 'site_not_found'],
  ])('%s', async (_, target, refusal) => {
    const { ports, log } = budgetWorld({ stored: aBudget(), role: 'viewer' });
    expect(await outcomeOf(removeBudget(ports)(CALLER, target))).toBe(refusal);
    expect(log).toEqual([]);
  });
});
