import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import type { BudgetSettings } from '../../../lambdas/domain/budgets/budget.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import type { BudgetTarget } from '../../../lambdas/use-cases/budgets/read-budget.ts';
import { setBudget } from '../../../lambdas/use-cases/budgets/set-budget.ts';
import { aSite, aWorkspace, NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aBudget, aDay, budgetWorld, CALLER, DOWN, OTHER_SITE_ID } from './budget-fixture.ts';

const SETTINGS: BudgetSettings = { period: 'month', amountMicroCents: 100, action: 'refuse' };
/** Enough for a response of every model. */
const NEVER: BudgetSettings = { period: 'month', amountMicroCents: 100_000_000, action: 'never_exceed' };
const WORKSPACE: BudgetTarget = { workspaceId: WORKSPACE_ID };
const SITE: BudgetTarget = { siteId: SITE_ID };

const set = async (
  given: Parameters<typeof budgetWorld>[0] = {},
  settings: Partial<BudgetSettings> = {},
  target: BudgetTarget = WORKSPACE,
) => {
  const world = budgetWorld(given);
  const result = await setBudget(world.ports)(CALLER, target, { ...SETTINGS, ...settings }).catch(
    (error: unknown) => error,
  );
  return { ...world, result };
};
const refused = async (...given: Parameters<typeof set>) => {
  const { result, log } = await set(...given);
  if (!(result instanceof BrokerError)) throw result;
  return { refusal: result.code, details: result.details, log };
};

describe('a new budget', () => {
  it('starts with the own-key costs of all sites since its period began', async () => {
    const days = [
      aDay('2026-11-01', 30),
      aDay('2026-11-22', 20, { siteId: OTHER_SITE_ID }),
      aDay('2026-11-23', 99, { mode: 'managed' }),
    ];
    const { result, state, log } = await set({ days });
    expect(log).toContainEqual(['read days', '2026-11-01', '2026-11-23']);
    expect(state.budget).toEqual(
      aBudget({
        ...SETTINGS,
        spentMicroCents: 50,
        remainingMicroCents: 50,
        createdAt: NOW.toISOString(),
        changedBy: 'admin',
      }),
    );
    expect(result).toMatchObject({ budget: { spentMicroCents: 50, periodName: '2026-11' } });
  });

  it('for one site counts only that site', async () => {
    const days = [aDay('2026-11-01', 30), aDay('2026-11-22', 20, { siteId: OTHER_SITE_ID })];
    const { state } = await set({ days }, {}, SITE);
    expect(state.budget).toMatchObject({ siteId: SITE_ID, spentMicroCents: 30, remainingMicroCents: 70 });
  });

  it('for a day starts with the local day, and counts an overlapping UTC day in full', async () => {
    const workspace = aWorkspace({ timeZone: 'Pacific/Auckland' });
    const { state, log } = await set({ workspace, days: [aDay('2026-11-23', 10)] }, { period: 'day' });
    expect(log).toContainEqual(['read days', '2026-11-23', '2026-11-23']);
    expect(state.budget).toMatchObject({ periodName: '2026-11-24', spentMicroCents: 10 });
  });

  it.each([
    ['workspace', WORKSPACE, undefined],
    ['site', SITE, SITE_ID],
  ])('of a %s records an event with its settings', async (scope, target, siteId) => {
    const { events } = await set({}, {}, target);
    expect(events).toEqual([
      {
        by: 'admin',
        type: 'budget.changed',
        workspaceId: WORKSPACE_ID,
        siteId,
        facts: { scope, period: 'month', action: 'refuse', amount_micro_cents: 100 },
      },
    ]);
  });

  it('that is already spent ends the live calls at once, and sends each notice once', async () => {
    const { log } = await set({ days: [aDay('2026-11-01', 100)] }, { action: 'end_calls' });
    const scope = { workspaceId: WORKSPACE_ID, ownKeys: true, siteId: null };
    expect(log.slice(1)).toEqual([
      ['put'],
      ['end calls', scope, 0],
      ['end calls', scope, 30],
      ['note calls ended'],
      ['notice', 50],
      ['notice', 80],
      ['notice', 100],
    ]);
  });
});

describe('a change of a budget', () => {
  const stored = aBudget({
    action: 'notify',
    spentMicroCents: 60,
    reservedMicroCents: 10,
    remainingMicroCents: 30,
    notices: { 50: 'then' },
    callsEndedAt: 'then',
    revision: 7,
  });

  it('keeps its counts, and computes the remaining amount from them', async () => {
    const { state, log } = await set({ stored }, { amountMicroCents: 1_000 });
    expect(log).toEqual([['change']]);
    expect(state.budget).toEqual({
      ...stored,
      ...SETTINGS,
      amountMicroCents: 1_000,
      remainingMicroCents: 930,
      notices: {},
      callsEndedAt: null,
      changedBy: 'admin',
      revision: 8,
    });
  });

  it('to another action sends no notice again', async () => {
    const { state, log } = await set({ stored });
    expect(state.budget?.notices).toEqual({ 50: 'then' });
    expect(log).toEqual([['change']]);
  });

  it('to less than the spent amount takes effect at once', async () => {
    const { log } = await set({ stored }, { amountMicroCents: 50, action: 'end_calls' });
    expect(log.map(([step]) => step)).toEqual([
      'change',
      'end calls',
      'end calls',
      'note calls ended',
      'notice',
      'notice',
      'notice',
    ]);
  });

  it('after its period has ended starts the current period at zero', async () => {
    const { state, log } = await set({ stored: { ...stored, periodName: '2026-10' } });
    expect(log).toEqual([['put']]);
    expect(state.budget).toMatchObject({
      periodName: '2026-11',
      spentMicroCents: 0,
      reservedMicroCents: 0,
      remainingMicroCents: 100,
      revision: 8,
    });
    expect(state.budget).not.toHaveProperty('storedPeriodName');
  });

  it('to another kind of period starts with the totals of that period, and keeps the reservations of live responses', async () => {
    const { state, log } = await set({ stored, days: [aDay('2026-11-23', 40)] }, { period: 'day' });
    expect(log[0]).toEqual(['read days', '2026-11-23', '2026-11-23']);
    expect(state.budget).toMatchObject({
      period: 'day',
      periodName: '2026-11-23',
      spentMicroCents: 40,
      reservedMicroCents: 10,
      remainingMicroCents: 50,
      revision: 8,
    });
  });

  it.each([
    [7, 'done'],
    [8, 'version_conflict'],
  ])('during %i other writes ends as %s', async (races, outcome) => {
    const world = budgetWorld({ stored });
    const { budgets } = world.ports;
    let lost = 0;
    const changeBudget: typeof budgets.changeBudget = async (...write) => {
      if (++lost <= races) throw new ConflictError();
      await budgets.changeBudget(...write);
    };
    const run = setBudget({ ...world.ports, budgets: { ...budgets, changeBudget } })(
      CALLER,
      WORKSPACE,
      SETTINGS,
    );
    expect(await outcomeOf(run)).toBe(outcome);
    expect(lost).toBe(8);
  });

  it.each([
    ['as it was read', stored.changedAt, 'done'],
    ['that was changed meanwhile', '2026-11-22T00:00:00.000Z', 'changed_meanwhile'],
    ['of which nothing was read', null, 'changed_meanwhile'],
  ])('to a budget %s (%s) ends as %s', async (_, expected, outcome) => {
    const { ports, state, log } = budgetWorld({ stored });
    expect(await outcomeOf(setBudget(ports)(CALLER, WORKSPACE, SETTINGS, expected))).toBe(outcome);
    expect(state.budget === stored).toBe(outcome !== 'done');
    expect(log.length).toBe(outcome === 'done' ? 1 : 0);
  });

  it('does not set a removed budget again, but sets a new one if none was read', async () => {
    const { ports, state } = budgetWorld();
    const run = (expected: string | null) => setBudget(ports)(CALLER, WORKSPACE, SETTINGS, expected);
    expect(await outcomeOf(run(stored.changedAt))).toBe('changed_meanwhile');
    expect(state.budget).toBeUndefined();
    expect(await outcomeOf(run(null))).toBe('done');
  });

  it('is refused after a change by another person, and does not replace it in the next attempt', async () => {
    const world = budgetWorld({ stored });
    const { budgets } = world.ports;
    const theirs = { ...stored, amountMicroCents: 5_000, changedAt: '2026-11-23T12:00:09.000Z', revision: 8 };
    const changeBudget: typeof budgets.changeBudget = async (...write) => {
      if (world.state.budget === stored) {
        world.state.budget = theirs;
        throw new ConflictError();
      }
      await budgets.changeBudget(...write);
    };
    const ports = { ...world.ports, budgets: { ...budgets, changeBudget } };
    const run = setBudget(ports)(CALLER, WORKSPACE, SETTINGS, stored.changedAt);
    expect(await outcomeOf(run)).toBe('changed_meanwhile');
    expect(world.state.budget).toBe(theirs);
  });

  it('fails if the store fails', async () => {
    const { ports } = budgetWorld();
    const budgets = { ...ports.budgets, putBudget: () => Promise.reject(DOWN) };
    const run = setBudget({ ...ports, budgets })(CALLER, WORKSPACE, SETTINGS);
    expect(await outcomeOf(run)).toBe(DOWN);
  });
});

describe('a budget that must be enforceable', () => {
  it('is refused if the platform pays', async () => {
    const workspace = aWorkspace({ billingMode: 'managed' });
    expect(await refused({ workspace })).toMatchObject({ refusal: 'budget_needs_own_key', log: [] });
  });

  it('is refused with the name of each site whose control is too weak, on any page of the list', async () => {
    const sites = [
      aSite({ name: 'strict', control: 'locked' }),
      aSite({ name: 'enough', control: 'brokered' }),
      aSite({ name: 'weak', control: 'open' }),
    ];
    const { refusal, details, log } = await refused({ sites }, { action: 'end_calls' });
    expect(refusal).toBe('control_required');
    expect(details).toEqual([
      { path: 'control', message: 'The action end_calls needs brokered; weak has open.' },
    ]);
    expect(log).toEqual([]);
  });

  it('for one site depends only on that site', async () => {
    const sites = [aSite({ control: 'brokered' }), aSite({ siteId: OTHER_SITE_ID, control: 'open' })];
    expect((await set({ sites }, { action: 'end_calls' }, SITE)).log).toContainEqual(['put']);
  });

  it.each([
    ['end_calls', false],
    ['never_exceed', false],
  ] as const)('with %s is refused if the setting watchesCalls is %s', async (action, watchesCalls) => {
    const sites = [aSite({ control: 'locked' })];
    expect(await refused({ sites, watchesCalls }, { action })).toMatchObject({
      refusal: 'watch_required',
      log: [],
    });
  });

  it('with never_exceed is refused with the name of each site whose model has no known price', async () => {
    const sites = [
      aSite({ control: 'locked' }),
      aSite({ name: 'new', control: 'locked', model: 'gpt-next' }),
    ];
    expect(await refused({ sites }, { ...NEVER })).toEqual({
      refusal: 'price_required',
      details: [{ path: 'model', message: 'The price of gpt-next, the model of new, is not known.' }],
      log: [],
    });
  });

  it('with never_exceed is refused if the transcription model has no known price', async () => {
    const transcription = { model: 'whisper-1', language: null } as const;
    const sites = [aSite({ control: 'locked', conversation: { ...DEFAULT_CONVERSATION, transcription } })];
    expect(await refused({ sites }, NEVER)).toMatchObject({
      refusal: 'price_required',
      details: [{ path: 'conversation.transcription' }],
      log: [],
    });
  });

  it('with never_exceed is refused below the highest cost of one response, and the error names this cost', async () => {
    const sites = [aSite({ control: 'locked', instructions: '' })];
    const { refusal, details, log } = await refused({ sites }, { ...NEVER, amountMicroCents: 10_147_999 });
    expect({ refusal, log }).toEqual({ refusal: 'invalid_request', log: [] });
    expect(details).toEqual([
      {
        path: 'amount_usd',
        message: 'never_exceed needs at least 0.11: the highest possible cost of one response.',
      },
    ]);
    expect((await set({ sites }, { ...NEVER, amountMicroCents: 10_148_000 })).log).toContainEqual(['put']);
    // A response to the first message reads it alongside the instructions.
    const firstMessage = { type: 'instructions', text: 'Greet.' } as const;
    const greeting = [
      aSite({ control: 'locked', instructions: '', conversation: { ...DEFAULT_CONVERSATION, firstMessage } }),
    ];
    expect(await refused({ sites: greeting }, { ...NEVER, amountMicroCents: 10_148_000 })).toMatchObject({
      refusal: 'invalid_request',
    });
  });

  it('with never_exceed ends every live call before it is saved, and no call when only its amount changes', async () => {
    const sites = [aSite({ control: 'locked' })];
    const { log, state } = await set({ sites }, NEVER);
    const scope = {
      workspaceId: WORKSPACE_ID,
      ownKeys: true,
      siteId: null,
      reservingSince: NOW.toISOString(),
    };
    expect(log.filter(([step]) => step !== 'read days')).toEqual([
      ['end calls', scope, 0],
      ['end calls', scope, 30],
      ['put'],
    ]);
    const changed = await set(
      { sites, stored: state.budget ?? null },
      { ...NEVER, amountMicroCents: 2 * NEVER.amountMicroCents },
    );
    expect(changed.log).toEqual([['change']]);
  });

  it.each(['notify', 'refuse'] as const)(
    'with %s is allowed even if the stage does not watch calls',
    async (action) => {
      expect((await set({ watchesCalls: false }, { action })).log).toContainEqual(['put']);
    },
  );
});

describe('the person who sets a budget', () => {
  it.each([
    ['of the workspace', WORKSPACE],
    ['of a site', SITE],
  ])('%s must be an admin', async (_, target) => {
    expect(await refused({ role: 'viewer' }, {}, target)).toMatchObject({ refusal: 'forbidden', log: [] });
  });

  it('finds no site of another workspace', async () => {
    const { refusal } = await refused({}, {}, { siteId: OTHER_SITE_ID });
    expect(refusal).toBe('site_not_found');
  });

  it('is named in the budget, with the time', async () => {
    const { state } = await set();
    expect(state.budget).toMatchObject({ changedBy: 'admin', changedAt: NOW.toISOString(), revision: 1 });
  });
});
