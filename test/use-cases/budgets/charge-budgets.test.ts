import { describe, expect, it } from '@jest/globals';
import type { Budget } from '../../../lambdas/domain/budgets/budget.ts';
import { DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { entryOf, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';
import { type ChargeBudgetPorts, chargeBudgets } from '../../../lambdas/use-cases/budgets/charge-budgets.ts';
import { aSessionUsage, clockAt } from '../../domain/sessions/session-usage-fixture.ts';

const DOWN = new DependencyUnavailableError('sqs', 'SendMessage', 'InternalServerError');
const COUNTED = { ...aSessionUsage({ mode: 'byok' }), counted: { ...NO_TOKENS, audioOut: 100 } };
/** As stored: the totals and budgets include its cost. */
const POSTED: SessionUsage = { ...COUNTED, posted: entryOf(COUNTED) };

const SPENT = {
  workspaceId: COUNTED.workspaceId,
  siteId: null,
  period: 'month',
  periodName: '2026-11',
  action: 'end_calls',
  amountMicroCents: 100,
  spentMicroCents: 100,
  reservedMicroCents: 0,
  remainingMicroCents: 0,
  notices: { 50: '', 80: '', 100: '' },
  callsEndedAt: null,
} as unknown as Budget;

/** Every step; the first `failures` of the queue fail. */
const charging = ({ failures = 0, budgets = [SPENT] as readonly Budget[], oneByOne = false } = {}) => {
  const log: string[] = [];
  let left = failures;
  let reads = 0;
  const { saveUsage } = chargeBudgets({
    clock: () => clockAt(10),
    random: (size: number) => Buffer.alloc(size),
    budgets: {
      // One by one: each read sees the next state of the one budget.
      readBudgets: async () => (oneByOne ? budgets.slice(reads++, reads) : budgets),
      noteCallsEnded: async () => {
        log.push('note');
      },
    },
    workspaces: { readWorkspace: async () => ({ timeZone: 'UTC' }) },
    sessionUsage: {
      saveUsage: async (_: SessionUsage, charged: readonly unknown[] = [], capSeconds?: number) => {
        log.push(
          `save with ${charged.length} budgets${capSeconds === undefined ? '' : ` below ${capSeconds} s`}`,
        );
      },
    },
    hangUps: {
      // The second of the two passes is delayed.
      send: async (_: unknown, delaySeconds = 0) => {
        if (delaySeconds > 0) return;
        if (left-- > 0) throw DOWN;
        log.push('end calls');
      },
    },
    onUnsettled: (_: SessionUsage, error: unknown) => {
      log.push(error === DOWN ? 'unsettled' : String(error));
    },
  } as unknown as ChargeBudgetPorts);
  return { log, saveUsage };
};

describe('saving usage that counts against budgets', () => {
  it('charges a new cost, and ends calls if a budget is spent', async () => {
    const { log, saveUsage } = charging();
    await saveUsage(COUNTED);
    expect(log).toEqual(['save with 1 budgets', 'end calls', 'note']);
  });

  it('charges nothing for usage without new cost or on the platform key', async () => {
    const { log, saveUsage } = charging();
    await saveUsage(POSTED);
    await saveUsage({ ...COUNTED, mode: 'managed' });
    expect(log).toEqual(['save with 0 budgets', 'save with 0 budgets']);
  });

  it.each([
    ['before the write, if this cost spends it', 1, 'spent'],
    ['after the write, if another call spent it meanwhile', 1_000_000_000, 'none'],
  ])('reports a spent budget %s', async (_, remainingMicroCents, first) => {
    const { log, saveUsage } = charging({
      budgets: [
        { ...SPENT, remainingMicroCents },
        { ...SPENT, remainingMicroCents: 0 },
      ],
      oneByOne: true,
    });
    await saveUsage(COUNTED, [], undefined, () => log.push('spent'));
    expect(log.indexOf('spent')).toBe(first === 'spent' ? 0 : 1);
  });

  it.each([['notify'], ['refuse'], ['never_exceed']] as const)(
    'does not report a spent budget with the action %s, which ends no call',
    async (action) => {
      const { log, saveUsage } = charging({ budgets: [{ ...SPENT, action }] });
      await saveUsage(COUNTED, [], undefined, () => log.push('spent'));
      expect(log).not.toContain('spent');
    },
  );

  it('keeps the condition of a hold that has grown', async () => {
    const { log, saveUsage } = charging();
    await saveUsage({ ...COUNTED, mode: 'managed' }, [], 6_000);
    expect(log).toEqual(['save with 0 budgets below 6000 s']);
  });

  it('succeeds even if ending the calls fails, and ends them with the next save', async () => {
    const { log, saveUsage } = charging({ failures: 2 });
    await saveUsage(COUNTED);
    await saveUsage(POSTED);
    await saveUsage(POSTED);
    await saveUsage(POSTED);
    expect(log).toEqual([
      'save with 1 budgets',
      'unsettled',
      'save with 0 budgets',
      'unsettled',
      'save with 0 budgets',
      'end calls',
      'note',
      'save with 0 budgets',
    ]);
  });
});
