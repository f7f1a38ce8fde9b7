import { describe, expect, it } from '@jest/globals';
import type { CurrentBudget } from '../../../lambdas/domain/budgets/budget.ts';
import {
  budgetCharges,
  isReservationId,
  type ResponseReservation,
  reservingBudget,
  sameReservations,
} from '../../../lambdas/domain/budgets/response-reservation.ts';
import { aBudget } from '../../use-cases/budgets/budget-fixture.ts';

const budget = (facts: Partial<CurrentBudget> = {}): CurrentBudget => ({
  ...aBudget({ createdAt: 'then' }),
  storedPeriodName: '2026-11',
  ...facts,
});
const reservation = (facts: Partial<ResponseReservation> = {}): ResponseReservation => ({
  id: 'one',
  microCents: 50,
  budgets: [reservingBudget(budget())],
  lost: false,
  ...facts,
});
const charge = (
  before: readonly ResponseReservation[],
  after: readonly ResponseReservation[],
  { cost = 0, of = budget() } = {},
) => {
  const [first] = budgetCharges([of], cost, before, after);
  return first && [first.spentMicroCents, first.reservedMicroCents];
};

describe('the charge to a budget', () => {
  it('reserves an amount, settles it at the real cost, or releases it', () => {
    expect(charge([], [reservation()])).toEqual([0, 50]);
    expect(charge([reservation()], [], { cost: 7 })).toEqual([7, -50]);
    expect(charge([reservation()], [])).toEqual([0, -50]);
    expect(charge([reservation()], [reservation()], { cost: 7 })).toEqual([7, 0]);
  });

  it('counts a lost reservation as spent until the real cost is known', () => {
    const lost = reservation({ lost: true });
    expect(charge([reservation()], [lost])).toEqual([50, -50]);
    expect(charge([lost], [], { cost: 7 })).toEqual([7 - 50, 0]);
  });

  it('changes only the period that reserved the response', () => {
    const later = { of: budget({ periodName: '2026-12' }) };
    expect(charge([reservation()], [], { cost: 7, ...later })).toEqual([0, 0]);
    expect(charge([reservation({ lost: true })], [], { cost: 7, ...later })).toEqual([0, 0]);
    expect(charge([reservation()], [reservation({ lost: true })], later)).toEqual([0, 0]);
    expect(charge([], [], { cost: 7, ...later })).toEqual([7, 0]);
  });

  it('subtracts nothing from a budget that was removed and set again', () => {
    expect(charge([reservation()], [], { cost: 7, of: budget({ createdAt: 'now' }) })).toEqual([7, 0]);
  });

  it('subtracts nothing from a budget that had reserved nothing', () => {
    const site = budget({ siteId: 'w'.repeat(24) as NonNullable<CurrentBudget['siteId']> });
    expect(charge([reservation()], [], { cost: 7, of: site })).toEqual([7, 0]);
  });
});

describe('the reservation of a response', () => {
  it('equals another only if budgets count both alike', () => {
    expect(sameReservations([reservation()], [reservation()])).toBe(true);
    expect(sameReservations([reservation()], [])).toBe(false);
    expect(sameReservations([reservation()], [reservation({ id: 'two' })])).toBe(false);
    expect(sameReservations([reservation()], [reservation({ lost: true })])).toBe(false);
  });

  it('has an ID of a fixed form that no other text of an event matches', () => {
    expect(isReservationId(`rsv_${'0a'.repeat(12)}`)).toBe(true);
    for (const text of ['', 'rsv_', 'rsv_zz', `rsv_${'0A'.repeat(12)}`, ` rsv_${'0a'.repeat(12)}`])
      expect(isReservationId(text)).toBe(false);
  });
});
