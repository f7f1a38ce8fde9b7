import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Checkpoint } from '../../lambdas/domain/audit/checkpoint.ts';
import { LocalTrail, type TrailRecord } from '../support/cloudtrail.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { BUNDLED, startTestStack, type TestStack } from '../support/stack.ts';
import { mint, type Tenant } from '../support/tenant.ts';
import { type RawTables, rawTables } from './tables.ts';
import { siteWithKey } from './trail.ts';

/** The daily comparison of CloudTrail, the audit trail, its archive and the last checkpoint. */

const HOUR_MS = 3_600_000;
const CHECKPOINTS = 'reconciliations/';

let clock: ReturnType<typeof frozenClock>;
let stack: TestStack;
let tables: RawTables;
let trail: LocalTrail;
let tenant: Tenant;

beforeEach(async () => {
  clock = frozenClock();
  stack = await startTestStack({ runtime: { clock: clock.clock } });
  tables = rawTables(stack);
  trail = new LocalTrail(stack);
  tenant = await siteWithKey(stack);
});

afterEach(async () => {
  tables?.close();
  await stack?.close();
});

const bucket = (): string => stack.variables['ARCHIVE_BUCKET'] ?? '';

const checkpointNames = (): readonly string[] =>
  stack.s3.keys(bucket()).filter((key) => key.startsWith(CHECKPOINTS));

const lastCheckpoint = (): Checkpoint => {
  const text = stack.s3.read(bucket(), checkpointNames().at(-1) ?? '') ?? '';
  return JSON.parse(text.split('\n')[0] ?? '');
};

/** Mints, and has CloudTrail deliver the calls of it. */
const useKey = async (change: (records: TrailRecord[]) => TrailRecord[] = (records) => records) => {
  await mint(stack, tenant);
  await stack.streams.drain();
  trail.deliver(change(trail.pending(clock.clock())), clock.clock());
};

/** Lets the rest of the day pass, and compares it. */
const nextRun = async (): Promise<Checkpoint> => {
  await stack.streams.drain();
  const untilThree = 27 * HOUR_MS - (clock.clock().getTime() % (24 * HOUR_MS));
  clock.advance(untilThree);
  await stack.reconcile();
  // To noon of the same day.
  clock.advance(9 * HOUR_MS);
  return lastCheckpoint();
};

const kindsOf = ({ findings }: Checkpoint): string[] => findings.map(({ kind }) => kind).sort();

const rowsOf = async (): Promise<readonly Record<string, unknown>[]> =>
  tables.partition('audit', `AUDIT#${tenant.workspaceId}`);

const removeRow = async (sequence: number): Promise<void> => {
  const sk = String(sequence).padStart(10, '0');
  await tables.delete('audit', { pk: `AUDIT#${tenant.workspaceId}`, sk });
  await tables.delete('audit', { pk: `MARKERS#${tenant.workspaceId}`, sk });
};

/** As someone with every right on the audit table, who leaves no trace in its stream. */
const cutTail = async (rows: number): Promise<void> => {
  const all = await rowsOf();
  for (let i = 0; i < rows; i++) await removeRow(all.length - i);
};

describe('a day for which all records agree', () => {
  test('has no finding, and its checkpoint records the head of each chain', async () => {
    await useKey();
    await useKey();
    const checkpoint = await nextRun();
    const head = (await rowsOf()).at(-1);
    expect(checkpoint).toMatchObject({ complete: true, decrypts: 2, rows: 2, matched: 2, findings: [] });
    expect(checkpoint.chains[tenant.workspaceId]).toEqual({
      sequence: head?.['sequence'],
      hash: head?.['hash'],
      previousHash: head?.['previousHash'],
    });
    if (!BUNDLED) expect(stack.incidents.differences).toEqual([]);
  });

  test('is reconciled once, however often the schedule runs', async () => {
    await useKey();
    await nextRun();
    await stack.reconcile();
    expect(checkpointNames()).toHaveLength(1);
  });

  test('continues from the checkpoint of the day before', async () => {
    await useKey();
    await nextRun();
    await useKey();
    const second = await nextRun();
    expect(second).toMatchObject({ from: '2026-11-24T00:00:00.000Z', matched: 1, findings: [] });
    expect(await nextRun()).toMatchObject({ decrypts: 0, matched: 0, findings: [] });
  });

  test('includes the CloudTrail calls of every region', async () => {
    await useKey();
    await mint(stack, tenant);
    await stack.streams.drain();
    trail.deliver(trail.pending(clock.clock()), clock.clock(), 'eu-central-1');
    expect(await nextRun()).toMatchObject({ matched: 2, findings: [] });
  });

  test('joins a decrypt just before its end with the row of the next day', async () => {
    clock.advance(12 * HOUR_MS - 10_000 - 500);
    await mint(stack, tenant);
    const beforeMidnight = new Date(clock.clock().getTime() - 1_000);
    trail.deliver(trail.pending(beforeMidnight), clock.clock());
    expect(await nextRun()).toMatchObject({ decrypts: 1, matched: 1, findings: [] });
    expect(await nextRun()).toMatchObject({ findings: [] });
  });
});

describe('a decrypt', () => {
  test('without an audit row is an incident, even a single one', async () => {
    await useKey((records) => {
      const [first] = records.filter(({ eventName }) => eventName === 'Decrypt');
      if (first === undefined) throw new Error('There is no decrypt.');
      return [...records, { ...first, requestID: randomUUID(), eventID: randomUUID() }];
    });
    expect(kindsOf(await nextRun())).toEqual(['decrypt_without_row']);
    if (!BUNDLED) expect(stack.incidents.differences).toEqual([{ decrypt_without_row: 1 }]);
  });

  test('that is missing in CloudTrail is an incident', async () => {
    await useKey((records) => records.filter(({ eventName }) => eventName !== 'Decrypt'));
    expect(kindsOf(await nextRun())).toEqual(['row_without_decrypt']);
  });

  test('that CloudTrail delivers a day late is joined then, and not reported again', async () => {
    const late: TrailRecord[] = [];
    await useKey((records) => {
      late.push(...records.filter(({ eventName }) => eventName === 'Decrypt'));
      return [];
    });
    expect(kindsOf(await nextRun())).toEqual(['row_without_decrypt']);
    trail.deliver(late, clock.clock());
    expect(await nextRun()).toMatchObject({ findings: [] });
  });

  test('without an audit row is found even if CloudTrail delivers it days late', async () => {
    await useKey();
    await nextRun();
    const [at] = [new Date(clock.clock().getTime() - 20 * HOUR_MS)];
    await mint(stack, tenant);
    const [record] = trail.pending(at).filter(({ eventName }) => eventName === 'Decrypt');
    if (record === undefined) throw new Error('There is no decrypt.');
    trail.deliver([record, { ...record, requestID: randomUUID(), eventID: randomUUID() }], clock.clock());
    expect(kindsOf(await nextRun())).toContain('decrypt_without_row');
  });
});

describe('a person with write access to the audit table', () => {
  test('cannot cut off the end of a chain together with its markers', async () => {
    await useKey();
    await stack.streams.drain();
    await cutTail(2);
    expect(kindsOf(await nextRun())).toEqual(['table_broken']);
  });

  test('cannot cut off the end of a chain after its checkpoint', async () => {
    await useKey();
    await nextRun();
    await cutTail(1);
    const checkpoint = await nextRun();
    expect(checkpoint.findings).toMatchObject([
      { kind: 'table_broken', workspace_id: tenant.workspaceId, detail: 'cut_off' },
    ]);
  });

  test('cannot change the row of the checkpoint', async () => {
    await useKey();
    await nextRun();
    const head = (await rowsOf()).at(-1) ?? {};
    await tables.put('audit', { ...head, actor: 'nobody', hash: 'f'.repeat(64) });
    expect(kindsOf(await nextRun())).toEqual(['rewritten', 'table_broken']);
  });
});

describe('a checkpoint', () => {
  test('that was changed or copied under another name is an incident, and the previous checkpoint is used', async () => {
    await useKey();
    await nextRun();
    const [name = ''] = checkpointNames();
    const text = stack.s3.read(bucket(), name) ?? '';
    stack.s3.write(bucket(), `${CHECKPOINTS}20261125T000000000Z.ndjson`, text);
    stack.s3.write(
      bucket(),
      `${CHECKPOINTS}20261124T200000000Z.ndjson`,
      text.replace('"complete":true', '"complete":false'),
    );
    const checkpoint = await nextRun();
    expect(kindsOf(checkpoint)).toEqual(['checkpoint_invalid', 'checkpoint_invalid']);
    expect(checkpoint).toMatchObject({ from: '2026-11-24T00:00:00.000Z' });
  });

  test('that is missing for a day is an incident, and later runs reconcile the missed days', async () => {
    await useKey();
    await nextRun();
    clock.advance(24 * HOUR_MS);
    await useKey();
    const first = await nextRun();
    expect(first).toMatchObject({ from: '2026-11-24T00:00:00.000Z', to: '2026-11-25T00:00:00.000Z' });
    expect(kindsOf(first)).toEqual(['checkpoint_missing']);
    await stack.reconcile();
    expect(lastCheckpoint()).toMatchObject({ to: '2026-11-26T00:00:00.000Z', matched: 1, findings: [] });
  });
});

describe('a person with write access to the evidence buckets', () => {
  const archived = (): string => {
    const names = stack.s3.keys(bucket()).filter((key) => key.startsWith('audit/'));
    return names.at(-1) ?? '';
  };

  test('cannot overwrite an archived object undetected, before or after its checkpoint', async () => {
    await useKey();
    await nextRun();
    const text = stack.s3.read(bucket(), archived()) ?? '';
    stack.s3.write(bucket(), archived(), text);
    const checkpoint = await nextRun();
    expect(checkpoint.findings).toMatchObject([
      { kind: 'object_overwritten', detail: `archive: ${archived()}` },
    ]);
    expect(await nextRun()).toMatchObject({ findings: [] });
  });

  test('cannot hide an archived object that a checkpoint has covered', async () => {
    await useKey();
    await nextRun();
    const name = archived();
    stack.s3.hide(bucket(), name);
    expect((await nextRun()).findings).toMatchObject([{ kind: 'object_hidden', detail: `archive: ${name}` }]);
  });

  test('cannot hide a CloudTrail file', async () => {
    await useKey();
    const trailBucket = stack.variables['TRAIL_BUCKET'] ?? '';
    const [name = ''] = stack.s3.keys(trailBucket);
    stack.s3.hide(trailBucket, name);
    expect(kindsOf(await nextRun())).toContain('object_hidden');
  });

  test('cannot keep rows out of the archive by creating an object of that name first', async () => {
    await useKey();
    await nextRun();
    const [, first = ''] = /(\d{10})\.ndjson$/.exec(archived()) ?? [];
    const next = String(Number(first) + 1).padStart(10, '0');
    await mint(stack, tenant);
    const rows = await rowsOf();
    const last = String(rows.length).padStart(10, '0');
    // Whatever batch the archiver gets, one of these is its name.
    for (let end = Number(next); end <= Number(last) + 4; end++)
      stack.s3.write(
        bucket(),
        `audit/${tenant.workspaceId}/${next}-${String(end).padStart(10, '0')}.ndjson`,
        '',
      );
    await stack.streams.drain();
    trail.deliver(trail.pending(clock.clock()), clock.clock());
    const names = stack.s3.keys(bucket()).filter((key) => /-[0-9a-f]{16}\.ndjson$/.test(key));
    expect(names).not.toEqual([]);
    expect(kindsOf(await nextRun())).toEqual([]);
  });
});

test('A file that is not a CloudTrail log fails the run, and nothing is saved', async () => {
  trail.put('AWSLogs/000000000000/CloudTrail/us-east-1/2026/11/23/other.json', '{}');
  clock.advance(24 * HOUR_MS);
  if (BUNDLED) await stack.reconcile().catch(() => undefined);
  else await expect(stack.reconcile()).rejects.toThrow();
  expect(checkpointNames()).toEqual([]);
});
