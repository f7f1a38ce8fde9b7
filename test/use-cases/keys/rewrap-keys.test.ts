import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { type SealedKey, SealedKeyUnreadableError } from '../../../lambdas/domain/keys/sealed-key.ts';
import {
  damagedSealedKey,
  isLive,
  type KeyAddress,
  type LiveKey,
  type RetainedKey,
  type StoredKey,
} from '../../../lambdas/domain/keys/stored-key.ts';
import { auditEventFactory } from '../../../lambdas/use-cases/audit/audit-event-factory.ts';
import {
  type RewrapCounts,
  type RewrapPorts,
  rewrapKeys,
} from '../../../lambdas/use-cases/keys/rewrap-keys.ts';
import type { ScannedKey, Wrapping } from '../../../lambdas/use-cases/ports/keys.ts';
import { aKey, lost, NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { deriver, random } from '../tenancy/tenancy-fixture.ts';

const OPERATOR = { sub: 'operator:somebody', sourceIp: '' };
const OLD = 'arn:aws:kms:us-east-1:111122223333:key/old';
const NEW = 'arn:aws:kms:us-east-1:111122223333:key/new';
const NOTHING: RewrapCounts = { done: 0, skipped: 0, conflicted: 0, unreadable: 0, failed: 0 };

let wrappings = 0;
/** A data key under a master key; no two are alike. */
const wrappingBy = (kmsKeyArn: string): Wrapping => ({
  kmsKeyArn,
  wrappedDataKey: Buffer.from(`${kmsKeyArn} ${++wrappings}`),
});

const OWNER: KeyAddress = { scope: 'workspace', scopeId: WORKSPACE_ID, workspaceId: WORKSPACE_ID };
const numberedOwner = (number: number): KeyAddress => {
  const id = `owner${String(number).padStart(2, '0')}`;
  return { scope: 'workspace', scopeId: id, workspaceId: id };
};

const sealedBy = (kmsKeyArn: string, version: number, address: KeyAddress = OWNER): SealedKey => ({
  ...damagedSealedKey({ ...address, version }),
  ...wrappingBy(kmsKeyArn),
});

/** A key at version 2; `previousVersion: 1` where it can be rolled back. */
const headBy = (kmsKeyArn: string, facts: Partial<LiveKey> = {}, address: KeyAddress = OWNER): LiveKey => ({
  ...aKey('workspace', { previousVersion: null, revision: 5, ...facts }),
  sealed: facts.sealed ?? sealedBy(kmsKeyArn, 2, address),
});

const retainedBy = (kmsKeyArn: string, version = 1, address: KeyAddress = OWNER): RetainedKey => ({
  sealed: sealedBy(kmsKeyArn, version, address),
  verdict: aKey('workspace').verdict,
  createdAt: NOW.toISOString(),
  createdBy: 'owner',
  retainedUntil: NOW.getTime() / 1_000 + 86_400,
});

const DELETED: StoredKey = {
  state: 'deleted',
  revision: 6,
  lastVersion: 2,
  changedAt: NOW.toISOString(),
  changedBy: 'owner',
};

const headPlace = ({ scopeId }: KeyAddress = OWNER): string => `${scopeId} KEY`;
const retainedPlace = (version: number, { scopeId }: KeyAddress = OWNER): string =>
  `${scopeId} RETAINED#${version}`;

type Records = readonly (LiveKey | RetainedKey)[];

/** Keys as their table keeps them. Records are met in the order of their places, or before all of them: `unreadable`. */
const tableWith = (
  records: Records,
  {
    pageSize = 100,
    unreadable = [],
  }: { readonly pageSize?: number; readonly unreadable?: readonly string[] } = {},
) => {
  const heads = new Map<string, StoredKey>();
  const retained = new Map<string, RetainedKey>();
  const put = (record: LiveKey | RetainedKey): void => {
    if ('state' in record) heads.set(headPlace(record.sealed), record);
    else retained.set(retainedPlace(record.sealed.version, record.sealed), record);
  };
  for (const record of records) put(record);
  const trail: AuditEvent[] = [];
  const writes: Parameters<RewrapPorts['writer']['replaceWrappings']>[1][] = [];
  const asked: SealedKey[] = [];

  const scanned = (): ScannedKey[] => [
    ...unreadable.map((place) => ({ record: 'unreadable', place }) as const),
    ...[...heads].flatMap(([place, currentKey]) =>
      isLive(currentKey)
        ? [{ record: 'head', place, address: addressOf(currentKey.sealed), currentKey } as const]
        : [],
    ),
    ...[...retained].map(
      ([place, kept]) =>
        ({ record: 'retained', place, address: addressOf(kept.sealed), retained: kept }) as const,
    ),
  ];
  const ports: RewrapPorts = {
    scan: {
      scanKeys: async (after = '') => {
        const left = scanned()
          .filter(({ place }) => place > after)
          .toSorted((a, b) => (a.place < b.place ? -1 : 1));
        const items = left.slice(0, pageSize);
        return { items, next: left.length > pageSize ? items.at(-1)?.place : undefined };
      },
    },
    keys: {
      readKey: async (address) => heads.get(headPlace(address)),
      readRetained: async (address, version) => {
        if (!Number.isSafeInteger(version)) throw new Error(`${version} is no version.`);
        return retained.get(retainedPlace(version, address));
      },
    },
    writer: {
      replaceWrappings: async (address, change) => {
        const currentKey = heads.get(headPlace(address));
        const kept = change.retained && retained.get(retainedPlace(change.retained.sealed.version, address));
        if (change.revision !== undefined && currentKey?.revision !== change.revision)
          throw new ConflictError();
        if (change.head && !(isLive(currentKey) && sameWrapping(currentKey.sealed, change.head.sealed)))
          throw new ConflictError();
        if (change.retained && !(kept && sameWrapping(kept.sealed, change.retained.sealed)))
          throw new ConflictError();
        writes.push(change);
        if (change.revision !== undefined && isLive(currentKey))
          put({
            ...currentKey,
            revision: currentKey.revision + 1,
            sealed: { ...currentKey.sealed, ...change.head?.wrapping },
          });
        if (kept) put({ ...kept, sealed: { ...kept.sealed, ...change.retained?.wrapping } });
        trail.push(...[change.head, change.retained].flatMap((rewrap) => rewrap?.event ?? []));
      },
    },
    rewrapper: {
      rewrap: async (sealed, toKeyArn) => {
        asked.push(sealed);
        return { wrapping: wrappingBy(toKeyArn), kmsRequestId: `kms-${asked.length}` };
      },
    },
    auditEvents: auditEventFactory({ clock: () => NOW, random, pseudonyms: deriver }),
  };
  return {
    ports,
    put,
    heads,
    retained,
    trail,
    writes,
    asked,
    /** Under which master key each record is. */
    wrappedBy: () =>
      Object.fromEntries(
        [...heads, ...retained].map(([place, record]) => [
          place,
          'sealed' in record ? record.sealed.kmsKeyArn : 'deleted',
        ]),
      ),
  };
};
type Table = ReturnType<typeof tableWith>;

const addressOf = ({ scope, scopeId, workspaceId }: KeyAddress): KeyAddress => ({
  scope,
  scopeId,
  workspaceId,
});
const sameWrapping = (a: SealedKey, b: SealedKey): boolean =>
  Buffer.compare(a.wrappedDataKey, b.wrappedDataKey) === 0;

const run = async (
  table: Table,
  { own = {}, dryRun = false }: { readonly own?: Partial<RewrapPorts>; readonly dryRun?: boolean } = {},
) => {
  const troubles: unknown[] = [];
  const progress: RewrapCounts[] = [];
  const report = await rewrapKeys({ ...table.ports, ...own })(OPERATOR, {
    toKeyArn: NEW,
    dryRun,
    onProgress: (counts) => progress.push({ ...counts }),
    onTrouble: (...trouble) => troubles.push(trouble),
  });
  return { ...report, troubles, progress };
};

/** The rewrapper, with another person's action once the first answer of KMS is there. */
const meanwhile = ({ ports }: Table, act: () => void): Partial<RewrapPorts> => {
  let pending = true;
  return {
    rewrapper: {
      rewrap: async (sealed, toKeyArn) => {
        const answer = await ports.rewrapper.rewrap(sealed, toKeyArn);
        if (pending) act();
        pending = false;
        return answer;
      },
    },
  };
};

describe('the re-wrap of a key', () => {
  it('moves the key and its retained version in one write, and a second pass finds nothing left', async () => {
    const table = tableWith([headBy(OLD, { previousVersion: 1 }), retainedBy(OLD)]);
    expect(await run(table)).toEqual({
      counts: { ...NOTHING, done: 2, skipped: 2 },
      complete: true,
      troubles: [],
      progress: [
        { ...NOTHING, done: 2 },
        { ...NOTHING, skipped: 2 },
      ],
    });
    expect(table.writes).toHaveLength(1);
    expect(table.wrappedBy()).toEqual({ [headPlace()]: NEW, [retainedPlace(1)]: NEW });
    expect(table.heads.get(headPlace())?.revision).toBe(6);
  });

  it('records the owner, the version and both master keys without their account', async () => {
    const site: KeyAddress = { scope: 'site', scopeId: SITE_ID, workspaceId: WORKSPACE_ID };
    const table = tableWith([headBy(OLD, { previousVersion: 1 }, site), retainedBy(OLD, 1, site)]);
    await run(table);
    const event = {
      type: 'key.rewrapped',
      actor: 'operator:somebody',
      workspaceId: WORKSPACE_ID,
      siteId: null,
    };
    const facts = { scope: 'site', scope_id: SITE_ID, master_key_before: 'old', master_key: 'new' };
    expect(table.trail).toEqual([
      expect.objectContaining({
        ...event,
        facts: { ...facts, version: 2, record: 'current', kms_reencrypt_request_id: 'kms-1' },
      }),
      expect.objectContaining({
        ...event,
        facts: { ...facts, version: 1, record: 'retained', kms_reencrypt_request_id: 'kms-2' },
      }),
    ]);
  });

  it('records no request ID if KMS returned none', async () => {
    const table = tableWith([headBy(OLD)]);
    await run(table, {
      own: { rewrapper: { rewrap: async () => ({ wrapping: wrappingBy(NEW), kmsRequestId: undefined }) } },
    });
    expect(table.trail.map(({ facts }) => Object.keys(facts))).toEqual([
      ['scope', 'scope_id', 'version', 'record', 'master_key_before', 'master_key'],
    ]);
  });

  it.each([
    ['moves only the key if its retained version has already moved', OLD, NEW, 2],
    ['checks the revision of a key that has already moved when its retained version moves', NEW, OLD, 1],
  ])('%s', async (_, head, retained, version) => {
    const table = tableWith([headBy(head, { previousVersion: 1 }), retainedBy(retained)]);
    expect(await run(table)).toMatchObject({ counts: { ...NOTHING, done: 1, skipped: 2 }, complete: true });
    expect(table.asked.map((sealed) => sealed.version)).toEqual([version]);
    expect(table.writes.map(({ revision }) => revision)).toEqual([5]);
    expect(table.wrappedBy()).toEqual({ [headPlace()]: NEW, [retainedPlace(1)]: NEW });
  });

  it('changes nothing if both have already moved, and ends after one pass', async () => {
    const table = tableWith([headBy(NEW, { previousVersion: 1 }), retainedBy(NEW)]);
    expect(await run(table)).toEqual({
      counts: { ...NOTHING, skipped: 2 },
      complete: true,
      troubles: [],
      progress: [{ ...NOTHING, skipped: 2 }],
    });
    expect([table.asked, table.writes]).toEqual([[], []]);
  });

  it('moves only the key if its retained version was shredded meanwhile', async () => {
    const table = tableWith([headBy(OLD, { previousVersion: 1 })]);
    expect(await run(table)).toMatchObject({ counts: { ...NOTHING, done: 1, skipped: 1 }, complete: true });
  });
});

describe('the re-wrap of a retained version', () => {
  it.each<[string, (table: Table) => void, string | undefined]>([
    ['without a current key', () => undefined, undefined],
    ['of a deleted key', ({ heads }) => heads.set(headPlace(), DELETED), 'deleted'],
    ['that its key no longer names', ({ put }) => put(headBy(NEW)), NEW],
    [
      'whose key names another version',
      ({ put }) => {
        put(headBy(NEW, { previousVersion: 3 }));
        put(retainedBy(NEW, 3));
      },
      NEW,
    ],
  ])('%s moves it alone, whatever the revision of the key', async (_, seed, head) => {
    const table = tableWith([retainedBy(OLD)]);
    seed(table);
    const { counts, complete } = await run(table);
    expect([counts.done, complete]).toEqual([1, true]);
    expect(table.writes).toEqual([
      {
        revision: undefined,
        currentKey: undefined,
        retained: expect.objectContaining({ sealed: table.asked[0] }),
      },
    ]);
    expect(table.trail.map(({ facts }) => [facts['version'], facts['record']])).toEqual([[1, 'retained']]);
    expect(table.wrappedBy()).toMatchObject({
      [retainedPlace(1)]: NEW,
      ...(head !== undefined && { [headPlace()]: head }),
    });
  });

  it('that its key names happens with that key, and not separately', async () => {
    const table = tableWith([headBy(NEW, { previousVersion: 1 }), retainedBy(OLD)]);
    const scan = {
      // The key itself was met before: while it still was another one.
      scanKeys: async () => ({
        items: (await table.ports.scan.scanKeys(undefined)).items.filter(
          ({ record }) => record === 'retained',
        ),
        next: undefined,
      }),
    };
    expect(await run(table, { own: { scan } })).toMatchObject({ counts: NOTHING, complete: true });
    expect(table.asked).toEqual([]);
  });
});

describe('a dry run of the re-wrap', () => {
  it('counts the remaining records in one pass, without KMS and without a write', async () => {
    const table = tableWith([
      headBy(OLD, { previousVersion: 1 }),
      retainedBy(NEW),
      retainedBy(OLD, 1, numberedOwner(1)),
    ]);
    expect(await run(table, { dryRun: true })).toEqual({
      counts: { ...NOTHING, done: 2, skipped: 1 },
      complete: false,
      troubles: [],
      progress: [{ ...NOTHING, done: 2, skipped: 1 }],
    });
    expect([table.asked, table.writes]).toEqual([[], []]);
  });

  it('reports completion if nothing is left', async () => {
    expect(await run(tableWith([headBy(NEW)]), { dryRun: true })).toMatchObject({
      counts: { ...NOTHING, skipped: 1 },
      complete: true,
    });
  });
});

describe('the re-wrap of many records', () => {
  const owners = Array.from({ length: 40 }, (_, i) => numberedOwner(i));
  const many = () =>
    owners.flatMap((owner) => [headBy(OLD, { previousVersion: 1 }, owner), retainedBy(OLD, 1, owner)]);

  it('goes through them page by page, each once, and reports after each page', async () => {
    const table = tableWith(many(), { pageSize: 25 });
    const { counts, complete, progress } = await run(table);
    expect([counts, complete]).toEqual([{ ...NOTHING, done: 80, skipped: 80 }, true]);
    expect(progress.map(({ done, skipped }) => [done, skipped])).toEqual([
      [26, 0],
      [50, 0],
      [76, 0],
      [80, 0],
      [0, 26],
      [0, 50],
      [0, 76],
      [0, 80],
    ]);
    expect(table.writes).toHaveLength(40);
    expect(new Set(Object.values(table.wrappedBy()))).toEqual(new Set([NEW]));
  });

  it('handles eight keys at a time', async () => {
    const table = tableWith(owners.map((owner) => headBy(OLD, {}, owner)));
    let now = 0;
    let most = 0;
    await run(table, {
      own: {
        rewrapper: {
          rewrap: async (sealed, toKeyArn) => {
            most = Math.max(most, ++now);
            await new Promise(setImmediate);
            now--;
            return table.ports.rewrapper.rewrap(sealed, toKeyArn);
          },
        },
      },
    });
    expect(most).toBe(8);
  });
});

describe('the re-wrap of a key that changes meanwhile', () => {
  const KEY = [headBy(OLD, { previousVersion: 1 }), retainedBy(OLD)];
  /** The counts of the first pass, the final table, and the versions that the trail names. */
  const cases: [
    string,
    Records,
    (table: Table) => void,
    Partial<RewrapCounts>,
    Record<string, string>,
    unknown[],
  ][] = [
    [
      'moves the new key and the replaced one',
      [headBy(OLD)],
      ({ heads, put }) => {
        const before = heads.get(headPlace()) as LiveKey;
        put({ ...retainedBy(OLD, 2), sealed: before.sealed });
        put(headBy(OLD, { revision: 6, previousVersion: 2, sealed: sealedBy(OLD, 3) }));
      },
      { done: 2 },
      { [headPlace()]: NEW, [retainedPlace(2)]: NEW },
      [3, 2],
    ],
    [
      'moves the replaced key if the new key is already under the new master key',
      [headBy(OLD)],
      ({ heads, put }) => {
        const before = heads.get(headPlace()) as LiveKey;
        put({ ...retainedBy(OLD, 2), sealed: before.sealed });
        put(headBy(NEW, { revision: 6, previousVersion: 2, sealed: sealedBy(NEW, 3) }));
      },
      { done: 1, skipped: 1 },
      { [headPlace()]: NEW, [retainedPlace(2)]: NEW },
      [2],
    ],
    [
      'moves the suspended key',
      [headBy(OLD)],
      ({ heads, put }) => put({ ...(heads.get(headPlace()) as LiveKey), state: 'suspended', revision: 6 }),
      { done: 1 },
      { [headPlace()]: NEW },
      [2],
    ],
    [
      'counts nothing for a deleted key',
      KEY,
      ({ heads, retained }) => {
        heads.set(headPlace(), DELETED);
        retained.clear();
      },
      {},
      { [headPlace()]: 'deleted' },
      [],
    ],
    [
      'counts nothing for a key that disappears',
      KEY,
      ({ heads, retained }) => {
        heads.clear();
        retained.clear();
      },
      {},
      {},
      [],
    ],
    [
      'moves only the key if its retained version is shredded',
      KEY,
      ({ retained }) => retained.clear(),
      { done: 1 },
      { [headPlace()]: NEW },
      [2],
    ],
    [
      'counts both as skipped if another operator moved them',
      KEY,
      ({ put }) => {
        put(headBy(NEW, { previousVersion: 1, revision: 6 }));
        put(retainedBy(NEW));
      },
      { skipped: 2 },
      { [headPlace()]: NEW, [retainedPlace(1)]: NEW },
      [],
    ],
    [
      'counts nothing for a retained version without a key that is shredded',
      [retainedBy(OLD)],
      ({ retained }) => retained.clear(),
      {},
      {},
      [],
    ],
    [
      'skips a retained version without a key that another operator moved',
      [retainedBy(OLD)],
      ({ put }) => put(retainedBy(NEW)),
      { skipped: 1 },
      { [retainedPlace(1)]: NEW },
      [],
    ],
    [
      'moves a retained version without a key that was re-wrapped under the old master key',
      [retainedBy(OLD)],
      ({ put }) => put(retainedBy(OLD)),
      { done: 1 },
      { [retainedPlace(1)]: NEW },
      [1],
    ],
  ];

  it.each(cases)('%s', async (_, records, act, counts, held, versions) => {
    const table = tableWith(records);
    const { progress, complete, troubles } = await run(table, {
      own: meanwhile(table, () => act(table)),
    });
    expect(progress[0]).toEqual({ ...NOTHING, ...counts });
    expect([complete, troubles]).toEqual([true, []]);
    expect(table.wrappedBy()).toEqual(held);
    expect(table.trail.map(({ facts }) => facts['version'])).toEqual(versions);
  });
});

describe('the re-wrap of a key that another writer keeps changing', () => {
  const losing = ({ ports }: Table, times: number) => {
    const tried: unknown[] = [];
    const own: Partial<RewrapPorts> = {
      writer: {
        replaceWrappings: async (address, records) => {
          tried.push(records.revision);
          if (tried.length <= times) await lost();
          await ports.writer.replaceWrappings(address, records);
        },
      },
    };
    return { tried, own };
  };

  it('succeeds at the second attempt after one conflict, without a reported problem', async () => {
    const table = tableWith([headBy(OLD)]);
    const { own, tried } = losing(table, 1);
    expect(await run(table, { own })).toMatchObject({
      counts: { ...NOTHING, done: 1, skipped: 1 },
      complete: true,
      troubles: [],
    });
    expect(tried).toHaveLength(2);
    expect(table.trail).toHaveLength(1);
  });

  it('reports the key after two conflicts, and moves it in the next pass', async () => {
    const table = tableWith([headBy(OLD, { previousVersion: 1 }), retainedBy(OLD)]);
    const { own } = losing(table, 2);
    expect(await run(table, { own })).toEqual({
      counts: { ...NOTHING, done: 2, skipped: 2 },
      complete: true,
      troubles: [[headPlace(), 'conflicted', undefined]],
      progress: [
        { ...NOTHING, conflicted: 1 },
        { ...NOTHING, done: 2 },
        { ...NOTHING, skipped: 2 },
      ],
    });
  });

  it('tries the key again after two conflicts, even if another key moved in that pass', async () => {
    const table = tableWith([headBy(OLD, {}, numberedOwner(0)), headBy(OLD, {}, numberedOwner(1))]);
    let losses = 2;
    const own: Partial<RewrapPorts> = {
      writer: {
        replaceWrappings: async (address, records) => {
          if (address.scopeId === numberedOwner(0).scopeId && losses-- > 0) await lost();
          await table.ports.writer.replaceWrappings(address, records);
        },
      },
    };
    const { counts, complete, progress } = await run(table, { own });
    expect([counts, complete]).toEqual([{ ...NOTHING, done: 2, skipped: 2 }, true]);
    expect(progress[0]).toEqual({ ...NOTHING, done: 1, conflicted: 1 });
  });

  it('is incomplete after two attempts in each of three passes', async () => {
    const table = tableWith([headBy(OLD)]);
    const { own, tried } = losing(table, Number.POSITIVE_INFINITY);
    const { counts, complete, troubles, progress } = await run(table, { own });
    expect([counts, complete]).toEqual([{ ...NOTHING, conflicted: 1 }, false]);
    expect([tried.length, troubles.length, progress.length]).toEqual([6, 3, 3]);
    expect(table.wrappedBy()).toEqual({ [headPlace()]: OLD });
    expect(table.trail).toEqual([]);
  });
});

describe('the re-wrap of records that appear behind each pass', () => {
  it('moves each one in the next pass, counts all, and is incomplete after three passes', async () => {
    const table = tableWith([headBy(OLD, {}, numberedOwner(0))]);
    let stored = 0;
    const own: Partial<RewrapPorts> = {
      writer: {
        replaceWrappings: async (address, records) => {
          await table.ports.writer.replaceWrappings(address, records);
          table.put(headBy(OLD, {}, numberedOwner(++stored)));
        },
      },
    };
    expect(await run(table, { own })).toMatchObject({
      counts: { ...NOTHING, done: 3, skipped: 2 },
      complete: false,
    });
    expect(table.writes).toHaveLength(3);
  });
});

const REFUSED = new DependencyUnavailableError('kms', 'ReEncrypt', 'AccessDeniedException');
const FAULT = new Error('a fault of ours');

describe('the re-wrap of a record that cannot be read', () => {
  it('reports a record that the scan cannot read, and ends after one pass', async () => {
    const table = tableWith([headBy(NEW)], { unreadable: ['#damaged KEY'] });
    expect(await run(table)).toEqual({
      counts: { ...NOTHING, skipped: 1, unreadable: 1 },
      complete: false,
      troubles: [['#damaged KEY', 'unreadable', undefined]],
      progress: [{ ...NOTHING, skipped: 1, unreadable: 1 }],
    });
  });

  const WHICH = [
    ['current', 2, headPlace(), { [headPlace()]: OLD, [retainedPlace(1)]: NEW }],
    ['earlier', 1, `${headPlace()}, retained 1`, { [headPlace()]: NEW, [retainedPlace(1)]: OLD }],
  ] as const;
  const HOW = [
    ['permanently', new SealedKeyUnreadableError(), 'unreadable', undefined],
    ['temporarily', REFUSED, 'failed', 'AccessDeniedException'],
  ] as const;

  it.each(
    WHICH.flatMap(([which, ...bad]) => HOW.map(([how, ...told]) => [which, how, ...bad, ...told] as const)),
  )(
    'reports the %s version if KMS refuses it %s, and still moves the other version',
    async (_, _how, bad, place, held, error, outcome, errorName) => {
      const table = tableWith([headBy(OLD, { previousVersion: 1 }), retainedBy(OLD)]);
      const own: Partial<RewrapPorts> = {
        rewrapper: {
          rewrap: async (sealed, toKeyArn) => {
            if (sealed.version === bad) throw error;
            return table.ports.rewrapper.rewrap(sealed, toKeyArn);
          },
        },
      };
      const { counts, complete, troubles } = await run(table, { own });
      expect([counts, complete]).toEqual([{ ...NOTHING, done: 1, skipped: 1, [outcome]: 1 }, false]);
      const trouble = [place, outcome, errorName];
      expect(troubles).toEqual([trouble, trouble]);
      expect(table.wrappedBy()).toEqual(held);
    },
  );

  it('is incomplete if another record fails too', async () => {
    const table = tableWith([headBy(OLD)], { unreadable: ['#damaged KEY'] });
    const own = { rewrapper: { rewrap: () => Promise.reject(REFUSED) } };
    expect(await run(table, { own })).toMatchObject({
      counts: { ...NOTHING, unreadable: 1, failed: 1 },
      complete: false,
    });
  });
});

/** The ports with one method in place of the table's; it does so for the first owner's records, and no others. */
const failing = (
  { ports }: Table,
  at: string,
  error: Error,
  times = Number.POSITIVE_INFINITY,
): Partial<RewrapPorts> => {
  let left = times;
  const meant = (subject: { readonly workspaceId: string }) =>
    subject.workspaceId === numberedOwner(0).workspaceId && left-- > 0;
  const fail = (subject: { readonly workspaceId: string }): void => {
    if (meant(subject)) throw error;
  };
  const methods: Record<string, Partial<RewrapPorts>> = {
    'KMS does not move': {
      rewrapper: {
        rewrap: async (sealed, toKeyArn) => {
          fail(sealed);
          return ports.rewrapper.rewrap(sealed, toKeyArn);
        },
      },
    },
    'has no audit event': {
      auditEvents: {
        event: async (caller, type, subject) => {
          fail(subject);
          return ports.auditEvents.event(caller, type, subject);
        },
      },
    },
    'the table does not write': {
      writer: {
        replaceWrappings: async (address, records) => {
          fail(address);
          await ports.writer.replaceWrappings(address, records);
        },
      },
    },
    'has a retained version that the table does not read': {
      keys: {
        ...ports.keys,
        readRetained: async (address, version) => {
          fail(address);
          return ports.keys.readRetained(address, version);
        },
      },
    },
  };
  return methods[at] ?? {};
};

describe('a key that', () => {
  const KEYS = () => [
    headBy(OLD, { previousVersion: 1 }, numberedOwner(0)),
    headBy(OLD, { previousVersion: 1 }, numberedOwner(1)),
  ];
  const STEPS = [
    'KMS does not move',
    'has no audit event',
    'the table does not write',
    'has a retained version that the table does not read',
  ];

  it.each(STEPS)('%s is reported with the error of the service, and the others move', async (step) => {
    const table = tableWith(KEYS());
    const { counts, complete, troubles } = await run(table, { own: failing(table, step, REFUSED) });
    expect([counts, complete]).toEqual([{ ...NOTHING, done: 1, skipped: 1, failed: 1 }, false]);
    const trouble = [headPlace(numberedOwner(0)), 'failed', 'AccessDeniedException'];
    expect(troubles).toEqual([trouble, trouble]);
    expect(table.wrappedBy()).toEqual({
      [headPlace(numberedOwner(0))]: OLD,
      [headPlace(numberedOwner(1))]: NEW,
    });
  });

  it.each(STEPS)('%s because of a fault of ours ends the run, and is not tried again', async (step) => {
    const table = tableWith(KEYS());
    expect(await outcomeOf(run(table, { own: failing(table, step, FAULT, 1) }))).toBe(FAULT);
  });

  it('fails once is moved in the next pass, which the other keys cause', async () => {
    const table = tableWith(KEYS());
    const own = failing(table, 'KMS does not move', REFUSED, 1);
    expect(await run(table, { own })).toMatchObject({
      counts: { ...NOTHING, done: 2, skipped: 2 },
      complete: true,
      troubles: [[headPlace(numberedOwner(0)), 'failed', 'AccessDeniedException']],
    });
  });

  it('fails alone is not tried again in the same run', async () => {
    const table = tableWith(KEYS().slice(0, 1));
    const own = failing(table, 'KMS does not move', REFUSED, 1);
    expect(await run(table, { own })).toMatchObject({
      counts: { ...NOTHING, failed: 1 },
      complete: false,
      progress: [{ ...NOTHING, failed: 1 }],
    });
  });

  it.each([
    ['is reported as failed if the service does not answer', REFUSED],
    ['ends the run if the fault is ours', FAULT],
  ])('another writer changed, and whose second write fails, %s', async (_, error) => {
    const table = tableWith([headBy(OLD)]);
    let writes = 0;
    const own: Partial<RewrapPorts> = {
      writer: { replaceWrappings: () => (writes++ === 0 ? lost() : Promise.reject(error)) },
    };
    const outcome = await outcomeOf(run(table, { own }));
    if (error === FAULT) expect(outcome).toBe(FAULT);
    else expect(outcome).toBe('done');
    expect(writes).toBe(2);
  });

  it('is retained and whose current version cannot be read is reported as failed', async () => {
    const table = tableWith([retainedBy(OLD)]);
    const own = { keys: { ...table.ports.keys, readKey: () => Promise.reject(REFUSED) } };
    expect(await run(table, { own })).toMatchObject({
      counts: { ...NOTHING, failed: 1 },
      complete: false,
      troubles: [[retainedPlace(1), 'failed', 'AccessDeniedException']],
    });
    expect(table.asked).toEqual([]);
  });
});

describe('the scan of all keys', () => {
  it('ends the run if it fails, because a partial scan cannot prove that nothing is left', async () => {
    const table = tableWith([headBy(NEW, {}, numberedOwner(0)), headBy(NEW, {}, numberedOwner(1))], {
      pageSize: 1,
    });
    const own: Partial<RewrapPorts> = {
      scan: {
        scanKeys: (after) =>
          after === undefined ? table.ports.scan.scanKeys(after) : Promise.reject(REFUSED),
      },
    };
    expect(await outcomeOf(run(table, { own }))).toBe(REFUSED);
  });
});
