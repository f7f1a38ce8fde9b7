import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  deleteKey,
  type KeyChange,
  rollBack,
  storeNewVersion,
  storeReencrypted,
  switchState,
  versionsShreddedBy,
} from '../../../lambdas/domain/keys/key-lifecycle.ts';
import type { SealedKey } from '../../../lambdas/domain/keys/sealed-key.ts';
import {
  isLive,
  isRetained,
  type LiveKey,
  nextVersionOf,
  type RetainedKey,
  revisionOf,
  type StoredKey,
} from '../../../lambdas/domain/keys/stored-key.ts';
import type { Verdict } from '../../../lambdas/domain/keys/verdict.ts';
import { SITE_IDENTITY } from './sealed-key-fixture.ts';

const START_MS = Date.parse('2026-11-23T12:00:00.000Z');
const handAt = (ms: number, by = 'owner') => ({ at: new Date(ms).toISOString(), by });

const verdict: Verdict = {
  ok: true,
  code: 'ok',
  message: 'The key works.',
  checkedAt: '2026-11-23T12:00:00.000Z',
  latencyMs: 3,
};

/** A record of a version; its ciphertext is its own, so that two seals of one key are distinguished. */
const sealedOf = (version: number): SealedKey => ({
  ...SITE_IDENTITY,
  version,
  masked: `sk-proj-...${String(version).padStart(4, '0')}`,
  format: 1,
  algorithm: 'AES-256-GCM',
  kmsKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000',
  wrappedDataKey: Buffer.alloc(184, version),
  iv: Buffer.alloc(12, version),
  tag: Buffer.alloc(16, version),
  commitment: Buffer.alloc(32, version),
  ciphertext: Buffer.alloc(164, version),
});

const stored = (currentKey: StoredKey | undefined, retainSeconds: number, ms: number): KeyChange<LiveKey> =>
  storeNewVersion(
    currentKey,
    { sealed: sealedOf(nextVersionOf(currentKey)), verdict },
    retainSeconds,
    handAt(ms),
  );

/** The rows of one scope, changed as the store changes them. */
interface Scope {
  readonly currentKey: StoredKey | undefined;
  readonly retained: ReadonlyMap<number, RetainedKey>;
  /** Versions in the order of their lines of history. */
  readonly history: readonly number[];
}

const EMPTY: Scope = { currentKey: undefined, retained: new Map(), history: [] };

const carryOut = ({ currentKey, retained, history }: Scope, change: KeyChange): Scope => {
  // The store's own condition.
  expect(change.expectedRevision).toBe(revisionOf(currentKey));
  const kept = new Map(retained);
  if (change.shred !== undefined) kept.delete(change.shred);
  if (change.retain !== undefined) kept.set(change.retain.sealed.version, change.retain);
  // One transaction may not touch one item twice.
  expect(change.retain?.sealed.version).not.toBe(change.shred ?? 'nothing');
  return {
    currentKey: change.currentKey,
    retained: kept,
    history: change.created === undefined ? history : [...history, change.created.version],
  };
};

type Step =
  | { readonly does: 'store' | 'rollBack'; readonly retainSeconds: number; readonly waitMs: number }
  | { readonly does: 'reencrypt' | 'suspend' | 'resume' | 'delete'; readonly waitMs: number };

const waitMs = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5_000 }), fc.constant(86_400_000));
const retainSeconds = fc.constantFrom(0, 1, 3, 86_400);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constantFrom('store', 'rollBack'), retainSeconds, waitMs }),
  fc.record({ does: fc.constantFrom('reencrypt', 'suspend', 'resume', 'delete'), waitMs }),
);
const steps = fc.array(step, { minLength: 1, maxLength: 40 });

/** The change that a step makes of a scope; undefined if the use case refuses. */
const changeOf = ({ currentKey, retained }: Scope, step: Step, ms: number): KeyChange | undefined => {
  const hand = handAt(ms, step.does);
  const live = isLive(currentKey) ? currentKey : undefined;
  switch (step.does) {
    case 'store':
      return stored(currentKey, step.retainSeconds, ms);
    case 'rollBack':
      return live && rollBack(live, retained.get(live.previousVersion ?? 0), step.retainSeconds, hand);
    case 'reencrypt':
      return live && storeReencrypted(live, sealedOf(nextVersionOf(live)), hand);
    case 'suspend':
      return live && switchState(live, 'suspended', hand);
    case 'resume':
      return live && switchState(live, 'active', hand);
    case 'delete':
      return live && deleteKey(live, hand);
  }
};

type Seen = (before: Scope, after: Scope, change: KeyChange, step: Step, ms: number) => void;

/** Runs any sequence of changes and looks at each. */
const throughAnyLife = (seen: Seen): void => {
  fc.assert(
    fc.property(steps, (life) => {
      let scope = EMPTY;
      let ms = START_MS;
      for (const step of life) {
        ms += step.waitMs;
        const change = changeOf(scope, step, ms);
        if (change === undefined) continue;
        const after = carryOut(scope, change);
        seen(scope, after, change, step, ms);
        scope = after;
      }
    }),
    { numRuns: 500 },
  );
};

describe('in any history of a key', () => {
  it('no version is assigned twice, not even after a deletion', () => {
    throughAnyLife((_, { history, currentKey }) => {
      expect(history).toEqual(history.map((_, i) => i + 1));
      expect(currentKey?.lastVersion).toBe(history.length);
    });
  });

  it('each change increments the revision that it was computed from', () => {
    throughAnyLife((before, after, change) => {
      expect(change.expectedRevision).toBe(revisionOf(before.currentKey));
      expect(revisionOf(after.currentKey)).toBe(revisionOf(before.currentKey) + 1);
    });
  });

  it('at most one version is retained: the one that the record names, never the current one', () => {
    throughAnyLife((_, { currentKey, retained }) => {
      const named = isLive(currentKey) ? currentKey.previousVersion : null;
      expect([...retained.keys()]).toEqual(named === null ? [] : [named]);
      if (isLive(currentKey)) expect(retained.has(currentKey.sealed.version)).toBe(false);
    });
  });

  it('each record keeps the version that it was sealed for', () => {
    throughAnyLife((_, { currentKey, retained }) => {
      const all = [
        ...(isLive(currentKey) ? [currentKey.sealed] : []),
        ...[...retained.values()].map(({ sealed }) => sealed),
      ];
      for (const sealed of all) expect(sealed).toEqual(sealedOf(sealed.version));
    });
  });

  it('the current key records who changed it last, and when', () => {
    throughAnyLife((_, { currentKey }, __, step, ms) => {
      expect(currentKey).toMatchObject({ changedBy: step.does === 'store' ? 'owner' : step.does });
      expect(currentKey?.changedAt).toBe(new Date(ms).toISOString());
    });
  });

  it('a deletion leaves no record that could be opened', () => {
    throughAnyLife((_, { currentKey, retained }, change, step) => {
      if (step.does !== 'delete') return;
      expect(retained.size).toBe(0);
      expect(Object.keys(currentKey ?? {}).sort()).toEqual([
        'changedAt',
        'changedBy',
        'lastVersion',
        'revision',
        'state',
      ]);
      expect([change.retain, change.created]).toEqual([undefined, undefined]);
      expect(JSON.stringify(change)).not.toMatch(/Buffer|ciphertext|sk-proj/);
    });
  });

  it('a replaced version is shredded in the same change if the retention is zero', () => {
    throughAnyLife((_, { retained }, change, step) => {
      if (!('retainSeconds' in step) || step.retainSeconds > 0) return;
      expect(change.retain).toBeUndefined();
      expect(retained.size).toBe(0);
    });
  });

  it('a change shreds exactly the versions that could be opened before it and not after it', () => {
    throughAnyLife((before, after, change) => {
      const openable = ({ currentKey, retained }: Scope): number[] => [
        ...(isLive(currentKey) ? [currentKey.sealed.version] : []),
        ...retained.keys(),
      ];
      const left = openable(after);
      const gone = openable(before).filter((version) => !left.includes(version));
      expect(versionsShreddedBy(before.currentKey, change)).toEqual(gone);
    });
  });

  it('a rollback restores only the retained previous version, and only within its retention', () => {
    throughAnyLife((before, after, _, step, ms) => {
      if (step.does !== 'rollBack' || !isLive(before.currentKey) || !isLive(after.currentKey)) return;
      const kept = before.retained.get(before.currentKey.previousVersion ?? 0);
      expect(kept !== undefined && isRetained(kept, new Date(ms))).toBe(true);
      expect(after.currentKey.sealed).toEqual(kept?.sealed);
      expect(after.currentKey.state).toBe(before.currentKey.state);
      expect(after.history).toEqual(before.history);
    });
  });

  it('re-encryption does not retain the version that it replaces, and keeps the retained one', () => {
    throughAnyLife((before, after, change, step) => {
      if (step.does !== 'reencrypt' || !isLive(before.currentKey) || !isLive(after.currentKey)) return;
      expect(after.retained).toEqual(before.retained);
      expect(change.shred).toBeUndefined();
      expect(after.currentKey.state).toBe(before.currentKey.state);
      const { createdAt, createdBy, previousVersion } = before.currentKey;
      expect(after.currentKey).toMatchObject({
        createdAt,
        createdBy,
        previousVersion,
        verdict: before.currentKey.verdict,
      });
    });
  });

  it('suspending and resuming change only the state of the key', () => {
    throughAnyLife((before, after, _, step) => {
      if ((step.does !== 'suspend' && step.does !== 'resume') || !isLive(before.currentKey)) return;
      const { revision, changedAt, changedBy, state } = after.currentKey as LiveKey;
      expect(after.currentKey).toEqual({ ...before.currentKey, revision, changedAt, changedBy, state });
      expect(state).toBe(step.does === 'suspend' ? 'suspended' : 'active');
      expect(after.retained).toEqual(before.retained);
    });
  });
});

describe('storing a key', () => {
  it('begins with version 1 and revision 1, on the condition that no key exists', () => {
    const change = stored(undefined, 60, START_MS);
    expect(change).toMatchObject({ expectedRevision: 0, retain: undefined, shred: undefined });
    expect(change.currentKey).toMatchObject({
      revision: 1,
      lastVersion: 1,
      state: 'active',
      previousVersion: null,
    });
    expect(change.created).toEqual({
      version: 1,
      masked: 'sk-proj-...0001',
      createdAt: new Date(START_MS).toISOString(),
      createdBy: 'owner',
      reason: 'stored',
    });
  });

  it('continues the versions after a deletion', () => {
    const first = stored(undefined, 60, START_MS).currentKey;
    const again = stored(deleteKey(first, handAt(START_MS)).currentKey, 60, START_MS);
    expect(again).toMatchObject({ expectedRevision: 2, retain: undefined, shred: undefined });
    expect(again.currentKey).toMatchObject({ revision: 3, lastVersion: 2, previousVersion: null });
  });

  it('the re-encrypted key is the next version, with an entry in the history', () => {
    const { currentKey } = stored(undefined, 60, START_MS);
    const change = storeReencrypted(currentKey, sealedOf(2), {
      at: new Date(START_MS + 1_000).toISOString(),
      by: 'admin',
    });
    expect(change).toMatchObject({
      expectedRevision: 1,
      currentKey: { revision: 2, lastVersion: 2, state: 'active', createdBy: 'owner', changedBy: 'admin' },
      created: { version: 2, masked: sealedOf(2).masked, createdBy: 'admin', reason: 'reencrypted' },
    });
    expect(change.currentKey.sealed).toEqual(sealedOf(2));
  });

  it('ends a suspension, because the new key was just checked', () => {
    const suspended = switchState(
      stored(undefined, 60, START_MS).currentKey,
      'suspended',
      handAt(START_MS),
    ).currentKey;
    expect(stored(suspended, 60, START_MS).currentKey.state).toBe('active');
  });

  it('shreds the retained version when another version takes its place', () => {
    const first = stored(undefined, 60, START_MS).currentKey;
    const second = stored(first, 60, START_MS).currentKey;
    const third = stored(second, 60, START_MS);
    expect(third.shred).toBe(1);
    expect(third.retain?.sealed.version).toBe(2);
    expect(stored(second, 0, START_MS)).toMatchObject({ shred: 1, retain: undefined });
  });

  it('over a record whose revision was lost restarts the revisions, and reports the loss', () => {
    const lost = { ...stored(undefined, 60, START_MS).currentKey, revision: -1 };
    const change = stored(lost, 60, START_MS);
    expect(change.expectedRevision).toBe(-1);
    expect(change.currentKey.revision).toBe(1);
  });
});

describe('the end of a retention', () => {
  const HOUR = 3_600;
  const first = stored(undefined, HOUR, START_MS).currentKey;

  it.each([0, 1, 500, 999])('is in whole seconds from the second of the change, +%i ms', (offsetMs) => {
    const { currentKey, retain } = stored(first, HOUR, START_MS + offsetMs);
    const endMs = START_MS + HOUR * 1_000;
    expect(retain?.retainedUntil).toBe(endMs / 1_000);
    expect(rollBack(currentKey, retain, HOUR, handAt(endMs - 1))?.currentKey).toMatchObject({
      sealed: { version: 1 },
    });
    expect(rollBack(currentKey, retain, HOUR, handAt(endMs))).toBeUndefined();
    expect(rollBack(currentKey, retain, HOUR, handAt(endMs + 1))).toBeUndefined();
  });

  it('is computed again for the version that a rollback replaces', () => {
    const { currentKey, retain } = stored(first, HOUR, START_MS);
    const back = rollBack(currentKey, retain, HOUR, handAt(START_MS + 1_800_000));
    expect(back?.retain).toMatchObject({ sealed: { version: 2 }, retainedUntil: START_MS / 1_000 + 5_400 });
    expect(back?.shred).toBe(1);
  });
});

describe('a rollback of a key', () => {
  const first = stored(undefined, 60, START_MS).currentKey;
  const { currentKey, retain } = stored(first, 60, START_MS);

  it('is refused if nothing is retained', () => {
    expect(rollBack(first, undefined, 60, handAt(START_MS))).toBeUndefined();
    expect(rollBack(currentKey, undefined, 60, handAt(START_MS))).toBeUndefined();
    expect(rollBack({ ...currentKey, previousVersion: null }, retain, 60, handAt(START_MS))).toBeUndefined();
  });

  it('is refused to any version but the previous one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1, max: 50 }).filter((version) => version !== 1),
        (version) => {
          const other = retain && { ...retain, sealed: sealedOf(version) };
          expect(rollBack(currentKey, other, 60, handAt(START_MS))).toBeUndefined();
        },
      ),
    );
  });

  it('keeps a suspended key suspended, and restores the verdict and date of the earlier version', () => {
    const suspended = switchState(currentKey, 'suspended', handAt(START_MS)).currentKey as LiveKey;
    const back = rollBack(suspended, retain, 60, handAt(START_MS + 1_000));
    expect(back?.currentKey).toMatchObject({
      state: 'suspended',
      verdict: first.verdict,
      createdAt: first.createdAt,
      createdBy: first.createdBy,
      previousVersion: 2,
    });
  });

  it('can be undone, and redone', () => {
    let scope = carryOut(carryOut(EMPTY, stored(undefined, 60, START_MS)), stored(first, 60, START_MS));
    for (const expected of [1, 2, 1, 2]) {
      const current = scope.currentKey as LiveKey;
      const change = rollBack(
        current,
        scope.retained.get(current.previousVersion ?? 0),
        60,
        handAt(START_MS + 1_000),
      );
      expect(change).toBeDefined();
      if (change !== undefined) scope = carryOut(scope, change);
      expect(scope.currentKey).toMatchObject({ sealed: { version: expected }, lastVersion: 2 });
    }
  });
});
