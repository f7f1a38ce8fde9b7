import { describe, expect, it } from '@jest/globals';
import { isUnreported, silentDayOf } from '../../../lambdas/domain/sessions/silent-sessions.ts';
import { aSessionUsage } from './session-usage-fixture.ts';

describe('a session', () => {
  const silent = { ...aSessionUsage({ mode: 'managed' }), silent: true };

  it('counts as unreported if it was closed for silence and never sent a signed request', () => {
    expect(isUnreported(silent)).toBe(true);
  });

  it.each([
    ['while it may still report', { silent: false }],
    ['after a single request, even one whose reports cannot be true', { pace: { minute: 1, requests: 1 } }],
    ['on a key of the owner', { mode: 'byok' as const }],
    ['as a call, which the broker can end', { openedWith: 'call' as const }],
  ])('never counts as unreported %s', (_, facts) => {
    expect(isUnreported({ ...silent, ...facts })).toBe(false);
  });
});

it('the day of a silent session is in UTC', () => {
  expect(silentDayOf(new Date('2026-11-23T23:59:59.999Z'))).toBe('2026-11-23');
});
