import { describe, expect, it } from '@jest/globals';
import { holdUsedUp, wantedHoldSeconds } from '../../../lambdas/domain/sessions/hold.ts';
import { aSessionUsage, connected, ended, heartbeat, onTime, take } from './session-usage-fixture.ts';

const usageAfter = (seconds: number, { hold = 120, longest = 600, isEnded = false } = {}) =>
  take(
    aSessionUsage({ holdSeconds: hold, maxDurationSeconds: longest }),
    onTime([connected(0), isEnded ? ended(seconds) : heartbeat(seconds)]),
  ).usage;

describe('the seconds that a session of a hard-capped plan should hold', () => {
  it.each([
    { used: 60, wanted: 120, because: 'sixty seconds of the hold are left' },
    { used: 61, wanted: 181, because: 'less than sixty seconds are left' },
    { used: 150, wanted: 270, because: 'the hold is passed' },
    { used: 550, wanted: 600, because: 'the session may last no longer' },
    { used: 620, wanted: 600, because: 'overtime is not held' },
  ])('are $wanted after $used seconds with a hold of 120: $because', ({ used, wanted }) => {
    expect(wantedHoldSeconds(usageAfter(used))).toBe(wanted);
  });

  it.each([
    { used: 100, wanted: 120 },
    { used: 150, wanted: 150 },
    { used: 620, wanted: 600 },
  ])(
    'are the $used used ones of a session that has ended, between its hold and its longest duration',
    ({ used, wanted }) => {
      expect(wantedHoldSeconds(usageAfter(used, { isEnded: true }))).toBe(wanted);
    },
  );

  it('are none if the session holds none', () => {
    expect(wantedHoldSeconds(usageAfter(500, { hold: 0 }))).toBe(0);
  });
});

describe('a used-up hold', () => {
  it.each([
    { used: 119, hold: 120, isUsedUp: false },
    { used: 120, hold: 120, isUsedUp: true },
    { used: 600, hold: 600, isUsedUp: false },
    { used: 300, hold: 0, isUsedUp: false },
  ])('of $hold seconds after $used seconds of a session of 600: $isUsedUp', ({ used, hold, isUsedUp }) => {
    expect(holdUsedUp(usageAfter(used, { hold }))).toBe(isUsedUp);
  });
});
