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

describe('the state that an owner sees', () => {
  it('is active when OpenAI accepted the key', () => {
    expect(maskedViewOf(live(), undefined).state).toBe('active');
    expect(maskedViewOf(live(), activity()).state).toBe('active');
  });

  it('is unverified when OpenAI could not judge it, until a later test succeeds', () => {
    expect(maskedViewOf(live('active', undecided), undefined).state).toBe('unverified');
    expect(maskedViewOf(live('active', undecided), activity(tested(laterGood))).state).toBe('active');
  });

  it('is degraded until the time that reports of visitors named, of this version only, and never hides worse', () => {
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

  it('is unverified when a later test failed', () => {
    expect(maskedViewOf(live(), activity(tested(laterBad))).state).toBe('unverified');
  });

  it('is needs_reentry once the record could not be opened, however good the verdict', () => {
    expect(maskedViewOf(live(), activity({ unreadableVersion: VERSION })).state).toBe('needs_reentry');
    expect(maskedViewOf(live(), activity({ ...tested(laterGood), unreadableVersion: VERSION })).state).toBe(
      'needs_reentry',
    );
  });

  it('is suspended whatever else is known: a kill switch is never hidden', () => {
    expect(maskedViewOf(live('suspended'), undefined).state).toBe('suspended');
    expect(maskedViewOf(live('suspended', undecided), activity({ unreadableVersion: VERSION })).state).toBe(
      'suspended',
    );
  });
});

describe('activity of another version', () => {
  it.each([SITE_IDENTITY.version - 1, SITE_IDENTITY.version + 1, 0])(
    'says nothing about this one: version %p',
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

  it('does not hide the facts about this one', () => {
    const testedBefore = { ...tested(laterGood, VERSION - 1), unreadableVersion: VERSION };
    expect(maskedViewOf(live(), activity(testedBefore)).state).toBe('needs_reentry');
    const unreadableBefore = { ...tested(laterBad), unreadableVersion: VERSION - 1 };
    expect(maskedViewOf(live(), activity(unreadableBefore)).state).toBe('unverified');
  });
});

describe('the last verification', () => {
  it('is the time of the latest verdict that was good', () => {
    expect(maskedViewOf(live(), undefined).lastVerifiedAt).toBe(good.checkedAt);
    expect(maskedViewOf(live(), activity(tested(laterGood))).lastVerifiedAt).toBe(laterGood.checkedAt);
  });

  it('stays what it was when a later test fails, though the verdict shown is the later one', () => {
    const view = maskedViewOf(live(), activity(tested(laterBad)));
    expect(view.lastVerifiedAt).toBe(good.checkedAt);
    expect(view.verdict).toEqual(laterBad);
    const goodBefore = { ...tested(laterBad), verified: { version: VERSION, at: laterGood.checkedAt } };
    expect(maskedViewOf(live(), activity(goodBefore)).lastVerifiedAt).toBe(laterGood.checkedAt);
  });

  it('is null for a key that never succeeded', () => {
    expect(maskedViewOf(live('active', undecided), undefined).lastVerifiedAt).toBeNull();
    expect(maskedViewOf(live('active', undecided), activity(tested(laterBad))).lastVerifiedAt).toBeNull();
  });
});

describe('the masked view', () => {
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

  it('holds no ciphertext, no wrapped data key and no fingerprint', () => {
    const view = JSON.stringify(maskedViewOf(live(), activity()));
    expect(view).not.toContain(SITE_IDENTITY.fingerprint);
    expect(view).not.toContain(dataKey.wrapped.toString().slice(0, 8));
    expect(view).not.toContain('"type":"Buffer"');
    expect(view).not.toContain('arn:');
  });

  it('says null for a key that was never used', () => {
    expect(maskedViewOf(live(), undefined).lastUsedAt).toBeNull();
    expect(maskedViewOf(live(), activity({ used: null })).lastUsedAt).toBeNull();
  });
});

describe('a damaged record', () => {
  const damaged = damagedSealedKey({ ...SITE_IDENTITY });

  it('is one that nothing opens, at the place where it was found', () => {
    expect(isWellFormed(damaged)).toBe(false);
    expect(() => assertWellFormed(damaged)).toThrow(SealedKeyUnreadableError);
    const { scope, scopeId, workspaceId, version } = SITE_IDENTITY;
    expect(damaged).toMatchObject({ scope, scopeId, workspaceId, version });
  });

  it('is shown as needs_reentry before anybody has tried to open it, with no part of any key', () => {
    const view = maskedViewOf(
      { ...live(), sealed: damaged, verdict: damagedVerdict(born.createdAt) },
      undefined,
    );
    expect(view).toMatchObject({ state: 'needs_reentry', masked: 'sk-...????', lastVerifiedAt: null });
    expect(view.verdict).toMatchObject({ ok: false, code: 'record_damaged' });
  });

  it('stays suspended when it was: damage never ends a suspension', () => {
    expect(maskedViewOf({ ...live('suspended'), sealed: damaged }, undefined).state).toBe('suspended');
  });
});

describe('the counters', () => {
  it('start where no key was ever stored, and a deleted key keeps them, so that no version repeats', () => {
    expect([revisionOf(undefined), nextVersionOf(undefined)]).toEqual([0, 1]);
    expect([revisionOf(live()), nextVersionOf(live())]).toEqual([12, 10]);
    expect([revisionOf(deleted), nextVersionOf(deleted)]).toEqual([12, 10]);
  });
});

describe('what has become of a version', () => {
  const until = Date.parse('2026-11-06T00:00:00.000Z') / 1_000;
  const kept: RetainedKey = {
    ...born,
    sealed: { ...sealed, version: 6 },
    verdict: good,
    retainedUntil: until,
  };
  const before = new Date(until * 1_000 - 1);
  const at = new Date(until * 1_000);

  it('is current for the version of the head, also while it is suspended', () => {
    expect(versionState(VERSION, live(), [kept], before)).toBe('current');
    expect(versionState(VERSION, live('suspended'), [kept], before)).toBe('current');
  });

  it('is retained up to the last millisecond before its time, and shredded from that second on', () => {
    expect([isRetained(kept, before), isRetained(kept, at)]).toEqual([true, false]);
    expect(versionState(6, live(), [kept], before)).toBe('retained');
    expect(versionState(6, live(), [kept], at)).toBe('shredded');
  });

  it('is shredded for every other version, for a deleted key, and if there is none', () => {
    expect(versionState(5, live(), [kept], before)).toBe('shredded');
    expect(versionState(VERSION, deleted, [], before)).toBe('shredded');
    expect(versionState(VERSION, undefined, [], before)).toBe('shredded');
  });
});

describe('isLive', () => {
  it('is true of an active and of a suspended key, and of no other', () => {
    expect(isLive(live())).toBe(true);
    expect(isLive(live('suspended'))).toBe(true);
    expect(isLive(deleted)).toBe(false);
    expect(isLive(undefined)).toBe(false);
  });
});
