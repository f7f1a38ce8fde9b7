import { describe, expect, it } from '@jest/globals';
import { storeNewVersion } from '../../../lambdas/domain/keys/key-lifecycle.ts';
import { type KeyMark, markOf, matchesMark, refusedKey } from '../../../lambdas/domain/keys/key-mark.ts';
import { isWellFormed } from '../../../lambdas/domain/keys/sealed-key.ts';
import {
  type DeletedKey,
  damagedSealedKey,
  isLive,
  type LiveKey,
  nextVersionOf,
} from '../../../lambdas/domain/keys/stored-key.ts';
import { damagedVerdict } from '../../../lambdas/domain/keys/verdict.ts';

const ADDRESS = { scope: 'site', scopeId: 's1', workspaceId: 'w1' } as const;
const AT = '2026-11-30T12:00:00.000Z';
const HEAD = { revision: 5, lastVersion: 3, changedAt: AT, changedBy: 'carol' };
const LIVE: LiveKey = {
  ...HEAD,
  state: 'active',
  sealed: damagedSealedKey({ ...ADDRESS, version: 3 }),
  verdict: damagedVerdict(AT),
  createdAt: AT,
  createdBy: 'carol',
  previousVersion: 2,
};
const DELETED: DeletedKey = { ...HEAD, state: 'deleted' };
const MARK = markOf(LIVE);

describe('the mark of a key', () => {
  it('matches a key with exactly the same state', () => {
    expect(matchesMark(LIVE, MARK)).toBe(true);
    expect(matchesMark(DELETED, markOf(DELETED))).toBe(true);
    expect(matchesMark(undefined, undefined)).toBe(true);
  });

  it.each<[string, Partial<KeyMark>]>([
    ['revision', { revision: 6 }],
    ['counter of versions', { lastVersion: 4 }],
    ['state', { state: 'suspended' }],
    ['version', { version: 2 }],
    ['version to roll back to', { previousVersion: 0 }],
  ])('does not match if the %s differs', (_, change) => {
    expect(matchesMark(LIVE, { ...MARK, ...change })).toBe(false);
  });

  it('does not match if the key or the mark is missing, unless the key is deleted', () => {
    expect(matchesMark(LIVE, undefined)).toBe(false);
    expect(matchesMark(undefined, MARK)).toBe(false);
    expect(matchesMark(DELETED, undefined)).toBe(true);
    expect(matchesMark(DELETED, MARK)).toBe(false);
  });
});

describe('a refused key', () => {
  const LATER: KeyMark = { ...MARK, revision: 9, lastVersion: 7, version: 7 };

  it('has no record that could be opened', () => {
    const refused = refusedKey(ADDRESS, LIVE, LATER);
    expect(isLive(refused) && !isWellFormed(refused.sealed)).toBe(true);
  });

  it('continues the versions and revisions of its mark, whatever older state was put back', () => {
    for (const found of [LIVE, DELETED, undefined]) {
      const refused = refusedKey(ADDRESS, found, LATER);
      expect(nextVersionOf(refused)).toBe(8);
      const sealed = damagedSealedKey({ ...ADDRESS, version: 8 });
      const change = storeNewVersion(refused, { sealed, verdict: damagedVerdict(AT) }, 60, {
        at: AT,
        by: 'carol',
      });
      expect(change).toMatchObject({
        expectedRevision: found?.revision ?? 0,
        currentKey: { revision: 10, lastVersion: 8 },
        retain: undefined,
      });
    }
  });

  it('stands in for each marked live key, so that no other key is used instead', () => {
    expect(isLive(refusedKey(ADDRESS, undefined, MARK))).toBe(true);
    expect(isLive(refusedKey(ADDRESS, DELETED, MARK))).toBe(true);
    expect(isLive(refusedKey(ADDRESS, undefined, markOf(DELETED)))).toBe(false);
  });

  it('can be rolled back only to the version in its mark', () => {
    expect(refusedKey(ADDRESS, { ...LIVE, previousVersion: 1 }, LATER)).toMatchObject({ previousVersion: 2 });
    expect(refusedKey(ADDRESS, LIVE, undefined)).toMatchObject({ previousVersion: null });
  });
});
