import { describe, expect, it } from '@jest/globals';
import { LAST_USE_ACCURACY_MS, noteOfUse } from '../../../lambdas/domain/keys/key-used.ts';
import type { KeyActivity } from '../../../lambdas/domain/keys/stored-key.ts';

const BASE_MS = Date.parse('2026-11-23T12:00:00.000Z');
const at = (ms: number): string => new Date(BASE_MS + ms).toISOString();
const activity = (facts: Partial<KeyActivity>): KeyActivity => ({
  used: { version: 3, at: at(0) },
  verified: null,
  test: null,
  unreadableVersion: null,
  unreadableAt: null,
  degraded: null,
  ...facts,
});
const noteAt = (ms: number, facts: Partial<KeyActivity> = {}, version = 3) =>
  noteOfUse({ version, at: at(ms) }, activity(facts));

describe('a use of a key', () => {
  it('is recorded if no use was recorded before', () => {
    expect(noteOfUse({ version: 3, at: at(0) }, undefined)).toEqual({ isReadable: true });
    expect(noteAt(0, { used: null })).toEqual({ isReadable: true });
  });

  it('changes nothing when it arrives twice or after a later use', () => {
    expect(noteAt(0)).toBeUndefined();
    expect(noteAt(-LAST_USE_ACCURACY_MS)).toBeUndefined();
    expect(noteAt(-1, {}, 2)).toBeUndefined();
  });

  it('is recorded at most once a minute', () => {
    expect(noteAt(LAST_USE_ACCURACY_MS - 1)).toBeUndefined();
    expect(noteAt(LAST_USE_ACCURACY_MS)).toEqual({ isReadable: true });
  });

  it('is recorded at once for another version of the key', () => {
    expect(noteAt(1, {}, 4)).toEqual({ isReadable: true });
    expect(noteAt(1, {}, 2)).toEqual({ isReadable: true });
  });
});

describe('a use of a key that was found unreadable', () => {
  const unreadable = (ms: number) => ({ unreadableVersion: 3, unreadableAt: at(ms) });

  it('proves that the record was restored, if the use came later', () => {
    expect(noteAt(2, unreadable(1))).toEqual({ isReadable: true });
  });

  it('proves nothing if the use was earlier and its event arrived late', () => {
    expect(noteAt(2, unreadable(3))).toBeUndefined();
    expect(noteAt(LAST_USE_ACCURACY_MS, unreadable(LAST_USE_ACCURACY_MS + 1))).toEqual({
      isReadable: false,
    });
  });

  it('proves that the record was restored, if an older release stored no time', () => {
    expect(noteAt(1, { unreadableVersion: 3 })).toEqual({ isReadable: true });
  });
});
