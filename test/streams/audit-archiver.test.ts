import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, it } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { parseArchivedRows } from '../../lambdas/adapters/aws/audit/archived-rows.ts';
import { auditRowOf } from '../../lambdas/adapters/aws/audit/audit-row-of-record.ts';
import {
  type AuditEvent,
  type AuditRow,
  chainRow,
  emptyChain,
} from '../../lambdas/domain/audit/audit-record.ts';
import { archiveNameOf, auditArchiver } from '../../lambdas/streams/audit-archiver.ts';

const CHAIN_KEY = Buffer.alloc(32, 1);

/** A chain of `count` rows of one workspace. */
const chainOf = (workspaceId: string, count: number): AuditRow[] => {
  const rows: AuditRow[] = [];
  for (let i = 0; i < count; i++) {
    const event: AuditEvent = {
      eventId: `evt_${workspaceId}_${i}`,
      workspaceId,
      type: 'session.issued',
      at: '2026-11-05T00:00:00.000Z',
      actor: 'line\nbreak\u2028and "quotes"',
      siteId: null,
      sessionId: `ses_${i}`,
      ipHash: null,
      facts: { b: 1, a: 'x', c: true },
    };
    rows.push(chainRow(event, rows.at(-1) ?? emptyChain(workspaceId), CHAIN_KEY));
  }
  return rows;
};

let sequenceNumber = 0;
const record = (pk: string, sk: string, item: object, eventName: 'INSERT' | 'MODIFY' | 'REMOVE' = 'INSERT') =>
  ({
    eventID: `id-${++sequenceNumber}`,
    eventName,
    dynamodb: {
      SequenceNumber: String(sequenceNumber),
      Keys: marshall({ pk, sk }),
      NewImage: marshall({ pk, sk, ...item }),
    },
  }) as DynamoDBRecord;
const recordOf = (row: AuditRow): DynamoDBRecord =>
  record(`AUDIT#${row.workspaceId}`, String(row.sequence).padStart(10, '0'), row);

const archiveOf = (failing: ReadonlySet<string> = new Set()) => {
  const objects = new Map<string, string>();
  const logged: unknown[] = [];
  const refuse = (): never => {
    throw new Error('not used');
  };
  const handler = auditArchiver({
    rowOf: auditRowOf,
    archive: {
      put: async (name, lines) => {
        if ([...failing].some((workspaceId) => name.includes(`/${workspaceId}/`)))
          throw new Error('Refused.');
        objects.set(name, lines);
      },
    },
    log: { info: refuse, warn: refuse, error: (message, facts) => logged.push({ message, ...facts }) },
  });
  return { objects, logged, handler };
};

const rowsIn = (objects: ReadonlyMap<string, string>): AuditRow[] =>
  [...objects.values()].flatMap((text) => parseArchivedRows(text));

describe('the audit archiver', () => {
  it('writes one object per workspace and batch, named by its first and last sequence, with unchanged rows', async () => {
    const [a, b] = [chainOf('wa', 3), chainOf('wb', 2)];
    const { objects, handler } = archiveOf();
    const Records = [a[0], b[0], a[1], b[1], a[2]].flatMap((row) =>
      row === undefined ? [] : [recordOf(row)],
    );
    expect(await handler({ Records })).toEqual({ batchItemFailures: [] });
    expect([...objects.keys()].sort()).toEqual([
      'audit/wa/0000000001-0000000003.ndjson',
      'audit/wb/0000000001-0000000002.ndjson',
    ]);
    expect(rowsIn(objects).filter(({ workspaceId }) => workspaceId === 'wa')).toEqual(a);
    expect(rowsIn(objects).filter(({ workspaceId }) => workspaceId === 'wb')).toEqual(b);
    for (const lines of objects.values()) {
      expect(lines.endsWith('\n')).toBe(true);
      for (const line of lines.trimEnd().split('\n')) JSON.parse(line);
    }
  });

  it('ignores markers, and rows that a person changed or removed', async () => {
    const [row] = chainOf('wa', 1);
    const { objects, handler } = archiveOf();
    const Records = [
      record('MARKERS#wa', '0000000001', { sequence: 1, hash: 'h', eventId: 'e' }),
      record('EVENT#wa#e', 'EVENT', { sequence: 1, hash: 'h' }),
      record('AUDIT#wa', '0000000001', { ...row, actor: 'somebody else' }, 'MODIFY'),
      record('AUDIT#wa', '0000000001', {}, 'REMOVE'),
    ];
    expect(await handler({ Records })).toEqual({ batchItemFailures: [] });
    expect(objects.size).toBe(0);
  });

  it('writes the same objects when a batch is delivered twice', async () => {
    const Records = chainOf('wa', 5).map(recordOf);
    const { objects, handler } = archiveOf();
    await handler({ Records });
    const once = new Map(objects);
    await handler({ Records });
    expect(objects).toEqual(once);
  });

  it('reports the first record of the first object that it could not write, and the rest is archived or repeated', async () => {
    const [a, b] = [chainOf('wa', 2).map(recordOf), chainOf('wb', 2).map(recordOf)];
    const [a1, a2] = a;
    const [b1, b2] = b;
    if (!a1 || !a2 || !b1 || !b2) throw new Error('A chain is short.');
    const { objects, logged, handler } = archiveOf(new Set(['wb']));
    const { batchItemFailures } = await handler({ Records: [a1, b1, a2, b2] });
    expect(batchItemFailures).toEqual([{ itemIdentifier: b1.dynamodb?.SequenceNumber }]);
    expect([...objects.keys()]).toEqual([archiveNameOf('wa', 1, 2)]);
    expect(logged).toEqual([
      expect.objectContaining({
        message: 'audit record failed',
        stream_event_id: b1.eventID,
        error_name: 'Error',
      }),
    ]);
    expect(JSON.stringify(logged)).not.toContain('Refused.');

    const later = archiveOf();
    await later.handler({ Records: [b1, a2, b2] });
    expect([...later.objects.keys()].sort()).toEqual([archiveNameOf('wa', 2, 2), archiveNameOf('wb', 1, 2)]);
  });

  it('stops at a row that it cannot read, archives the rows before, and reports it so that nothing is lost', async () => {
    const [a1, a2, a3] = chainOf('wa', 3);
    if (!a1 || !a2 || !a3) throw new Error('A chain is short.');
    const broken = record('AUDIT#wa', '0000000002', { ...a2, type: 'unknown' });
    const { objects, handler } = archiveOf();
    const { batchItemFailures } = await handler({ Records: [recordOf(a1), broken, recordOf(a3)] });
    expect(batchItemFailures).toEqual([{ itemIdentifier: broken.dynamodb?.SequenceNumber }]);
    expect([...objects.keys()]).toEqual([archiveNameOf('wa', 1, 1)]);
  });
});
