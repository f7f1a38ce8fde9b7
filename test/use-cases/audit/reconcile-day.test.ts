import { describe, expect, test } from '@jest/globals';
import {
  type AuditEvent,
  type AuditRow,
  chainRow,
  emptyChain,
} from '../../../lambdas/domain/audit/audit-record.ts';
import {
  type Checkpoint,
  differenceSummary,
  MAX_FINDINGS,
} from '../../../lambdas/domain/audit/checkpoint.ts';
import type { DecryptCall } from '../../../lambdas/domain/audit/decrypt-call.ts';
import { encryptionContextOf } from '../../../lambdas/domain/keys/sealed-key.ts';
import { type ReconciliationPorts, reconcileDay } from '../../../lambdas/use-cases/audit/reconcile-day.ts';
import type {
  ChangedObject,
  EvidenceFolder,
  EvidenceVersions,
  TrailFile,
} from '../../../lambdas/use-cases/ports/audit.ts';

const CHAIN_KEY = Buffer.alloc(32, 7);
const DAY = '2026-11-23';
const NIGHT = '2026-11-24T03:00:00.000Z';
const MASTER_KEY = 'arn:aws:kms:us-east-1:000000000000:key/master';

/** Records as they are kept on all sides, for a test to take apart. */
class World {
  now = new Date(NIGHT);
  readonly files: (TrailFile & { readonly calls: readonly DecryptCall[] })[] = [];
  readonly archive = new Map<string, AuditRow[][]>();
  readonly table = new Map<string, AuditRow[]>();
  readonly saved: Checkpoint[] = [];
  readonly announced: Readonly<Record<string, number>>[] = [];
  readonly read: string[] = [];
  invalid: string[] = [];
  readonly objects: Record<EvidenceFolder, { name: string; changed?: ChangedObject }[]> = {
    archive: [],
    trail: [],
  };
  late: () => boolean = () => false;
  #requests = 0;

  /** A session in `workspaceId`: two rows on the trail and a call of KMS, which is returned. */
  session(workspaceId: string, at = `${DAY}T12:00:00.000Z`): DecryptCall {
    const requestId = `request-${++this.#requests}`;
    const facts = { key_scope: 'workspace', key_version: 1 };
    const rows = [
      this.#append(workspaceId, { type: 'session.reserved', at, facts }),
      this.#append(workspaceId, {
        type: 'session.issued',
        at,
        facts: { ...facts, kms_request_id: requestId },
      }),
    ];
    const archived = this.archive.get(workspaceId) ?? [];
    archived.push(rows);
    this.archive.set(workspaceId, archived);
    return {
      requestId,
      eventId: `event-${this.#requests}`,
      at,
      keyArns: [MASTER_KEY],
      encryptionContext: encryptionContextOf({
        scope: 'workspace',
        scopeId: workspaceId,
        workspaceId,
        version: 1,
      }),
      errorCode: undefined,
      principal: 'arn:aws:sts::000000000000:assumed-role/token',
    };
  }

  /** A row of the table that the archive lacks. */
  notArchived(workspaceId: string, at: string): void {
    this.#append(workspaceId, { type: 'site.changed', at, facts: {} });
  }

  deliver(at: string, ...calls: readonly DecryptCall[]): void {
    this.files.push({ name: `file-${this.files.length}`, at, calls });
  }

  async run(): Promise<Checkpoint | undefined> {
    return reconcileDay(this.#ports())();
  }

  /** One run of the next night. */
  async nextNight(days = 1): Promise<Checkpoint | undefined> {
    this.now = new Date(this.now.getTime() + days * 86_400_000);
    return this.run();
  }

  rowsOf(workspaceId: string): AuditRow[] {
    return this.table.get(workspaceId) ?? [];
  }

  #append(workspaceId: string, { type, at, facts }: Pick<AuditEvent, 'type' | 'at' | 'facts'>): AuditRow {
    const rows = this.table.get(workspaceId) ?? [];
    const event: AuditEvent = {
      eventId: `evt_${rows.length}`,
      workspaceId,
      type,
      at,
      actor: 'visitor',
      siteId: null,
      sessionId: `ses_${this.#requests}`,
      ipHash: null,
      facts,
    };
    const row = chainRow(event, rows.at(-1) ?? emptyChain(workspaceId), CHAIN_KEY);
    rows.push(row);
    this.table.set(workspaceId, rows);
    return row;
  }

  /** Two objects in a portion. */
  #versionsOf(folder: EvidenceFolder): EvidenceVersions {
    const objects = this.objects[folder];
    return {
      changesAfter: async function* (after) {
        const rest = objects.filter(({ name }) => name > after);
        for (let i = 0; i < rest.length; i += 2) {
          const portion = rest.slice(i, i + 2);
          yield {
            upTo: portion.at(-1)?.name ?? '',
            changed: portion.flatMap(({ changed }) => changed ?? []),
          };
        }
      },
    };
  }

  #ports(): ReconciliationPorts {
    const each = async function* <Item>(items: readonly Item[]): AsyncGenerator<Item> {
      yield* items;
    };
    return {
      clock: () => this.now,
      isLate: () => this.late(),
      masterKeyArns: [MASTER_KEY],
      evidence: { archive: this.#versionsOf('archive'), trail: this.#versionsOf('trail') },
      chainKeys: { keyOf: async () => CHAIN_KEY },
      announcer: {
        announceDifference: async ({ counts }) => {
          this.announced.push(counts);
        },
      },
      checkpoints: {
        latest: async () => ({ checkpoint: this.saved.at(-1), invalid: this.invalid }),
        save: async (checkpoint) => {
          // Through JSON, as an object keeps it.
          this.saved.push(JSON.parse(JSON.stringify(checkpoint)));
        },
      },
      trail: {
        filesSince: (since) => each(this.files.filter(({ at }) => Date.parse(at) >= since.getTime())),
        readDecrypts: async ({ name }) => {
          this.read.push(name);
          return this.files.find((file) => file.name === name)?.calls ?? [];
        },
      },
      archive: {
        workspaces: () => each([...this.archive.keys()]),
        rowsAfter: (workspaceId, sequence) =>
          each(
            (this.archive.get(workspaceId) ?? []).filter((rows) => (rows.at(-1)?.sequence ?? 0) > sequence),
          ),
      },
      audit: {
        lastMarkedSequence: async (workspaceId: string) => this.rowsOf(workspaceId).at(-1)?.sequence ?? 0,
        positionOf: ({ sequence }: { sequence: number }) => String(sequence),
        listRows: async (workspaceId: string, { after }: { after?: string | undefined }) => {
          const rows = this.rowsOf(workspaceId);
          const start = rows.findIndex(({ sequence }) => sequence > Number(after ?? 0));
          // Small pages, and few of them where there are many rows.
          const end = start + Math.max(2, Math.ceil(rows.length / 20));
          if (start === -1) return { items: [], next: undefined };
          const items = rows.slice(start, end);
          return { items, next: end < rows.length ? String(items.at(-1)?.sequence) : undefined };
        },
      } as unknown as ReconciliationPorts['audit'],
    };
  }
}

const kindsOf = (checkpoint: Checkpoint | undefined): string[] =>
  (checkpoint?.findings ?? []).map(({ kind }) => kind).sort();

describe('the nightly reconciliation', () => {
  test('matches the calls of the previous day with the audit rows of every workspace', async () => {
    const world = new World();
    world.deliver(`${DAY}T12:05:00.000Z`, world.session('w1'), world.session('w2'), world.session('w1'));
    expect(await world.run()).toMatchObject({
      from: '2026-11-23T00:00:00.000Z',
      to: '2026-11-24T00:00:00.000Z',
      complete: true,
      decrypts: 3,
      rows: 3,
      matched: 3,
      counts: {},
      comparedUpTo: null,
    });
    expect(world.announced).toEqual([]);
  });

  test('does nothing for a day that is already complete', async () => {
    const world = new World();
    await world.run();
    expect(await world.run()).toBeUndefined();
    expect(world.saved).toHaveLength(1);
  });

  test('does not judge a day that CloudTrail may not have delivered completely', async () => {
    const world = new World();
    world.now = new Date('2026-11-24T01:59:00.000Z');
    world.session('w1');
    expect(await world.run()).toMatchObject({ to: '2026-11-23T00:00:00.000Z', findings: [] });
  });

  test('reads each CloudTrail file once, even if it arrives after the minute in its name', async () => {
    const world = new World();
    world.deliver(`${DAY}T12:05:00.000Z`, world.session('w1'));
    world.deliver('2026-11-24T02:00:00.000Z', world.session('w1', '2026-11-24T01:00:00.000Z'));
    await world.run();
    world.deliver('2026-11-24T02:55:00.000Z', world.session('w1', '2026-11-24T02:50:00.000Z'));
    expect(await world.nextNight()).toMatchObject({ decrypts: 2, matched: 2, findings: [] });
    expect(world.read).toEqual(['file-0', 'file-1', 'file-2']);
  });

  test('announces the kinds of differences before it saves them', async () => {
    const world = new World();
    world.session('w1');
    expect(kindsOf(await world.run())).toEqual(['row_without_decrypt']);
    expect(world.announced).toEqual([{ row_without_decrypt: 1 }]);
    expect(differenceSummary({ row_without_decrypt: 1, rewritten: 2 })).toContain(
      '1 row_without_decrypt, 2 rewritten',
    );
  });

  test('announces neither a crash nor a decrypt that KMS refused for a damaged record, but saves both', async () => {
    const world = new World();
    const call = world.session('w1');
    const [reserved] = world.rowsOf('w1');
    world.table.set('w1', reserved === undefined ? [] : [reserved]);
    world.archive.set('w1', [world.rowsOf('w1')]);
    world.deliver(`${DAY}T12:05:00.000Z`, { ...call, errorCode: 'InvalidCiphertextException' });
    expect(kindsOf(await world.run())).toEqual(['failed_decrypt', 'intent_without_outcome']);
    expect(world.announced).toEqual([]);
  });

  test('announces a call that KMS refused for a missing permission', async () => {
    const world = new World();
    const refused = {
      ...world.session('w1'),
      requestId: 'other',
      eventId: 'other',
      errorCode: 'AccessDenied',
    };
    world.deliver(`${DAY}T12:05:00.000Z`, refused);
    await world.run();
    expect(world.announced).toEqual([{ failed_decrypt: 1, row_without_decrypt: 1 }]);
  });

  test('saves a bounded number of findings, incidents first, and counts all of them', async () => {
    const world = new World();
    const call = world.session('w1');
    const stranger = { ...call, keyArns: [MASTER_KEY], encryptionContext: {} };
    world.deliver(
      `${DAY}T12:05:00.000Z`,
      call,
      ...Array.from({ length: MAX_FINDINGS + 5 }, (_, i) => ({
        ...stranger,
        requestId: `stranger-${i}`,
        eventId: `stranger-${i}`,
      })),
    );
    const checkpoint = await world.run();
    expect(checkpoint?.findings).toHaveLength(MAX_FINDINGS);
    expect(checkpoint?.counts).toEqual({ decrypt_without_row: MAX_FINDINGS + 5 });
  });
});

describe('a record that arrives days late', () => {
  test('is matched with its counterpart, and neither is reported twice', async () => {
    const world = new World();
    const call = world.session('w1');
    expect(kindsOf(await world.run())).toEqual(['row_without_decrypt']);
    expect(kindsOf(await world.nextNight())).toEqual([]);
    world.deliver('2026-11-25T12:00:00.000Z', call);
    expect(kindsOf(await world.nextNight())).toEqual([]);
  });

  test('is reported if nothing explains it', async () => {
    const world = new World();
    await world.run();
    const call = world.session('w1');
    world.archive.clear();
    world.table.clear();
    world.deliver('2026-11-24T12:00:00.000Z', call);
    expect(kindsOf(await world.nextNight())).toEqual(['decrypt_without_row']);
  });

  test('is not judged if it is older than the first day of the reconciliation', async () => {
    const world = new World();
    world.session('w1', '2026-11-01T12:00:00.000Z');
    expect(await world.run()).toMatchObject({ rows: 0, findings: [] });
  });
});

describe('an audit chain in the reconciliation', () => {
  const settled = async (): Promise<World> => {
    const world = new World();
    world.deliver(`${DAY}T12:05:00.000Z`, world.session('w1'));
    await world.run();
    return world;
  };

  test('that was cut off after its checkpoint is reported until its rows are back', async () => {
    const world = await settled();
    const rows = [...world.rowsOf('w1')];
    world.table.set('w1', rows.slice(0, 1));
    expect(kindsOf(await world.nextNight())).toEqual(['table_broken']);
    expect(kindsOf(await world.nextNight())).toEqual(['table_broken']);
    world.table.set('w1', rows);
    expect(kindsOf(await world.nextNight())).toEqual([]);
  });

  test('that was cut off with its markers before its first checkpoint is reported', async () => {
    const world = new World();
    world.deliver(`${DAY}T12:05:00.000Z`, world.session('w1'));
    world.table.set('w1', world.rowsOf('w1').slice(0, 1));
    expect((await world.run())?.findings).toMatchObject([
      { kind: 'table_broken', workspace_id: 'w1', sequence: 2, detail: 'cut_off' },
    ]);
  });

  test('that was removed together with its archive is reported', async () => {
    const world = await settled();
    world.table.clear();
    world.archive.clear();
    expect(kindsOf(await world.nextNight())).toEqual(['table_broken']);
  });

  test('whose last row was replaced by someone with the chain key is reported', async () => {
    const world = await settled();
    const [first, second] = world.rowsOf('w1');
    if (first === undefined || second === undefined) throw new Error('There are two rows.');
    const { sequence, previousHash, hash, ...event } = second;
    const forged = chainRow({ ...event, type: 'session.refused' } as AuditEvent, first, CHAIN_KEY);
    expect([forged.sequence, forged.previousHash, forged.hash === hash]).toEqual([
      sequence,
      previousHash,
      false,
    ]);
    world.table.set('w1', [first, forged]);
    expect(kindsOf(await world.nextNight())).toEqual(['rewritten']);
  });

  test('that differs between table and archive is reported at the first different row', async () => {
    const world = new World();
    world.deliver(`${DAY}T12:05:00.000Z`, world.session('w1'));
    const [first, second] = world.rowsOf('w1');
    if (first === undefined || second === undefined) throw new Error('There are two rows.');
    const forged = chainRow({ ...first, type: 'site.changed' } as AuditEvent, emptyChain('w1'), CHAIN_KEY);
    world.table.set('w1', [forged, chainRow(second as AuditEvent, forged, CHAIN_KEY)]);
    const checkpoint = await world.run();
    expect(checkpoint?.findings).toMatchObject([{ kind: 'table_differs', workspace_id: 'w1', sequence: 1 }]);
  });

  test('with a gap in its archive is reported, and the day is still judged', async () => {
    const world = new World();
    world.deliver(`${DAY}T12:05:00.000Z`, world.session('w1'), world.session('w1'));
    const [first = [], second = []] = world.archive.get('w1') ?? [];
    world.archive.set('w1', [first.slice(0, 1), second]);
    expect(kindsOf(await world.run())).toEqual([
      'archive_broken',
      'decrypt_without_row',
      'intent_without_outcome',
    ]);
  });

  test('may be ahead of its archive for one hour', async () => {
    const world = await settled();
    world.notArchived('w1', '2026-11-25T02:30:00.000Z');
    expect(kindsOf(await world.nextNight())).toEqual([]);
    expect(kindsOf(await world.nextNight())).toEqual(['not_archived']);
  });

  test('that is known only from KMS calls is compared too', async () => {
    const world = new World();
    const call = world.session('w1');
    world.archive.clear();
    world.deliver(`${DAY}T12:05:00.000Z`, call);
    expect(kindsOf(await world.run())).toEqual(['decrypt_without_row', 'not_archived']);
  });
});

describe('a checkpoint of the reconciliation', () => {
  test('without a valid signature is reported by name', async () => {
    const world = new World();
    world.invalid = ['reconciliations/forged.ndjson'];
    expect((await world.run())?.findings).toMatchObject([
      { kind: 'checkpoint_invalid', detail: 'reconciliations/forged.ndjson' },
    ]);
  });

  test('that is older than a day and a half is reported, and each missed day is judged later', async () => {
    const world = new World();
    await world.run();
    world.deliver('2026-11-25T12:05:00.000Z', world.session('w1', '2026-11-25T12:00:00.000Z'));
    const first = await world.nextNight(2);
    expect(first).toMatchObject({ to: '2026-11-25T00:00:00.000Z', decrypts: 0 });
    expect(kindsOf(first)).toEqual(['checkpoint_missing']);
    expect(await world.run()).toMatchObject({ to: '2026-11-26T00:00:00.000Z', matched: 1, findings: [] });
    expect(await world.run()).toBeUndefined();
  });
});

describe('a reconciliation that runs out of time', () => {
  const LATER = ['2026-11-24T03:20:00.000Z', '2026-11-24T03:40:00.000Z'];

  test('between CloudTrail files saves its reads, judges nothing, and the next run continues', async () => {
    const world = new World();
    for (let i = 0; i < 20; i++) world.deliver(`${DAY}T12:05:00.000Z`, world.session('w1'));
    world.late = () => world.read.length === 8;
    expect(await world.run()).toMatchObject({ complete: false, decrypts: 0, findings: [], chains: {} });
    expect(world.read).toHaveLength(8);
    world.late = () => false;
    world.now = new Date(LATER[0] ?? '');
    expect(await world.run()).toMatchObject({ complete: true, decrypts: 20, matched: 20, findings: [] });
    expect(world.read).toHaveLength(20);
  });

  test('between workspaces continues with the next workspace in the next run', async () => {
    const world = new World();
    const calls = Array.from({ length: 20 }, (_, i) => world.session(`w${String(i).padStart(2, '0')}`));
    world.deliver(`${DAY}T12:05:00.000Z`, ...calls);
    let asked = 0;
    // Each of the first eight asks after its only object.
    world.late = () => ++asked === 9;
    expect(await world.run()).toMatchObject({ complete: false, comparedUpTo: 'w07' });
    world.now = new Date(LATER[0] ?? '');
    expect(await world.run()).toMatchObject({ complete: true, matched: 20, findings: [] });
    expect(Object.keys(world.saved.at(-1)?.chains ?? {})).toHaveLength(20);
  });

  test('within a long chain continues with the next row in the next run', async () => {
    const world = new World();
    const calls = Array.from({ length: 10_001 }, () => world.session('w1'));
    world.deliver(`${DAY}T12:05:00.000Z`, ...calls);
    world.archive.set('w0', []);
    let asked = 0;
    world.late = () => ++asked > 5_000;
    const first = await world.run();
    expect(first).toMatchObject({ complete: false, comparedUpTo: 'w0', findings: [] });
    expect(first?.chains['w1']?.sequence).toBe(10_002);
    world.late = () => false;
    world.now = new Date(LATER[0] ?? '');
    expect(await world.run()).toMatchObject({ complete: true, matched: 10_001, findings: [] });
  });
});

describe('the objects of the audit evidence', () => {
  const overwritten = (name: string, version = 'v2'): { name: string; changed: ChangedObject } => ({
    name,
    changed: { name, change: 'overwritten', version },
  });

  test('that were overwritten or hidden are incidents, once each', async () => {
    const world = new World();
    world.objects.archive.push(overwritten('audit/w/1.ndjson'), { name: 'audit/w/2.ndjson' });
    world.objects.trail.push({
      name: 'AWSLogs/1',
      changed: { name: 'AWSLogs/1', change: 'hidden', version: 'm1' },
    });
    expect((await world.run())?.findings).toMatchObject([
      { kind: 'object_overwritten', detail: 'archive: audit/w/1.ndjson' },
      { kind: 'object_hidden', detail: 'trail: AWSLogs/1' },
    ]);
    expect(world.announced).toEqual([{ object_overwritten: 1, object_hidden: 1 }]);
    expect((await world.nextNight())?.findings).toEqual([]);
    world.objects.archive[0] = overwritten('audit/w/1.ndjson', 'v3');
    expect((await world.nextNight())?.counts).toEqual({ object_overwritten: 1 });
  });

  test('are examined over several nights if necessary, and then again from the first', async () => {
    const world = new World();
    world.objects.archive.push({ name: 'a' }, { name: 'b' }, overwritten('c'), { name: 'd' });
    // The chains are compared in time; the first portion of objects is the last.
    let asked = 0;
    world.late = () => ++asked > 0;
    expect(await world.run()).toMatchObject({ complete: true, findings: [], swept: { archive: 'b' } });
    world.late = () => false;
    expect(await world.nextNight()).toMatchObject({ counts: { object_overwritten: 1 }, swept: {} });
    world.objects.archive[0] = overwritten('a');
    expect((await world.nextNight())?.findings).toMatchObject([{ detail: 'archive: a' }]);
  });
});
