import { describe, expect, it } from '@jest/globals';
import {
  isLive,
  type KeyActivity,
  type LiveKey,
  maskedViewOf,
  type StoredKey,
  versionOf,
} from '../../lambdas/domain/stored-key.ts';
import type { Verdict } from '../../lambdas/domain/verdict.ts';
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
const audit = {
  createdAt: '2026-11-01T00:00:01.000Z',
  createdBy: 'owner|1',
  changedAt: '2026-11-05T00:00:00.000Z',
  changedBy: 'owner|2',
};
const live = (state: LiveKey['state'] = 'active', verdict = good): LiveKey => ({
  ...audit,
  state,
  sealed,
  verdict,
});
const deleted: StoredKey = {
  ...audit,
  scope: 'site',
  scopeId: SITE_IDENTITY.scopeId,
  workspaceId: SITE_IDENTITY.workspaceId,
  version: 9,
  state: 'deleted',
};
const VERSION = SITE_IDENTITY.version;
const tested = (verdict: Verdict, version = VERSION): Partial<KeyActivity> => ({
  test: { version, verdict },
});
const activity = (facts: Partial<KeyActivity> = {}): KeyActivity => ({
  lastUsedAt: '2026-11-10T00:00:00.000Z',
  test: null,
  unreadableVersion: null,
  ...facts,
});

describe('the state that an owner sees', () => {
  it('is active when OpenAI accepted the key', () => {
    expect(maskedViewOf(live(), undefined).state).toBe('active');
    expect(maskedViewOf(live(), activity()).state).toBe('active');
  });

  it('is unverified when OpenAI could not judge it, until a later test succeeds', () => {
    expect(maskedViewOf(live('active', undecided), undefined).state).toBe('unverified');
    expect(maskedViewOf(live('active', undecided), activity(tested(laterGood))).state).toBe('active');
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
      const foreign = activity({ ...tested(laterBad, version), unreadableVersion: version });
      const view = maskedViewOf(live(), foreign);
      expect(view.state).toBe('active');
      expect(view.verdict).toEqual(good);
      expect(view.lastVerifiedAt).toBe(good.checkedAt);
    },
  );

  it('does not hide what is known of this one', () => {
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
      createdAt: audit.createdAt,
      createdBy: audit.createdBy,
      lastUsedAt: '2026-11-10T00:00:00.000Z',
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
    expect(maskedViewOf(live(), activity({ lastUsedAt: null })).lastUsedAt).toBeNull();
  });
});

describe('versions', () => {
  it('start from 0 where no key was ever stored, and a deleted key keeps its own, so that none repeats', () => {
    expect(versionOf(undefined)).toBe(0);
    expect(versionOf(live())).toBe(SITE_IDENTITY.version);
    expect(versionOf(deleted)).toBe(9);
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
