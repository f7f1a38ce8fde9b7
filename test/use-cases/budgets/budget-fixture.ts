import type { Budget } from '../../../lambdas/domain/budgets/budget.ts';
import { NOW, WORKSPACE_ID } from '../sessions/token-fixture.ts';

/** A monthly budget of 100 micro-cents for the whole workspace, of which nothing is spent in the present period. */
export const aBudget = (facts: Partial<Budget> = {}): Budget => ({
  workspaceId: WORKSPACE_ID,
  siteId: null,
  period: 'month',
  amountMicroCents: 100,
  action: 'end_calls',
  periodName: '2026-11',
  spentMicroCents: 0,
  reservedMicroCents: 0,
  remainingMicroCents: 100,
  notices: {},
  callsEndedAt: null,
  changedAt: NOW.toISOString(),
  changedBy: 'owner',
  revision: 1,
  ...facts,
});
