import { expect, it } from '@jest/globals';
import { seriesTotals } from '../../../web/dashboard/src/usage/chart-totals.ts';

it('the totals of a chart are the sums of its series, even if a series has no value for a day', () => {
  const points = [
    { x: 'Nov 1', a: 1, b: 2.5 },
    { x: 'Nov 2', a: 3 },
  ];
  expect(seriesTotals(points, [{ id: 'b' }, { id: 'a' }])).toEqual([2.5, 4]);
  expect(seriesTotals([], [{ id: 'a' }])).toEqual([0]);
});
