import { expect, it } from '@jest/globals';
import type { DataOf } from '../../../web/dashboard/src/api/routes.ts';
import { minutesFor, pastRate, typicalRate } from '../../../web/dashboard/src/budgets/buys.ts';

const sum = { seconds: 600, cost_cents: 100, unpriced_sessions: 0 };

it('a minute costs what the minutes of the past have cost, and an amount buys whole minutes of it', () => {
  const rate = pastRate(sum);
  expect(rate).toEqual({ centsPerMinute: 10, source: 'past' });
  expect(rate && minutesFor(50, rate)).toBe(500);
  expect(rate && minutesFor(0.19, rate)).toBe(1);
});

it('the past says nothing about a minute where it is short, cost nothing, or lacks the cost of a session', () => {
  expect(pastRate(undefined)).toBeUndefined();
  for (const facts of [{ seconds: 599 }, { cost_cents: 0 }, { unpriced_sessions: 1 }])
    expect(pastRate({ ...sum, ...facts })).toBeUndefined();
});

it('a minute of a typical conversation costs its share of that conversation', () => {
  const estimate = { model: 'gpt-realtime-2.1', per_session: { minutes: 5, cost_cents: 60 } };
  expect(typicalRate(estimate as DataOf<'estimateCost'>)).toEqual({
    centsPerMinute: 12,
    source: { model: 'gpt-realtime-2.1' },
  });
});
