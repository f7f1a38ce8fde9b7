import { describe, expect, it } from '@jest/globals';
import type { KeyVersionRecord } from '../../../lambdas/domain/keys/stored-key.ts';
import { type ListedVersion, listKeyVersions } from '../../../lambdas/use-cases/keys/list-key-versions.ts';
import type { Page } from '../../../lambdas/use-cases/ports/pages.ts';
import { aRetainedKey, aSealedKey, DELETED_KEY, type KeyWorld, playWithKey } from './key-fixture.ts';

const recordOf = (version: number): KeyVersionRecord => ({
  version,
  masked: `sk-...000${version}`,
  createdAt: `2026-09-0${version}T00:00:00.000Z`,
  createdBy: 'owner',
  reason: 'stored',
});
const history = [recordOf(1), recordOf(2), recordOf(3)];

const listed = async (given: KeyWorld, limit = 10, after?: string) => {
  const { result, log, row } = await playWithKey(
    (ports) => (caller, target) => listKeyVersions(ports)(caller, target, { limit, after }),
    { history, role: 'viewer', ...given },
  );
  const { items, next } = result as Page<ListedVersion>;
  return { items, next, states: items.map(({ version, state }) => `${version} ${state}`), log, row };
};

describe('the list of key versions', () => {
  const currentKey = aSealedKey('site', { previousVersion: 2 });

  it('is sorted newest first, and shows until when a rollback is possible', async () => {
    const { items, log } = await listed({ currentKey, retained: [aRetainedKey('site')] });
    expect(items).toStrictEqual([
      { ...recordOf(3), state: 'current', retainedUntil: null },
      { ...recordOf(2), state: 'retained', retainedUntil: '2026-11-23T12:01:10.000Z' },
      { ...recordOf(1), state: 'shredded', retainedUntil: null },
    ]);
    expect(log).toEqual(['read key', 'read retained 2']);
  });

  it('is paged, and reads for each page only the parts of the key that the page needs', async () => {
    const kept = { currentKey, retained: [aRetainedKey('site')] };
    expect(await listed(kept, 1)).toMatchObject({ states: ['3 current'], next: '1' });
    expect(await listed(kept, 2, '1')).toMatchObject({
      states: ['2 retained', '1 shredded'],
      next: undefined,
    });
  });

  it.each([
    ['at this moment', 0],
    ['long ago', -3_600],
  ])('shreds a retained version whose time ended %s', async (_, seconds) => {
    const { items, states, log, row } = await listed({
      currentKey,
      retained: [aRetainedKey('site', seconds)],
    });
    expect(states).toEqual(['3 current', '2 shredded', '1 shredded']);
    expect(items.map(({ retainedUntil }) => retainedUntil)).toEqual([null, null, null]);
    expect(log).toEqual(['read key', 'read retained 2', 'shred 2']);
    expect(row.retained).toEqual([]);
  });

  it('shows a retained version that is already gone as shredded, and removes nothing', async () => {
    const { states, log } = await listed({ currentKey });
    expect(states).toEqual(['3 current', '2 shredded', '1 shredded']);
    expect(log).toEqual(['read key', 'read retained 2']);
  });

  it.each([
    ['of a deleted key', DELETED_KEY, '3 shredded'],
    ['of a key without a previous version', aSealedKey('site'), '3 current'],
  ])('%s reads no retained version', async (_, stored, newest) => {
    const { states, log } = await listed({ currentKey: stored });
    expect(states).toEqual([newest, '2 shredded', '1 shredded']);
    expect(log).toEqual(['read key']);
  });
});
