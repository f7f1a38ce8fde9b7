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
} from '../../lambdas/domain/key-lifecycle.ts';
import type { SealedKey } from '../../lambdas/domain/sealed-key.ts';
import {
  isLive,
  isRetained,
  type LiveKey,
  nextVersionOf,
  type RetainedKey,
  revisionOf,
  type StoredKey,
} from '../../lambdas/domain/stored-key.ts';
import type { Verdict } from '../../lambdas/domain/verdict.ts';
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

/** A record of a version; its ciphertext is its own, so that two seals of one key are told apart. */
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

const stored = (head: StoredKey | undefined, retainSeconds: number, ms: number): KeyChange<LiveKey> =>
  storeNewVersion(head, { sealed: sealedOf(nextVersionOf(head)), verdict }, retainSeconds, handAt(ms));

/** What the table of one scope holds, changed as the store changes it. */
interface Scope {
  readonly head: StoredKey | undefined;
  readonly retained: ReadonlyMap<number, RetainedKey>;
  /** Versions in the order of their lines of history. */
  readonly history: readonly number[];
}

const EMPTY: Scope = { head: undefined, retained: new Map(), history: [] };

const carryOut = ({ head, retained, history }: Scope, change: KeyChange): Scope => {
  // The store's own condition.
  expect(change.expectedRevision).toBe(revisionOf(head));
  const kept = new Map(retained);
  if (change.shred !== undefined) kept.delete(change.shred);
  if (change.retain !== undefined) kept.set(change.retain.sealed.version, change.retain);
  // One transaction may not touch one item twice.
  expect(change.retain?.sealed.version).not.toBe(change.shred ?? 'nothing');
  return {
    head: change.head,
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

/** The change that a step makes of a scope; undefined where the use case refuses. */
const changeOf = ({ head, retained }: Scope, step: Step, ms: number): KeyChange | undefined => {
  const hand = handAt(ms, step.does);
  if (step.does === 'store') return stored(head, step.retainSeconds, ms);
  if (!isLive(head)) return undefined;
  switch (step.does) {
    case 'rollBack':
      return rollBack(head, retained.get(head.previousVersion ?? 0), step.retainSeconds, hand);
    case 'reencrypt':
      return storeReencrypted(head, sealedOf(nextVersionOf(head)), hand);
    case 'suspend':
      return switchState(head, 'suspended', hand);
    case 'resume':
      return switchState(head, 'active', hand);
    case 'delete':
      return deleteKey(head, hand);
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

describe('over any life of a key', () => {
  it('no version is given out twice, not even after a deletion', () => {
    throughAnyLife((_, { history, head }) => {
      expect(history).toEqual(history.map((_, i) => i + 1));
      expect(head?.lastVersion).toBe(history.length);
    });
  });

  it('each change moves the revision by exactly one, from the one that it was computed from', () => {
    throughAnyLife((before, after, change) => {
      expect(change.expectedRevision).toBe(revisionOf(before.head));
      expect(revisionOf(after.head)).toBe(revisionOf(before.head) + 1);
    });
  });

  it('at most one version is retained, it is the one that the head names, and never the current one', () => {
    throughAnyLife((_, { head, retained }) => {
      const named = isLive(head) ? head.previousVersion : null;
      expect([...retained.keys()]).toEqual(named === null ? [] : [named]);
      if (isLive(head)) expect(retained.has(head.sealed.version)).toBe(false);
    });
  });

  it('each record stays with the version that it was sealed for', () => {
    throughAnyLife((_, { head, retained }) => {
      const all = [
        ...(isLive(head) ? [head.sealed] : []),
        ...[...retained.values()].map(({ sealed }) => sealed),
      ];
      for (const sealed of all) expect(sealed).toEqual(sealedOf(sealed.version));
    });
  });

  it('the head says who changed it last, and when', () => {
    throughAnyLife((_, { head }, __, step, ms) => {
      expect(head).toMatchObject({ changedBy: step.does === 'store' ? 'owner' : step.does });
      expect(head?.changedAt).toBe(new Date(ms).toISOString());
    });
  });

  it('a deletion leaves nothing that could be opened: no record in the head, none retained', () => {
    throughAnyLife((_, { head, retained }, change, step) => {
      if (step.does !== 'delete') return;
      expect(retained.size).toBe(0);
      expect(Object.keys(head ?? {}).sort()).toEqual([
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

  it('with a retention of nothing, what was replaced is gone in the same change', () => {
    throughAnyLife((_, { retained }, change, step) => {
      if (!('retainSeconds' in step) || step.retainSeconds > 0) return;
      expect(change.retain).toBeUndefined();
      expect(retained.size).toBe(0);
    });
  });

  it('what a change says that it shreds is what could be opened before and cannot be after', () => {
    throughAnyLife((before, after, change) => {
      const openable = ({ head, retained }: Scope): number[] => [
        ...(isLive(head) ? [head.sealed.version] : []),
        ...retained.keys(),
      ];
      const left = openable(after);
      const gone = openable(before).filter((version) => !left.includes(version));
      expect(versionsShreddedBy(before.head, change)).toEqual(gone);
    });
  });

  it('a rollback goes to the retained previous version only, and only while its time is not over', () => {
    throughAnyLife((before, after, _, step, ms) => {
      if (step.does !== 'rollBack' || !isLive(before.head) || !isLive(after.head)) return;
      const kept = before.retained.get(before.head.previousVersion ?? 0);
      expect(kept !== undefined && isRetained(kept, new Date(ms))).toBe(true);
      expect(after.head.sealed).toEqual(kept?.sealed);
      expect(after.head.state).toBe(before.head.state);
      expect(after.history).toEqual(before.history);
    });
  });

  it('re-encryption retains nothing of what it replaces, and leaves alone what was retained', () => {
    throughAnyLife((before, after, change, step) => {
      if (step.does !== 'reencrypt' || !isLive(before.head) || !isLive(after.head)) return;
      expect(after.retained).toEqual(before.retained);
      expect(change.shred).toBeUndefined();
      expect(after.head.state).toBe(before.head.state);
      const { createdAt, createdBy, previousVersion } = before.head;
      expect(after.head).toMatchObject({
        createdAt,
        createdBy,
        previousVersion,
        verdict: before.head.verdict,
      });
    });
  });

  it('switching on and off changes the state and nothing else of the key', () => {
    throughAnyLife((before, after, _, step) => {
      if ((step.does !== 'suspend' && step.does !== 'resume') || !isLive(before.head)) return;
      const { revision, changedAt, changedBy, state } = after.head as LiveKey;
      expect(after.head).toEqual({ ...before.head, revision, changedAt, changedBy, state });
      expect(state).toBe(step.does === 'suspend' ? 'suspended' : 'active');
      expect(after.retained).toEqual(before.retained);
    });
  });
});

describe('storing a key', () => {
  it('begins with version 1 at revision 1, and demands that nothing is there', () => {
    const change = stored(undefined, 60, START_MS);
    expect(change).toMatchObject({ expectedRevision: 0, retain: undefined, shred: undefined });
    expect(change.head).toMatchObject({
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

  it('after a deletion goes on counting', () => {
    const first = stored(undefined, 60, START_MS).head;
    const again = stored(deleteKey(first, handAt(START_MS)).head, 60, START_MS);
    expect(again).toMatchObject({ expectedRevision: 2, retain: undefined, shred: undefined });
    expect(again.head).toMatchObject({ revision: 3, lastVersion: 2, previousVersion: null });
  });

  it('a re-encryption is the next version of the same key, with a line of its own in the history', () => {
    const { head } = stored(undefined, 60, START_MS);
    const change = storeReencrypted(head, sealedOf(2), {
      at: new Date(START_MS + 1_000).toISOString(),
      by: 'admin',
    });
    expect(change).toMatchObject({
      expectedRevision: 1,
      head: { revision: 2, lastVersion: 2, state: 'active', createdBy: 'owner', changedBy: 'admin' },
      created: { version: 2, masked: sealedOf(2).masked, createdBy: 'admin', reason: 'reencrypted' },
    });
    expect(change.head.sealed).toEqual(sealedOf(2));
  });

  it('ends a suspension: a new key was just seen to work', () => {
    const suspended = switchState(stored(undefined, 60, START_MS).head, 'suspended', handAt(START_MS)).head;
    expect(stored(suspended, 60, START_MS).head.state).toBe('active');
  });

  it('shreds the version that was retained when it retains another', () => {
    const first = stored(undefined, 60, START_MS).head;
    const second = stored(first, 60, START_MS).head;
    const third = stored(second, 60, START_MS);
    expect(third.shred).toBe(1);
    expect(third.retain?.sealed.version).toBe(2);
    expect(stored(second, 0, START_MS)).toMatchObject({ shred: 1, retain: undefined });
  });

  it('over a head whose revision was lost begins its count again, and says that it was lost', () => {
    const lost = { ...stored(undefined, 60, START_MS).head, revision: -1 };
    const change = stored(lost, 60, START_MS);
    expect(change.expectedRevision).toBe(-1);
    expect(change.head.revision).toBe(1);
  });
});

describe('the second in which a retention ends', () => {
  const HOUR = 3_600;
  const first = stored(undefined, HOUR, START_MS).head;

  it.each([0, 1, 500, 999])('retains for whole seconds from the one of the change, +%i ms', (offsetMs) => {
    const { head, retain } = stored(first, HOUR, START_MS + offsetMs);
    const endMs = START_MS + HOUR * 1_000;
    expect(retain?.retainedUntil).toBe(endMs / 1_000);
    expect(rollBack(head, retain, HOUR, handAt(endMs - 1))?.head).toMatchObject({ sealed: { version: 1 } });
    expect(rollBack(head, retain, HOUR, handAt(endMs))).toBeUndefined();
    expect(rollBack(head, retain, HOUR, handAt(endMs + 1))).toBeUndefined();
  });

  it('begins anew for the version that a rollback puts aside', () => {
    const { head, retain } = stored(first, HOUR, START_MS);
    const back = rollBack(head, retain, HOUR, handAt(START_MS + 1_800_000));
    expect(back?.retain).toMatchObject({ sealed: { version: 2 }, retainedUntil: START_MS / 1_000 + 5_400 });
    expect(back?.shred).toBe(1);
  });
});

describe('a rollback', () => {
  const first = stored(undefined, 60, START_MS).head;
  const { head, retain } = stored(first, 60, START_MS);

  it('is refused where nothing is retained', () => {
    expect(rollBack(first, undefined, 60, handAt(START_MS))).toBeUndefined();
    expect(rollBack(head, undefined, 60, handAt(START_MS))).toBeUndefined();
    expect(rollBack({ ...head, previousVersion: null }, retain, 60, handAt(START_MS))).toBeUndefined();
  });

  it('is refused to any other version than the previous one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1, max: 50 }).filter((version) => version !== 1),
        (version) => {
          const other = retain && { ...retain, sealed: sealedOf(version) };
          expect(rollBack(head, other, 60, handAt(START_MS))).toBeUndefined();
        },
      ),
    );
  });

  it('keeps a suspended key suspended, and the earlier version its own verdict and date', () => {
    const suspended = switchState(head, 'suspended', handAt(START_MS)).head as LiveKey;
    const back = rollBack(suspended, retain, 60, handAt(START_MS + 1_000));
    expect(back?.head).toMatchObject({
      state: 'suspended',
      verdict: first.verdict,
      createdAt: first.createdAt,
      createdBy: first.createdBy,
      previousVersion: 2,
    });
  });

  it('can be taken back, and back again', () => {
    let scope = carryOut(carryOut(EMPTY, stored(undefined, 60, START_MS)), stored(first, 60, START_MS));
    for (const expected of [1, 2, 1, 2]) {
      const current = scope.head as LiveKey;
      const change = rollBack(
        current,
        scope.retained.get(current.previousVersion ?? 0),
        60,
        handAt(START_MS + 1_000),
      );
      expect(change).toBeDefined();
      if (change !== undefined) scope = carryOut(scope, change);
      expect(scope.head).toMatchObject({ sealed: { version: expected }, lastVersion: 2 });
    }
  });
});
