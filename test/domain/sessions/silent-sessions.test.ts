import { describe, expect, it } from '@jest/globals';
import { isUnreported, silentDayOf } from '../../../lambdas/domain/sessions/silent-sessions.ts';
import { aSessionUsage } from './session-usage-fixture.ts';

describe('A session counts as unreported', () => {
  const silent = { ...aSessionUsage({ mode: 'managed' }), silent: true };

  it('when it was closed for silence and no signed request ever came', () => {
    expect(isUnreported(silent)).toBe(true);
  });

  it.each([
    ['while it may still report', { silent: false }],
    ['after a single request, even one whose reports cannot be true', { pace: { minute: 1, requests: 1 } }],
    ['on a key of the owner', { mode: 'byok' as const }],
    ['as a call, which the broker can end', { openedWith: 'call' as const }],
  ])('never %s', (_, facts) => {
    expect(isUnreported({ ...silent, ...facts })).toBe(false);
  });
});

it('The day of a session is that of UTC', () => {
  expect(silentDayOf(new Date('2026-11-23T23:59:59.999Z'))).toBe('2026-11-23');
});
