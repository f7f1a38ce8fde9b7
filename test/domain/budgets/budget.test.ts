import { describe, expect, it } from '@jest/globals';
import {
  type Budget,
  controlInForce,
  currentBudget,
  dueNotices,
  endsCalls,
  isExhausted,
  resetsAt,
} from '../../../lambdas/domain/budgets/budget.ts';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';

const aBudget = (facts: Partial<Budget> = {}): Budget => ({
  workspaceId: '0123456789ab' as WorkspaceId,
  siteId: null,
  period: 'day',
  amountMicroCents: 1_000,
  action: 'refuse',
  periodName: '2026-11-30',
  spentMicroCents: 400,
  reservedMicroCents: 100,
  remainingMicroCents: 500,
  notices: {},
  callsEndedAt: null,
  createdAt: null,
  changedAt: '2026-11-30T00:00:00.000Z',
  changedBy: 'owner',
  revision: 1,
  ...facts,
});

describe('a budget', () => {
  it('starts at zero in a new period, and keeps its amount and action', () => {
    const stored = aBudget({ notices: { 50: 'then' }, callsEndedAt: 'then', remainingMicroCents: -5 });
    expect(currentBudget(stored, new Date('2026-12-01T00:00:00Z'), 'UTC')).toMatchObject({
      periodName: '2026-12-01',
      storedPeriodName: '2026-11-30',
      spentMicroCents: 0,
      reservedMicroCents: 0,
      remainingMicroCents: 1_000,
      amountMicroCents: 1_000,
      notices: {},
      callsEndedAt: null,
    });
  });

  it('keeps its counts when the workspace moves to a zone in which it is still yesterday', () => {
    const now = new Date('2026-11-30T03:00:00Z');
    const kept = currentBudget(aBudget(), now, 'America/New_York');
    expect(kept).toMatchObject({ periodName: '2026-11-30', spentMicroCents: 400 });
    expect(resetsAt(kept, 'America/New_York').toISOString()).toBe('2026-12-01T05:00:00.000Z');
  });

  it.each([
    [499, []],
    [500, [50]],
    [799, [50]],
    [1_000, [50, 80, 100]],
    [5_000, [50, 80, 100]],
  ])('sends its notices at thresholds: with %d of 1,000 spent, %j are due', (spentMicroCents, due) => {
    expect(dueNotices(aBudget({ spentMicroCents }))).toEqual(due);
  });

  it('does not repeat a notice', () => {
    expect(dueNotices(aBudget({ spentMicroCents: 900, notices: { 50: 'then' } }))).toEqual([80]);
  });

  it.each([
    ['notify', 0, false],
    ['refuse', 1, false],
    ['refuse', 0, true],
    ['end_calls', -1, true],
    ['never_exceed', 0, true],
  ] as const)('with %s and %d left is exhausted: %p', (action, remainingMicroCents, exhausted) => {
    expect(isExhausted(aBudget({ action, remainingMicroCents }))).toBe(exhausted);
  });

  it('ends calls once, and only if its action is end_calls', () => {
    expect(endsCalls(aBudget({ action: 'end_calls', remainingMicroCents: 0 }))).toBe(true);
    expect(endsCalls(aBudget({ action: 'end_calls', remainingMicroCents: 1 }))).toBe(false);
    expect(endsCalls(aBudget({ action: 'end_calls', remainingMicroCents: 0, callsEndedAt: 'then' }))).toBe(
      false,
    );
    expect(endsCalls(aBudget({ action: 'refuse', remainingMicroCents: 0 }))).toBe(false);
  });

  it('tightens the control of a site if necessary, and never loosens it', () => {
    expect(controlInForce('open', [])).toBe('open');
    expect(controlInForce('open', [aBudget({ action: 'end_calls' })])).toBe('brokered');
    expect(controlInForce('locked', [aBudget({ action: 'end_calls' })])).toBe('locked');
    expect(controlInForce('open', [aBudget(), aBudget({ action: 'never_exceed' })])).toBe('locked');
  });
});
