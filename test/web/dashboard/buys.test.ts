import { expect, it } from '@jest/globals';
import type { DataOf } from '../../../web/dashboard/src/api/routes.ts';
import { minutesFor, pastRate, typicalRate } from '../../../web/dashboard/src/budgets/buys.ts';

const sum = { seconds: 600, cost_cents: 100, unpriced_sessions: 0 };

it('the past minutes determine the price of a minute, and an amount buys whole minutes', () => {
  const rate = pastRate(sum);
  expect(rate).toEqual({ centsPerMinute: 10, source: 'past' });
  expect(rate && minutesFor(50, rate)).toBe(500);
  expect(rate && minutesFor(0.19, rate)).toBe(1);
});

it('the past minutes are not used if they are few, free, or lack the cost of a session', () => {
  expect(pastRate(undefined)).toBeUndefined();
  for (const facts of [{ seconds: 599 }, { cost_cents: 0 }, { unpriced_sessions: 1 }])
    expect(pastRate({ ...sum, ...facts })).toBeUndefined();
});

it('a minute of a typical conversation costs its share of the conversation', () => {
  const estimate = { model: 'gpt-realtime-2.1', per_session: { minutes: 5, cost_cents: 60 } };
  expect(typicalRate(estimate as DataOf<'estimateCost'>)).toEqual({
    centsPerMinute: 12,
    source: { model: 'gpt-realtime-2.1' },
  });
});
