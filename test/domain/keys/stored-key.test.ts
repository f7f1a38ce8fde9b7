import { describe, expect, it } from '@jest/globals';
import {
  assertWellFormed,
  isWellFormed,
  SealedKeyUnreadableError,
} from '../../../lambdas/domain/keys/sealed-key.ts';
import {
  damagedSealedKey,
  isLive,
  isRetained,
  type KeyActivity,
  type LiveKey,
  nextVersionOf,
  type RetainedKey,
  revisionOf,
  type StoredKey,
  versionState,
  maskedViewOf as viewAt,
} from '../../../lambdas/domain/keys/stored-key.ts';
import { damagedVerdict, type Verdict } from '../../../lambdas/domain/keys/verdict.ts';
import { newDataKey, SITE_IDENTITY } from './sealed-key-fixture.ts';

const good: Verdict = {
  ok: true,
  code: 'ok',
  message: 'The key works.',
  checkedAt: '2026-11-01T00:00:00.000Z',
  latencyMs: 120,
};
const undecided: Verdict = { ...good, ok: false, code: 'timeout', checkedAt: '2026-11-02T00:00:00.000Z' };
const laterGood: Verdict = { ...good, checkedAt: '2026-11-03T00:00:00.000Z' };
const laterBad: Verdict = {
  ...good,
  ok: false,
  code: 'key_invalid',
  checkedAt: '2026-11-04T00:00:00.000Z',
};

const dataKey = newDataKey();
const sealed: LiveKey['sealed'] = {
  ...SITE_IDENTITY,
  format: 1,
  algorithm: 'AES-256-GCM',
  kmsKeyArn: dataKey.kmsKeyArn,
  wrappedDataKey: dataKey.wrapped,
  iv: Buffer.alloc(12, 1),
  tag: Buffer.alloc(16, 2),
  commitment: Buffer.alloc(32, 3),
  ciphertext: Buffer.alloc(164, 4),
};
const born = { createdAt: '2026-11-01T00:00:01.000Z', createdBy: 'owner|1' };
const touched = {
  revision: 12,
  lastVersion: 9,
  changedAt: '2026-11-05T00:00:00.000Z',
  changedBy: 'owner|2',
};
const live = (state: LiveKey['state'] = 'active', verdict = good): LiveKey => ({
  ...touched,
  ...born,
  state,
  sealed,
  verdict,
  previousVersion: null,
});
const deleted: StoredKey = { ...touched, state: 'deleted' };
const VERSION = SITE_IDENTITY.version;
const tested = (verdict: Verdict, version = VERSION): Partial<KeyActivity> => ({
  test: { version, verdict },
  ...(verdict.ok && { verified: { version, at: verdict.checkedAt } }),
});
const USED_AT = '2026-11-10T00:00:00.000Z';
const activity = (facts: Partial<KeyActivity> = {}): KeyActivity => ({
  used: { version: VERSION, at: USED_AT },
  verified: null,
  test: null,
  unreadableVersion: null,
  unreadableAt: null,
  degraded: null,
  ...facts,
});

const NOW = new Date('2026-11-23T12:00:00.000Z');
const maskedViewOf = (key: Parameters<typeof viewAt>[0], activity: Parameters<typeof viewAt>[1]) =>
  viewAt(key, activity, NOW);

describe('the key state that an owner sees', () => {
  it('is active if OpenAI accepted the key', () => {
    expect(maskedViewOf(live(), undefined).state).toBe('active');
    expect(maskedViewOf(live(), activity()).state).toBe('active');
  });

  it('is unverified if OpenAI could not judge the key, until a later test succeeds', () => {
    expect(maskedViewOf(live('active', undecided), undefined).state).toBe('unverified');
    expect(maskedViewOf(live('active', undecided), activity(tested(laterGood))).state).toBe('active');
  });

  it('is degraded until the given time, only for the reported version, and never hides a worse state', () => {
    const degraded = (until: string, version = VERSION) => activity({ degraded: { version, until } });
    const later = '2026-11-23T12:00:00.001Z';
    expect(maskedViewOf(live(), degraded(later)).state).toBe('degraded');
    expect(maskedViewOf(live(), degraded(NOW.toISOString())).state).toBe('active');
    expect(maskedViewOf(live(), degraded(later, VERSION - 1)).state).toBe('active');
    expect(maskedViewOf(live('suspended'), degraded(later)).state).toBe('suspended');
    expect(maskedViewOf(live(), { ...degraded(later), unreadableVersion: VERSION }).state).toBe(
      'needs_reentry',
    );
  });

  it('is unverified if a later test failed', () => {
    expect(maskedViewOf(live(), activity(tested(laterBad))).state).toBe('unverified');
  });

  it('is needs_reentry after the record could not be opened, even with a good verdict', () => {
    expect(maskedViewOf(live(), activity({ unreadableVersion: VERSION })).state).toBe('needs_reentry');
    expect(maskedViewOf(live(), activity({ ...tested(laterGood), unreadableVersion: VERSION })).state).toBe(
      'needs_reentry',
    );
  });

  it('is suspended in every case: nothing hides a kill switch', () => {
    expect(maskedViewOf(live('suspended'), undefined).state).toBe('suspended');
    expect(maskedViewOf(live('suspended', undecided), activity({ unreadableVersion: VERSION })).state).toBe(
      'suspended',
    );
  });
});

describe('the activity of another key version', () => {
  it.each([SITE_IDENTITY.version - 1, SITE_IDENTITY.version + 1, 0])(
    'does not affect the current version: version %p',
    (version) => {
      const foreign = activity({
        ...tested(laterBad, version),
        unreadableVersion: version,
        used: { version, at: USED_AT },
        verified: { version, at: laterGood.checkedAt },
      });
      const view = maskedViewOf(live(), foreign);
      expect(view.state).toBe('active');
      expect(view.verdict).toEqual(good);
      expect(view.lastVerifiedAt).toBe(good.checkedAt);
      expect(view.lastUsedAt).toBeNull();
    },
  );

  it('does not hide the activity of the current version', () => {
    const testedBefore = { ...tested(laterGood, VERSION - 1), unreadableVersion: VERSION };
    expect(maskedViewOf(live(), activity(testedBefore)).state).toBe('needs_reentry');
    const unreadableBefore = { ...tested(laterBad), unreadableVersion: VERSION - 1 };
    expect(maskedViewOf(live(), activity(unreadableBefore)).state).toBe('unverified');
  });
});

describe('the time of the last verification of a key', () => {
  it('is the time of the latest good verdict', () => {
    expect(maskedViewOf(live(), undefined).lastVerifiedAt).toBe(good.checkedAt);
    expect(maskedViewOf(live(), activity(tested(laterGood))).lastVerifiedAt).toBe(laterGood.checkedAt);
  });

  it('is unchanged when a later test fails, although the later verdict is shown', () => {
    const view = maskedViewOf(live(), activity(tested(laterBad)));
    expect(view.lastVerifiedAt).toBe(good.checkedAt);
    expect(view.verdict).toEqual(laterBad);
    const goodBefore = { ...tested(laterBad), verified: { version: VERSION, at: laterGood.checkedAt } };
    expect(maskedViewOf(live(), activity(goodBefore)).lastVerifiedAt).toBe(laterGood.checkedAt);
  });

  it('is null for a key that was never verified', () => {
    expect(maskedViewOf(live('active', undecided), undefined).lastVerifiedAt).toBeNull();
    expect(maskedViewOf(live('active', undecided), activity(tested(laterBad))).lastVerifiedAt).toBeNull();
  });
});

describe('the masked view of a key', () => {
  it('has exactly the fields that owners may see', () => {
    expect(maskedViewOf(live(), activity())).toEqual({
      scope: 'site',
      masked: SITE_IDENTITY.masked,
      version: SITE_IDENTITY.version,
      state: 'active',
      createdAt: born.createdAt,
      createdBy: born.createdBy,
      lastUsedAt: USED_AT,
      lastVerifiedAt: good.checkedAt,
      verdict: good,
    });
  });

  it('contains no ciphertext, no wrapped data key and no fingerprint', () => {
    const view = JSON.stringify(maskedViewOf(live(), activity()));
    expect(view).not.toContain(SITE_IDENTITY.fingerprint);
    expect(view).not.toContain(dataKey.wrapped.toString().slice(0, 8));
    expect(view).not.toContain('"type":"Buffer"');
    expect(view).not.toContain('arn:');
  });

  it('has no last use if the key was never used', () => {
    expect(maskedViewOf(live(), undefined).lastUsedAt).toBeNull();
    expect(maskedViewOf(live(), activity({ used: null })).lastUsedAt).toBeNull();
  });
});

describe('a damaged key record', () => {
  const damaged = damagedSealedKey({ ...SITE_IDENTITY });

  it('cannot be opened, and keeps the address at which it was found', () => {
    expect(isWellFormed(damaged)).toBe(false);
    expect(() => assertWellFormed(damaged)).toThrow(SealedKeyUnreadableError);
    const { scope, scopeId, workspaceId, version } = SITE_IDENTITY;
    expect(damaged).toMatchObject({ scope, scopeId, workspaceId, version });
  });

  it('is shown as needs_reentry before anyone tries to open it, without any part of a key', () => {
    const view = maskedViewOf(
      { ...live(), sealed: damaged, verdict: damagedVerdict(born.createdAt) },
      undefined,
    );
    expect(view).toMatchObject({ state: 'needs_reentry', masked: 'sk-...????', lastVerifiedAt: null });
    expect(view.verdict).toMatchObject({ ok: false, code: 'record_damaged' });
  });

  it('stays suspended if it was suspended', () => {
    expect(maskedViewOf({ ...live('suspended'), sealed: damaged }, undefined).state).toBe('suspended');
  });
});

describe('the version and revision counters', () => {
  it('begin at a scope without a key, and survive a deletion, so that no version is repeated', () => {
    expect([revisionOf(undefined), nextVersionOf(undefined)]).toEqual([0, 1]);
    expect([revisionOf(live()), nextVersionOf(live())]).toEqual([12, 10]);
    expect([revisionOf(deleted), nextVersionOf(deleted)]).toEqual([12, 10]);
  });
});

describe('the state of a key version', () => {
  const until = Date.parse('2026-11-06T00:00:00.000Z') / 1_000;
  const kept: RetainedKey = {
    ...born,
    sealed: { ...sealed, version: 6 },
    verdict: good,
    retainedUntil: until,
  };
  const before = new Date(until * 1_000 - 1);
  const at = new Date(until * 1_000);

  it('is current for the version of the current key, also while the key is suspended', () => {
    expect(versionState(VERSION, live(), [kept], before)).toBe('current');
    expect(versionState(VERSION, live('suspended'), [kept], before)).toBe('current');
  });

  it('is retained until the last millisecond before its time, and then shredded', () => {
    expect([isRetained(kept, before), isRetained(kept, at)]).toEqual([true, false]);
    expect(versionState(6, live(), [kept], before)).toBe('retained');
    expect(versionState(6, live(), [kept], at)).toBe('shredded');
  });

  it('is shredded for every other version, for a deleted key, and without a key', () => {
    expect(versionState(5, live(), [kept], before)).toBe('shredded');
    expect(versionState(VERSION, deleted, [], before)).toBe('shredded');
    expect(versionState(VERSION, undefined, [], before)).toBe('shredded');
  });
});

describe('isLive', () => {
  it('is true only for active and suspended keys', () => {
    expect(isLive(live())).toBe(true);
    expect(isLive(live('suspended'))).toBe(true);
    expect(isLive(deleted)).toBe(false);
    expect(isLive(undefined)).toBe(false);
  });
});
