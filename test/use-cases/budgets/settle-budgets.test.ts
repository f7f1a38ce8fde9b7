import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { type Budget, currentBudget } from '../../../lambdas/domain/budgets/budget.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { exhaustedBudget, refuseExhausted } from '../../../lambdas/use-cases/budgets/refuse-exhausted.ts';
import { type SettleBudgetPorts, settleBudgets } from '../../../lambdas/use-cases/budgets/settle-budgets.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aBudget, DOWN } from './budget-fixture.ts';

const spent = (spentMicroCents: number, facts: Partial<Budget> = {}): Budget =>
  aBudget({ spentMicroCents, remainingMicroCents: 100 - spentMicroCents, ...facts });

/** Settles these budgets; the outcome, every step, and the audit events. */
const settled = async (budgets: readonly Budget[], failing: Readonly<Record<string, Error>> = {}) => {
  const log: string[] = [];
  const events: AuditEvent[] = [];
  const step = async (name: string): Promise<void> => {
    log.push(name);
    const failure = failing[name];
    if (failure !== undefined) throw failure;
  };
  const ports = strictPorts<SettleBudgetPorts>({
    random: (size) => Buffer.alloc(size, 7),
    budgets: {
      noteThreshold: async (_, percent, event) => {
        events.push(event);
        await step(`notice ${percent}`);
      },
      noteCallsEnded: async (_, at) => step(`note calls ended at ${at}`),
    },
    hangUps: {
      send: async (message, delay = 0) => step(`end calls by ${'by' in message && message.by} in ${delay} s`),
    },
  });
  return { outcome: await outcomeOf(settleBudgets(ports, budgets, NOW)), log, events };
};

const ENDING = ['end calls by budget in 0 s', 'end calls by budget in 30 s'];
const NOTED = `note calls ended at ${NOW.toISOString()}`;

describe('a spent budget', () => {
  it('queues the end of its calls before anything is recorded', async () => {
    const { log } = await settled([spent(100)]);
    expect(log).toEqual([...ENDING, NOTED, 'notice 50', 'notice 80', 'notice 100']);
  });

  it('is not marked if the queue fails, and the next event queues its calls again', async () => {
    const { outcome, log } = await settled([spent(100)], { 'end calls by budget in 0 s': DOWN });
    expect(outcome).toBe(DOWN);
    expect(log).not.toContain(NOTED);
  });

  it('ends its calls once in a period', async () => {
    const { log } = await settled([spent(100, { callsEndedAt: NOW.toISOString(), notices: {} })]);
    expect(log).toEqual(['notice 50', 'notice 80', 'notice 100']);
  });

  it.each(['notify', 'refuse'] as const)('with the action %s ends no call', async (action) => {
    const { log } = await settled([spent(100, { action })]);
    expect(log).toEqual(['notice 50', 'notice 80', 'notice 100']);
  });
});

describe('the threshold of a budget', () => {
  it.each([
    [49, []],
    [50, [50]],
    [79, [50]],
    [80, [50, 80]],
    [99, [50, 80]],
  ])('is recorded from its exact amount: %i of 100', async (amount, percents) => {
    expect((await settled([spent(amount)])).log).toEqual(percents.map((percent) => `notice ${percent}`));
  });

  it('is recorded once, even if another session is first', async () => {
    const notices = { 50: NOW.toISOString() };
    const { outcome, log } = await settled([spent(80, { notices })], { 'notice 80': new ConflictError() });
    expect(outcome).toBe('done');
    expect(log).toEqual(['notice 80']);
  });

  it('fails if it cannot be recorded, so that a later event tries again', async () => {
    expect((await settled([spent(50)], { 'notice 50': DOWN })).outcome).toBe(DOWN);
  });

  it.each([
    ['workspace', null],
    ['site', SITE_ID],
  ])('of a %s records an event with the amounts', async (scope, siteId) => {
    const { events } = await settled([spent(50, { siteId })]);
    expect(events).toMatchObject([
      {
        type: 'budget.threshold_reached',
        actor: 'system:meter',
        workspaceId: WORKSPACE_ID,
        siteId,
        facts: {
          percent: 50,
          scope,
          period: 'month',
          period_name: '2026-11',
          action: 'end_calls',
          amount_micro_cents: 100,
          spent_micro_cents: 50,
        },
      },
    ]);
  });
});

describe('several spent budgets', () => {
  it('are all settled, even if the first one has begun another period meanwhile', async () => {
    const { outcome, log } = await settled([spent(100), spent(50, { siteId: SITE_ID })], {
      [NOTED]: new ConflictError(),
    });
    expect(outcome).toBe('done');
    expect(log).toEqual([...ENDING, NOTED, 'notice 50', 'notice 80', 'notice 100', 'notice 50']);
  });
});

describe('a new session under budgets', () => {
  const refusal = (...budgets: readonly Budget[]) => exhaustedBudget(budgets, 'UTC', NOW);

  it('is allowed if no budget is spent, or the spent one only notifies', () => {
    expect(refusal()).toBeUndefined();
    expect(refusal(spent(99), spent(100, { action: 'notify' }))).toBeUndefined();
    expect(() => refuseExhausted([currentBudget(spent(99), NOW, 'UTC')], NOW, 'UTC')).not.toThrow();
  });

  it('is refused if one budget is spent, until its period ends', () => {
    const day = spent(100, { period: 'day', periodName: '2026-11-23' });
    // 12:00:10 to midnight.
    expect(refusal(day, spent(1))).toMatchObject({ code: 'budget_exhausted', retryAfterSeconds: 43_190 });
    expect(() => refuseExhausted([currentBudget(day, NOW, 'UTC')], NOW, 'UTC')).toThrow(
      expect.objectContaining({ code: 'budget_exhausted' }),
    );
  });

  it('is refused until the last of several spent budgets begins a new period', () => {
    const day = spent(100, { period: 'day', periodName: '2026-11-23', siteId: SITE_ID });
    const untilDecember = (Date.parse('2026-12-01T00:00:00Z') - NOW.getTime()) / 1_000;
    expect(refusal(day, spent(100))?.retryAfterSeconds).toBe(untilDecember);
  });

  it('is allowed if the budget was spent in an earlier period', () => {
    expect(refusal(spent(100, { periodName: '2026-10' }))).toBeUndefined();
  });
});
