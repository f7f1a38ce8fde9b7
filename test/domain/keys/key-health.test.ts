import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  brokerErrorOfDegradation,
  DEGRADED_SECONDS,
  DEGRADING_FAILURES,
  degradationOf,
  degradedUntil,
  type KeyHealth,
  newKeyHealth,
  withReport,
  withSuccess,
} from '../../../lambdas/domain/keys/key-health.ts';
import type { OpenAiFailureName } from '../../../lambdas/domain/openai-failure.ts';

const NOON = Date.parse('2026-11-23T12:00:00Z');
const at = (seconds: number): Date => new Date(NOON + seconds * 1_000);

const reported = (
  reports: readonly (readonly [seconds: number, visitor: string, failure?: OpenAiFailureName])[],
  health: KeyHealth = newKeyHealth(1),
  version = 1,
): KeyHealth =>
  reports.reduce(
    (state, [seconds, ipHash, failure = 'quota_exhausted']) =>
      withReport(state, { version, ipHash, failure }, at(seconds)),
    health,
  );

const THREE = [
  [0, 'a'],
  [10, 'b'],
  [20, 'c'],
] as const;

describe('a key', () => {
  it('is degraded after reports of three visitors, and not of two', () => {
    expect(degradationOf(reported(THREE.slice(0, 2)), 1, at(20))).toBeUndefined();
    expect(degradationOf(reported(THREE), 1, at(20))).toEqual({
      failure: 'quota_exhausted',
      until: at(20 + DEGRADED_SECONDS),
    });
  });

  it('is degraded for one minute, however often the same visitors repeat their reports', () => {
    const repeats = Array.from({ length: 30 }, (_, i) => [30 + i * 10, 'abc'.charAt(i % 3)] as const);
    expect(degradationOf(reported([...THREE, ...repeats]), 1, at(330))?.until).toEqual(
      at(20 + DEGRADED_SECONDS),
    );
  });

  it('is never degraded by the reports of fewer than three visitors', () => {
    const floods = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 5_000 }),
        fc.constantFrom('a', 'b'),
        fc.constantFrom(...DEGRADING_FAILURES),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(floods, (flood) => {
        const inTime = flood.toSorted(([one], [other]) => one - other);
        const last = inTime.at(-1)?.[0] ?? 0;
        expect(degradationOf(reported(inTime), 1, at(last))).toBeUndefined();
      }),
      { seed: 5 },
    );
  });

  it('is degraded only by reports within ten minutes of each other', () => {
    const spread = (last: number) =>
      reported([
        [0, 'a'],
        [300, 'b'],
        [last, 'c'],
      ]);
    expect(degradationOf(spread(599), 1, at(599))).toBeDefined();
    expect(degradationOf(spread(600), 1, at(600))).toBeUndefined();
  });

  it.each(['key_invalid', 'upstream_error', 'timeout', 'wrong_region'] as const)(
    'is never degraded by %s, which the mint shows itself or which passes without a change',
    (failure) => {
      const health = reported([
        [0, 'a', failure],
        [1, 'b', failure],
        [2, 'c', failure],
      ]);
      expect(health).toEqual(newKeyHealth(1));
    },
  );

  it('is degraded with the failure of the latest report', () => {
    const health = reported([
      [0, 'a'],
      [1, 'b'],
      [2, 'c', 'rate_limited'],
    ]);
    expect(degradationOf(health, 1, at(2))?.failure).toBe('rate_limited');
  });
});

describe('a degraded key', () => {
  it('refuses sessions for a minute, and then allows one as a trial', () => {
    const degradation = degradationOf(reported(THREE), 1, at(20));
    if (degradation === undefined) throw new Error('Not degraded.');
    expect(brokerErrorOfDegradation(degradation, at(79.999))).toMatchObject({
      code: 'openai_quota_exhausted',
    });
    expect(brokerErrorOfDegradation(degradation, at(80))).toBeUndefined();
  });

  it('refuses with a wait in whole seconds', () => {
    const limited = reported(THREE.map(([seconds, visitor]) => [seconds, visitor, 'rate_limited'] as const));
    const degradation = degradationOf(limited, 1, at(20));
    if (degradation === undefined) throw new Error('Not degraded.');
    expect(brokerErrorOfDegradation(degradation, at(30.5))).toMatchObject({
      code: 'busy',
      retryAfterSeconds: 50,
    });
  });

  it.each([
    ['quota_exhausted', 'openai_quota_exhausted'],
    ['spend_limit_reached', 'openai_quota_exhausted'],
    ['billing_inactive', 'openai_quota_exhausted'],
    ['model_unavailable', 'openai_key_rejected'],
    ['account_deactivated', 'openai_key_rejected'],
  ] as const)('refuses with a wait in whole seconds for %s', (failure, code) => {
    const degradation = { failure, until: at(80) };
    expect(brokerErrorOfDegradation(degradation, at(30.5))).toMatchObject({ code, retryAfterSeconds: 50 });
  });

  it('works again at once after a successful session', () => {
    const health = withSuccess(reported(THREE), 1, at(30));
    expect(degradationOf(health, 1, at(30))).toBeUndefined();
    // Its reports are disproved: three new ones are needed.
    expect(degradationOf(reported([[31, 'd']], health), 1, at(31))).toBeUndefined();
    expect(
      degradationOf(
        reported(
          [
            [31, 'd'],
            [32, 'e'],
          ],
          health,
        ),
        1,
        at(32),
      ),
    ).toBeUndefined();
    expect(
      degradationOf(
        reported(
          [
            [31, 'd'],
            [32, 'e'],
            [33, 'f'],
          ],
          health,
        ),
        1,
        at(33),
      ),
    ).toBeDefined();
  });

  it('is shown to its owner until ten minutes after the latest report', () => {
    const degradation = degradationOf(reported(THREE), 1, at(20));
    if (degradation === undefined) throw new Error('Not degraded.');
    expect(degradedUntil(degradation)).toEqual(at(620));
  });

  it('keeps its reports after a successful session, which also disproves the reports of the same millisecond', () => {
    const before = reported(THREE);
    const health = withSuccess(before, 1, at(20));
    expect(health).toEqual({ ...before, workedAtMs: at(20).getTime() });
    const again = reported(
      [
        [20, 'd'],
        [21, 'e'],
        [22, 'f'],
      ],
      health,
    );
    expect(degradationOf(again, 1, at(22))).toBeUndefined();
  });

  it('works again when nobody reports any more', () => {
    expect(degradationOf(reported(THREE), 1, at(609))).toBeUndefined();
  });

  it('works again when it is replaced, and late reports on the replaced key are ignored', () => {
    const health = reported(THREE);
    expect(degradationOf(health, 2, at(20))).toBeUndefined();
    const renewed = reported([[21, 'd']], health, 2);
    expect(renewed).toMatchObject({ version: 2, reports: [{ ipHash: 'd' }], revision: health.revision });
    expect(withReport(renewed, { version: 1, ipHash: 'e', failure: 'quota_exhausted' }, at(22))).toBe(
      renewed,
    );
  });
});

describe('the health record of a key', () => {
  it('is not written for a successful session if nothing was reported', () => {
    const health = newKeyHealth(1);
    expect(health).toEqual({ version: 1, reports: [], workedAtMs: null, revision: 0 });
    expect(withSuccess(health, 1, at(0))).toBe(health);
    const old = reported(THREE);
    expect(withSuccess(old, 1, at(1_000))).toBe(old);
    expect(withSuccess(old, 2, at(21))).toBe(old);
  });

  it('holds at most twelve reports, the latest one of each visitor', () => {
    const health = reported(Array.from({ length: 30 }, (_, i) => [i, `visitor ${i % 20}`] as const));
    expect(health.reports).toHaveLength(12);
    expect(new Set(health.reports.map(({ ipHash }) => ipHash)).size).toBe(12);
    expect(health.reports.at(-1)).toEqual({
      ipHash: 'visitor 9',
      failure: 'quota_exhausted',
      atMs: at(29).getTime(),
    });
  });
});
