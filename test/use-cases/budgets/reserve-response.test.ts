import { describe, expect, it } from '@jest/globals';
import type { Budget, CurrentBudget } from '../../../lambdas/domain/budgets/budget.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import type { SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { type ReservePorts, reserveResponse } from '../../../lambdas/use-cases/budgets/reserve-response.ts';
import { aWatchedMeter } from '../calls/call-fixture.ts';
import { aWorkspace, NOW } from '../sessions/token-fixture.ts';
import { aBudget } from './budget-fixture.ts';

const TURN = { turnId: 'item_1', turnMs: 0, instructions: '', maxOutputTokens: 1_024 };
/** The highest cost of one response of the fixture's model and region, without instructions. */
const BOUND = 11_162_808;

const aStrictBudget = (facts: Partial<Budget> = {}): Budget =>
  aBudget({
    action: 'never_exceed',
    createdAt: 'then',
    amountMicroCents: 3 * BOUND,
    remainingMicroCents: 3 * BOUND,
    ...facts,
  });

const world = ({
  budgets = [aStrictBudget()] as readonly Budget[],
  usage = aWatchedMeter(true) as SessionUsage,
  saves = [] as readonly (Error | undefined)[],
  unanswered = 0,
} = {}) => {
  let lost = unanswered;
  const log: unknown[][] = [];
  const failures = [...saves];
  const state = { usage, budgets };
  const ports = {
    clock: () => NOW,
    random: (size: number) => Buffer.alloc(size, 7),
    backOff: async () => void log.push(['wait']),
    budgets: {
      readBudgets: async () => state.budgets,
      noteThreshold: async (_: Budget, percent: number) => void log.push(['notice', percent]),
    },
    workspaces: { readWorkspace: async () => aWorkspace() },
    meterReader: { readSessionUsage: async () => new Map([[state.usage.sessionId, state.usage]]) },
    sessionUsage: {
      saveUsage: async (saved: SessionUsage, charged: readonly CurrentBudget[] = []) => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        state.usage = saved;
        log.push(['save', charged.length]);
        if (lost-- > 0)
          throw new DependencyUnavailableError('dynamodb', 'TransactWriteItems', 'TimeoutError');
      },
    },
  } as unknown as ReservePorts;
  const reserve = (generation = 1) => reserveResponse(ports).reserve(usage, generation, TURN);
  return { reserve, log, state };
};

describe('the reservation of a response', () => {
  it('is saved with the session usage, for every budget with never_exceed', async () => {
    const site = aStrictBudget({ siteId: aWatchedMeter(true).siteId });
    const { reserve, log, state } = world({
      budgets: [aStrictBudget(), site, aBudget({ action: 'notify' })],
    });
    const id = `rsv_${'07'.repeat(12)}`;
    expect(await reserve()).toEqual({ result: 'reserved', id });
    expect(log).toEqual([['save', 2]]);
    expect(state.usage.reservations).toEqual([
      {
        id,
        microCents: BOUND,
        lost: false,
        budgets: [
          { siteId: null, createdAt: 'then', periodName: '2026-11' },
          { siteId: site.siteId, createdAt: 'then', periodName: '2026-11' },
        ],
      },
    ]);
    expect(state.usage.watch?.answeredTurn).toBe('item_1');
  });

  it('is zero if no budget requires it any more, and still answers the turn once', async () => {
    const { reserve, state } = world({ budgets: [aBudget({ action: 'refuse' })] });
    expect(await reserve()).toMatchObject({ result: 'reserved' });
    expect(state.usage.reservations).toMatchObject([{ microCents: 0, budgets: [] }]);
    expect(await world({ usage: state.usage }).reserve()).toEqual({ result: 'answered' });
  });

  it('is left to the watcher that took over, and is not made for an ended call', async () => {
    expect(await world().reserve(2)).toEqual({ result: 'lost' });
    const { watch, ...meter } = aWatchedMeter(true);
    const ended = { ...meter, watch: watch && { ...watch, closedAtMs: 1 } };
    expect(await world({ usage: ended }).reserve()).toEqual({ result: 'lost' });
    expect(await world({ usage: { ...meter, watch: null } }).reserve()).toEqual({ result: 'lost' });
  });

  it('is refused if the budget is one micro-cent short, with one notice and no write', async () => {
    const remainingMicroCents = BOUND - 1;
    const spentMicroCents = 3 * BOUND - remainingMicroCents;
    const full = aStrictBudget({ remainingMicroCents, spentMicroCents });
    const { reserve, log } = world({ budgets: [full] });
    expect(await reserve()).toEqual({ result: 'refused' });
    expect(log).toEqual([['notice', 100]]);
    const noticed = world({ budgets: [{ ...full, notices: { 100: 'then' } }] });
    expect(await noticed.reserve()).toEqual({ result: 'refused' });
    expect(noticed.log).toEqual([]);
    const exact = aStrictBudget({ remainingMicroCents: BOUND, spentMicroCents: 2 * BOUND });
    expect(await world({ budgets: [exact] }).reserve()).toMatchObject({ result: 'reserved' });
  });

  it('waits for a short time while other calls have reserved the rest', async () => {
    const reserved = aStrictBudget({ reservedMicroCents: 3 * BOUND, remainingMicroCents: 0 });
    const { reserve, log } = world({ budgets: [reserved] });
    expect(await reserve()).toEqual({ result: 'refused' });
    expect(log.filter(([step]) => step === 'wait')).toHaveLength(25);
  });

  it('is refused if the model has no known price', async () => {
    const usage = { ...aWatchedMeter(true), priceVersion: null };
    expect(await world({ usage }).reserve()).toEqual({ result: 'refused' });
  });

  it('is tried again after a conflict or a database failure', async () => {
    const down = new DependencyUnavailableError('dynamodb', 'TransactWriteItems', 'InternalServerError');
    const { reserve, log } = world({ saves: [new ConflictError(), down] });
    expect(await reserve()).toMatchObject({ result: 'reserved' });
    expect(log).toEqual([['wait'], ['wait'], ['save', 1]]);
    await expect(world({ saves: [new Error('a fault of ours')] }).reserve()).rejects.toThrow(
      'a fault of ours',
    );
  });

  it('is made once if its write succeeded without an answer, and then returned', async () => {
    const { reserve, log, state } = world({ unanswered: 1 });
    expect(await reserve()).toEqual({ result: 'reserved', id: `rsv_${'07'.repeat(12)}` });
    expect(log).toEqual([['save', 1], ['wait']]);
    expect(state.usage.reservations).toHaveLength(1);
    expect(await reserve()).toEqual({ result: 'answered' });
  });
});
