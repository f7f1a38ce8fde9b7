import { describe, expect, it } from '@jest/globals';
import { holdUsedUp, wantedHoldSeconds } from '../../../lambdas/domain/sessions/hold.ts';
import { aSessionUsage, connected, ended, heartbeat, onTime, take } from './session-usage-fixture.ts';

const usageAfter = (seconds: number, { hold = 120, longest = 600, isEnded = false } = {}) =>
  take(
    aSessionUsage({ holdSeconds: hold, maxDurationSeconds: longest }),
    onTime([connected(0), isEnded ? ended(seconds) : heartbeat(seconds)]),
  ).usage;

describe('the wanted hold of a session on a hard-capped plan', () => {
  it.each([
    { used: 60, wanted: 120, because: 'sixty seconds of the hold are left' },
    { used: 61, wanted: 181, because: 'less than sixty seconds are left' },
    { used: 150, wanted: 270, because: 'the hold is passed' },
    { used: 550, wanted: 600, because: 'the session may last no longer' },
    { used: 620, wanted: 600, because: 'overtime is not held' },
  ])('is $wanted after $used seconds with a hold of 120: $because', ({ used, wanted }) => {
    expect(wantedHoldSeconds(usageAfter(used))).toBe(wanted);
  });

  it.each([
    { used: 100, wanted: 120 },
    { used: 150, wanted: 150 },
    { used: 620, wanted: 600 },
  ])(
    'is $used seconds after the session has ended, within its hold and its longest duration',
    ({ used, wanted }) => {
      expect(wantedHoldSeconds(usageAfter(used, { isEnded: true }))).toBe(wanted);
    },
  );

  it('is zero if the session has no hold', () => {
    expect(wantedHoldSeconds(usageAfter(500, { hold: 0 }))).toBe(0);
  });
});

describe('the check for a used-up hold', () => {
  it.each([
    { used: 119, hold: 120, isUsedUp: false },
    { used: 120, hold: 120, isUsedUp: true },
    { used: 600, hold: 600, isUsedUp: false },
    { used: 300, hold: 0, isUsedUp: false },
  ])(
    'with $hold seconds after $used seconds of a session of 600 returns $isUsedUp',
    ({ used, hold, isUsedUp }) => {
      expect(holdUsedUp(usageAfter(used, { hold }))).toBe(isUsedUp);
    },
  );
});
