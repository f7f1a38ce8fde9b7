import { describe, expect, it } from '@jest/globals';
import { damagedSealedKey } from '../../../lambdas/domain/keys/stored-key.ts';
import { deleteOpenAiKey } from '../../../lambdas/use-cases/keys/delete-openai-key.ts';
import { reencryptOpenAiKey } from '../../../lambdas/use-cases/keys/reencrypt-openai-key.ts';
import { rollBackOpenAiKey } from '../../../lambdas/use-cases/keys/roll-back-openai-key.ts';
import { switchOpenAiKey } from '../../../lambdas/use-cases/keys/switch-openai-key.ts';
import { ADDRESSES, NOW, NOW_SECONDS, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import {
  ACTIVITY,
  aRetainedKey,
  aSealedKey,
  CALLER,
  DELETED_KEY,
  type KeyPlay,
  OUTAGE,
  outage,
  plaintextOf,
  playWithKey,
} from './key-fixture.ts';

const switchTo =
  (state: 'active' | 'suspended'): KeyPlay =>
  (ports) =>
  (caller, target) =>
    switchOpenAiKey(ports)(caller, target, state);
const suspend = switchTo('suspended');
const rollBack: KeyPlay = (ports) => rollBackOpenAiKey(ports, ports.retainSeconds);

/** A key with an earlier version alongside it, whose scope has seen five. */
const twoVersions = (scope: 'site' | 'workspace' = 'site') => ({
  scope,
  currentKey: aSealedKey(scope, { previousVersion: 2, lastVersion: 5 }),
  retained: [aRetainedKey(scope)],
});

const CHANGES: readonly (readonly [string, KeyPlay])[] = [
  ['suspend', suspend],
  ['roll back', rollBack],
  ['delete', deleteOpenAiKey],
  ['encrypt anew', reencryptOpenAiKey],
];

describe('a change of a stored key', () => {
  const third = { version: 3, masked: 'sk-...0003' };

  it.each<[string, KeyPlay, string, object]>([
    ['suspend', suspend, 'suspended', third],
    ['roll back', rollBack, 'rolled_back', { version: 2, masked: 'sk-...0002' }],
    ['delete', deleteOpenAiKey, 'deleted', { versions_shredded: '3,2' }],
    ['encrypt anew', reencryptOpenAiKey, 'reencrypted', { ...third, version: 6, versions_shredded: '3' }],
  ])('(%s) records an event with the versions of its scope', async (_, change, type, versions) => {
    for (const [scope, siteId] of [['site', SITE_ID] as const, ['workspace', undefined] as const]) {
      const { events, row } = await playWithKey(change, twoVersions(scope));
      const facts = { scope, version_before: 3, ...versions };
      expect(events).toEqual([
        { caller: CALLER, type: `key.${type}`, workspaceId: WORKSPACE_ID, siteId, facts },
      ]);
      expect(row.currentKey).toMatchObject({
        revision: 2,
        changedAt: NOW.toISOString(),
        changedBy: CALLER.sub,
      });
    }
  });

  it.each<[string, KeyPlay, object]>([
    ['suspend', suspend, { version: 3, state: 'suspended', lastUsedAt: ACTIVITY.used.at }],
    ['roll back', rollBack, { version: 2, state: 'active', lastUsedAt: null, createdBy: 'founder' }],
    ['encrypt anew', reencryptOpenAiKey, { version: 6, state: 'active', lastUsedAt: null }],
  ])('(%s) returns the changed key', async (_, change, view) => {
    const { result } = await playWithKey(change, { ...twoVersions(), activity: ACTIVITY });
    expect(result).toMatchObject(view);
  });

  it.each(CHANGES)('(%s) is refused if no key is stored', async (_, change) => {
    for (const currentKey of [undefined, DELETED_KEY]) {
      const { result, log } = await playWithKey(change, { currentKey });
      expect(result).toMatchObject({ code: 'openai_key_not_stored' });
      expect(log).toEqual(['read key']);
    }
  });

  // A kill switch tries again: see lost-races.test.ts.
  it.each(CHANGES.slice(1))('(%s) fails if another writer was first', async (_, change) => {
    const theirs = aSealedKey('site', { revision: 7 });
    const meanwhile = (row: { currentKey: unknown }): void => {
      row.currentKey = theirs;
    };
    const { result, row, events } = await playWithKey(change, { ...twoVersions(), meanwhile });
    expect(result).toMatchObject({ code: 'version_conflict' });
    expect({ currentKey: row.currentKey, events }).toEqual({ currentKey: theirs, events: [] });
  });
});

describe('the kill switch of a key', () => {
  it('can be reversed, with its own audit event', async () => {
    const currentKey = aSealedKey('site', { state: 'suspended' });
    const { result, events } = await playWithKey(switchTo('active'), { currentKey });
    expect(result).toMatchObject({ state: 'active' });
    expect(events).toMatchObject([{ type: 'key.resumed' }]);
  });

  it.each(['suspended', 'active'] as const)('changes nothing if the key is already %s', async (state) => {
    const activity = { ...ACTIVITY, degraded: null };
    const currentKey = aSealedKey('site', { state });
    const { result, log } = await playWithKey(switchTo(state), { currentKey, activity });
    expect(result).toMatchObject({ version: 3, state, lastUsedAt: ACTIVITY.used.at });
    expect(log).toEqual(['read key']);
  });

  it('also stops a key that another person stores at the same moment', async () => {
    const { result, row, events } = await playWithKey(suspend, {
      currentKey: aSealedKey('site'),
      meanwhile: (found) => {
        if (found.currentKey?.revision === 1)
          found.currentKey = aSealedKey('site', { revision: 2, createdBy: 'another' });
      },
    });
    expect(result).toMatchObject({ state: 'suspended', createdBy: 'another' });
    expect(row.currentKey).toMatchObject({ state: 'suspended', createdBy: 'another' });
    expect(events).toHaveLength(1);
  });
});

describe('a rollback of a stored key', () => {
  it('exchanges the two versions without opening a key', async () => {
    const { log, row } = await playWithKey(rollBack, twoVersions());
    expect(log).toEqual(['read key', 'read retained 2', 'write']);
    expect(plaintextOf(row.currentKey)).toBe('key 2');
    expect(row.currentKey).toMatchObject({ previousVersion: 3, lastVersion: 5 });
    expect(row.retained).toMatchObject([{ sealed: { version: 3 }, retainedUntil: NOW_SECONDS + 3_600 }]);
  });

  it('shreds the version that it replaces if the retention is zero', async () => {
    const { row, events } = await playWithKey(rollBack, { ...twoVersions(), own: { retainSeconds: 0 } });
    expect(row.retained).toEqual([]);
    expect(events).toMatchObject([{ facts: { version_before: 3, version: 2, versions_shredded: '3' } }]);
  });

  it.each([
    ['does not exist', null, [], []],
    ['is gone', 2, [], ['read retained 2']],
    ['has expired', 2, [aRetainedKey('site', 0)], ['read retained 2']],
  ])('is refused if the previous version %s', async (_, previousVersion, retained, reads) => {
    const currentKey = aSealedKey('site', { previousVersion });
    const { result, log } = await playWithKey(rollBack, { currentKey, retained });
    expect(result).toMatchObject({ code: 'no_previous_version' });
    expect(log).toEqual(['read key', ...reads]);
  });
});

describe('a deletion of a stored key', () => {
  it('leaves no version that could be opened, ends no call if none is live, and keeps the counters', async () => {
    const { result, row } = await playWithKey(deleteOpenAiKey, twoVersions());
    expect(result).toBe(0);
    expect(row).toMatchObject({ currentKey: { state: 'deleted', lastVersion: 5 }, retained: [] });
    expect(row.currentKey).not.toHaveProperty('sealed');
  });
});

describe('the re-encryption of a stored key', () => {
  it('opens the key on record and seals it as the next version, and the retained version stays', async () => {
    const { log, row, uses } = await playWithKey(reencryptOpenAiKey, twoVersions());
    expect(log).toEqual(['read key', 'reserve', 'open', 'seal', 'settle', 'write']);
    expect(uses).toMatchObject([
      { session: { kind: 'reencryption', keyVersion: 3, actor: CALLER.sub } },
      { what: { state: 'used', kmsRequestId: 'kms-1' } },
    ]);
    expect(plaintextOf(row.currentKey)).toBe('key 3');
    const sealed = { ...ADDRESSES.site, version: 6, masked: 'sk-...0003' };
    expect(row.currentKey).toMatchObject({ sealed, previousVersion: 2 });
    expect(row.retained).toEqual([aRetainedKey('site')]);
  });

  const damaged = aSealedKey('site', { sealed: damagedSealedKey({ ...ADDRESSES.site, version: 3 }) });

  it.each([
    ['cannot be read', { currentKey: damaged }, expect.objectContaining({ code: 'openai_key_unreadable' })],
    ['cannot be sealed', { currentKey: aSealedKey('site'), own: { sealer: { seal: outage } } }, OUTAGE],
  ])('changes nothing if the key %s', async (_, given, outcome) => {
    const { result, row, log } = await playWithKey(reencryptOpenAiKey, given);
    expect(result).toEqual(outcome);
    expect(row.currentKey).toBe(given.currentKey);
    expect(log).not.toContain('write');
  });
});
