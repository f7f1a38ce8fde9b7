import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  AUDIT_EVENT_TYPES,
  type AuditEvent,
  type AuditRow,
  type ChainHead,
  type ChainVerification,
  ChainVerifier,
  chainRow,
  emptyChain,
} from '../../../lambdas/domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { verifyAuditTrail } from '../../../lambdas/use-cases/audit/verify-audit-trail.ts';
import type { AuditLog } from '../../../lambdas/use-cases/ports/audit.ts';
import type { MembershipReader } from '../../../lambdas/use-cases/ports/tenancy.ts';

const WORKSPACE = '0123456789ab';
const OTHER_WORKSPACE = 'ba9876543210';
const CHAIN_KEY = randomBytes(32);

const text = fc.string({ unit: 'binary', maxLength: 20 });
const nullable = fc.option(text, { nil: null });
const facts = fc.dictionary(
  text.filter((name) => name !== '__proto__'),
  fc.oneof(text, fc.integer(), fc.boolean()),
  { maxKeys: 4 },
);
const eventOf = (workspaceId: string): fc.Arbitrary<AuditEvent> =>
  fc.record({
    eventId: text,
    workspaceId: fc.constant(workspaceId),
    type: fc.constantFrom(...AUDIT_EVENT_TYPES),
    at: text,
    actor: text,
    siteId: nullable,
    sessionId: nullable,
    ipHash: nullable,
    facts,
  });

const chainOf = (workspaceId: string, events: readonly AuditEvent[], chainKey = CHAIN_KEY): AuditRow[] => {
  const rows: AuditRow[] = [];
  let head: ChainHead = emptyChain(workspaceId);
  for (const event of events) {
    const row = chainRow(event, head, chainKey);
    rows.push(row);
    head = row;
  }
  return rows;
};

const chain = (workspaceId = WORKSPACE, minLength = 1): fc.Arbitrary<AuditRow[]> =>
  fc.array(eventOf(workspaceId), { minLength, maxLength: 12 }).map((events) => chainOf(workspaceId, events));

/** A chain, and a place in it. */
const chainAndPlace = fc
  .tuple(chain(), fc.nat())
  .map(([rows, n]): [AuditRow[], number] => [rows, n % rows.length]);

const verdictOn = (
  rows: readonly AuditRow[],
  {
    lastWritten = rows.length,
    chainKey = CHAIN_KEY,
    workspaceId = WORKSPACE,
  }: { lastWritten?: number; chainKey?: Buffer; workspaceId?: string } = {},
): ChainVerification => {
  const verifier = new ChainVerifier(workspaceId, chainKey);
  for (const row of rows) verifier.take(row);
  return verifier.finish(lastWritten);
};

const rowAt = (rows: readonly AuditRow[], i: number): AuditRow => {
  const row = rows[i];
  if (row === undefined) throw new Error('There is no such row.');
  return row;
};

/** The rows before place `i` count as sound, and the fault is the one that stands there. */
const expectBrokenAt = (
  verdict: ChainVerification,
  rows: readonly AuditRow[],
  i: number,
  broken: ChainVerification['broken'],
): void => {
  const { sequence, hash } = i === 0 ? emptyChain(rowAt(rows, 0).workspaceId) : rowAt(rows, i - 1);
  expect(verdict).toEqual({ intact: false, rows: i, head: { sequence, hash }, broken });
};

const replaced = (rows: readonly AuditRow[], i: number, row: AuditRow): AuditRow[] => rows.with(i, row);

describe('an intact chain', () => {
  it('verifies, whatever its events hold', () => {
    fc.assert(
      fc.property(chain(WORKSPACE, 0), (rows) => {
        const { sequence, hash } = rows.at(-1) ?? emptyChain(WORKSPACE);
        expect(verdictOn(rows)).toEqual({
          intact: true,
          rows: rows.length,
          head: { sequence, hash },
          broken: undefined,
        });
      }),
    );
  });

  it('counts 1, 2, 3, … and carries the hash of the row before in each', () => {
    fc.assert(
      fc.property(chain(), (rows) => {
        expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i + 1));
        const before = rows.map((_, i) => (i === 0 ? `chain:${WORKSPACE}` : rowAt(rows, i - 1).hash));
        expect(rows.map(({ previousHash }) => previousHash)).toEqual(before);
      }),
    );
  });

  it('verifies with the facts of a row in another order: a database need not keep it', () => {
    fc.assert(
      fc.property(chain(), (rows) => {
        const reordered = rows.map((row) => ({
          ...row,
          facts: Object.fromEntries(Object.entries(row.facts).reverse()),
        }));
        expect(verdictOn(reordered).intact).toBe(true);
      }),
    );
  });

  it('verifies when rows were appended after the last marker was read', () => {
    fc.assert(
      fc.property(chainAndPlace, ([rows, n]) => {
        expect(verdictOn(rows, { lastWritten: n }).intact).toBe(true);
      }),
    );
  });
});

describe('an edit', () => {
  const FIELDS = ['eventId', 'workspaceId', 'type', 'at', 'actor', 'siteId', 'sessionId', 'ipHash'] as const;

  it.each([...FIELDS, 'previousHash', 'hash'] as const)('of %s of any row names that row', (field) => {
    fc.assert(
      fc.property(chainAndPlace, nullable, ([rows, i], value) => {
        const row = rowAt(rows, i);
        const text = ['siteId', 'sessionId', 'ipHash'].includes(field) ? value : (value ?? '');
        fc.pre(row[field] !== text);
        const edited = { ...row, [field]: text };
        expectBrokenAt(verdictOn(replaced(rows, i, edited)), rows, i, { sequence: i + 1, fault: 'altered' });
      }),
    );
  });

  it.each([...FIELDS, 'previousHash', 'hash'] as const)(
    'of one character of %s is enough, as is its case',
    (field) => {
      fc.assert(
        fc.property(chainAndPlace, ([rows, i]) => {
          const row = rowAt(rows, i);
          for (const value of [`${row[field]} `, `${row[field]}`.slice(1), `${row[field]}`.toUpperCase()]) {
            if (value === row[field]) continue;
            const edited = { ...row, [field]: value } as AuditRow;
            expectBrokenAt(verdictOn(replaced(rows, i, edited)), rows, i, {
              sequence: i + 1,
              fault: 'altered',
            });
          }
        }),
      );
    },
  );

  it('an edit from nothing to a text that says so, or back, is an edit', () => {
    fc.assert(
      fc.property(chainAndPlace, ([rows, i]) => {
        const row = rowAt(rows, i);
        for (const field of ['siteId', 'sessionId', 'ipHash'] as const) {
          const edited = { ...row, [field]: row[field] === null ? 'null' : null };
          expect(verdictOn(replaced(rows, i, edited)).broken).toEqual({ sequence: i + 1, fault: 'altered' });
        }
      }),
    );
  });

  it('an edit of the facts is found: another value, another type, one more, one less, one renamed', () => {
    const given = { fields: 'name', version: 1, ok: true };
    const edits: Record<string, string | number | boolean>[] = [
      { ...given, fields: 'name,' },
      { ...given, version: 2 },
      { ...given, version: '1' },
      { ...given, ok: 'true' },
      { ...given, more: '' },
      { fields: 'name', version: 1 },
      { field: 'name', version: 1, ok: true },
      {},
    ];
    fc.assert(
      fc.property(fc.array(eventOf(WORKSPACE), { minLength: 1, maxLength: 5 }), fc.nat(), (events, n) => {
        const i = n % events.length;
        const rows = chainOf(
          WORKSPACE,
          events.map((event) => ({ ...event, facts: given })),
        );
        for (const facts of edits)
          expectBrokenAt(verdictOn(replaced(rows, i, { ...rowAt(rows, i), facts })), rows, i, {
            sequence: i + 1,
            fault: 'altered',
          });
      }),
      { numRuns: 20 },
    );
  });

  it('an edit of the sequence breaks the chain there: upwards a row is missing, downwards one is out of order', () => {
    fc.assert(
      fc.property(chainAndPlace, fc.integer({ min: -3, max: 20 }), ([rows, i], sequence) => {
        fc.pre(sequence !== i + 1);
        const verdict = verdictOn(replaced(rows, i, { ...rowAt(rows, i), sequence }));
        expectBrokenAt(
          verdict,
          rows,
          i,
          sequence > i + 1 ? { sequence: i + 1, fault: 'missing' } : { sequence, fault: 'out_of_order' },
        );
      }),
    );
  });

  it('an edit that makes a row unreadable names that row, whatever is left of it', () => {
    fc.assert(
      fc.property(chainAndPlace, fc.integer({ min: -3, max: 20 }), ([rows, i], sequence) => {
        const row = rowAt(rows, i);
        const damaged = { ...row, type: 'row.damaged' } as const;
        const left = [damaged, { ...damaged, sequence }, { ...damaged, sequence: Number.NaN, hash: '' }];
        for (const remains of left)
          expectBrokenAt(verdictOn(replaced(rows, i, remains)), rows, i, {
            sequence: i + 1,
            fault: 'altered',
          });
      }),
    );
  });

  it('cannot be passed off as a row that was damaged when it was written', () => {
    fc.assert(
      fc.property(chainAndPlace, ([rows, i]) => {
        const written = chainOf(
          WORKSPACE,
          rows.with(i, { ...rowAt(rows, i), type: 'row.damaged' }) as AuditEvent[],
        );
        expectBrokenAt(verdictOn(written), written, i, { sequence: i + 1, fault: 'altered' });
      }),
    );
  });

  it('an edit that moves a part of one field into its neighbour is found', () => {
    const rows = chainOf(WORKSPACE, [
      {
        eventId: 'ab',
        workspaceId: WORKSPACE,
        type: 'site.changed',
        at: 'cd',
        actor: 'ef',
        siteId: null,
        sessionId: null,
        ipHash: null,
        facts: { a: '","b' },
      },
    ]);
    const row = rowAt(rows, 0);
    for (const edit of [{ at: 'c', actor: 'def' }, { facts: { a: '', b: '' } }, { actor: 'ef",null' }])
      expect(verdictOn([{ ...row, ...edit }]).intact).toBe(false);
  });
});

describe('a deletion', () => {
  it('a deletion of any row but the last names the missing row', () => {
    fc.assert(
      fc.property(chain(WORKSPACE, 2), fc.nat(), (rows, n) => {
        const i = n % (rows.length - 1);
        expectBrokenAt(verdictOn(rows.toSpliced(i, 1), { lastWritten: rows.length }), rows, i, {
          sequence: i + 1,
          fault: 'missing',
        });
      }),
    );
  });

  it('a deletion of the last rows names the first that was cut off, as long as a marker knows of one', () => {
    fc.assert(
      fc.property(chainAndPlace, ([rows, i]) => {
        expectBrokenAt(verdictOn(rows.slice(0, i), { lastWritten: rows.length }), rows, i, {
          sequence: i + 1,
          fault: 'cut_off',
        });
      }),
    );
  });

  it('a deletion of several rows in a row is closed by no renumbering', () => {
    fc.assert(
      fc.property(chain(WORKSPACE, 3), (rows) => {
        const [first, , ...rest] = rows;
        const renumbered = [
          first as AuditRow,
          ...rest.map((row, i) => ({
            ...row,
            sequence: i + 2,
            previousHash: i === 0 ? rowAt(rows, 0).hash : row.previousHash,
          })),
        ];
        expect(verdictOn(renumbered).broken).toEqual({ sequence: 2, fault: 'altered' });
      }),
    );
  });
});

describe('an insertion', () => {
  it('an inserted copy of an earlier row is out of order', () => {
    fc.assert(
      fc.property(chainAndPlace, fc.nat(), ([rows, i], n) => {
        const copied = rowAt(rows, n % (i + 1));
        expectBrokenAt(verdictOn(rows.toSpliced(i + 1, 0, copied)), rows, i + 1, {
          sequence: copied.sequence,
          fault: 'out_of_order',
        });
      }),
    );
  });

  it('an inserted row made with any other key, anywhere and at the end too, is no row of the chain', () => {
    fc.assert(
      fc.property(chainAndPlace, eventOf(WORKSPACE), ([rows, i], event) => {
        const forged = chainRow(event, i === 0 ? emptyChain(WORKSPACE) : rowAt(rows, i - 1), randomBytes(32));
        expectBrokenAt(verdictOn(rows.toSpliced(i, 0, forged)), rows, i, {
          sequence: i + 1,
          fault: 'altered',
        });
        const appended = chainRow(event, rowAt(rows, rows.length - 1), randomBytes(32));
        expectBrokenAt(verdictOn([...rows, appended]), rows, rows.length, {
          sequence: rows.length + 1,
          fault: 'altered',
        });
      }),
    );
  });
});

describe('two rows in each other’s place', () => {
  it('break the chain at the first of them, as they are and renumbered', () => {
    fc.assert(
      fc.property(chain(WORKSPACE, 2), fc.nat(), fc.nat(), (rows, m, n) => {
        const [i, j] = [m % rows.length, n % rows.length].sort((a, b) => a - b) as [number, number];
        fc.pre(i !== j);
        const [a, b] = [rowAt(rows, i), rowAt(rows, j)];
        const swapped = rows.with(i, b).with(j, a);
        expectBrokenAt(verdictOn(swapped), rows, i, { sequence: i + 1, fault: 'missing' });
        const renumbered = rows
          .with(i, { ...b, sequence: a.sequence })
          .with(j, { ...a, sequence: b.sequence });
        expectBrokenAt(verdictOn(renumbered), rows, i, { sequence: i + 1, fault: 'altered' });
        const relinked = rows.with(i, { ...b, sequence: a.sequence, previousHash: a.previousHash });
        expectBrokenAt(verdictOn(relinked), rows, i, { sequence: i + 1, fault: 'altered' });
      }),
    );
  });
});

describe('a wrong key', () => {
  it('finds nothing sound, and no chain can be made to look sound without the right one', () => {
    fc.assert(
      fc.property(chain(), (rows) => {
        expectBrokenAt(verdictOn(rows, { chainKey: randomBytes(32) }), rows, 0, {
          sequence: 1,
          fault: 'altered',
        });
        const rewritten = chainOf(WORKSPACE, rows as AuditEvent[], randomBytes(32));
        expectBrokenAt(verdictOn(rewritten), rows, 0, { sequence: 1, fault: 'altered' });
      }),
    );
  });
});

describe('the rows of two workspaces', () => {
  const both = fc.tuple(chain(WORKSPACE, 2), chain(OTHER_WORKSPACE, 2));

  it('cannot be exchanged, one by one or all of them, not even if both chains had one key', () => {
    fc.assert(
      fc.property(both, fc.nat(), ([own, foreign], n) => {
        const i = n % Math.min(own.length, foreign.length);
        const other = rowAt(foreign, i);
        const inserted = [
          other,
          { ...other, workspaceId: WORKSPACE },
          { ...other, workspaceId: WORKSPACE, previousHash: rowAt(own, i).previousHash },
        ];
        for (const row of inserted)
          expectBrokenAt(verdictOn(replaced(own, i, row)), own, i, { sequence: i + 1, fault: 'altered' });
        expect(verdictOn(foreign).broken).toEqual({ sequence: 1, fault: 'altered' });
      }),
    );
  });
});

describe('where the pages of a trail end', () => {
  const OWNER = { sub: 'owner', sourceIp: '127.0.0.1' };
  const tenancy = {
    readMembership: async () => ({ workspace: { deletedAt: null }, member: { role: 'owner' } }),
  } as unknown as MembershipReader;

  /** A row at its place in the table, which a row keeps whatever is written into it. */
  interface Stored {
    readonly place: number;
    readonly row: AuditRow;
  }
  const storedOf = (rows: readonly AuditRow[]): readonly Stored[] =>
    rows.map((row, i) => ({ place: i + 1, row }));

  /** A table that answers pages of the sizes given, over and over; a page may be empty and still continue. */
  const logOf = (stored: readonly Stored[], sizes: readonly number[], lastWritten: number): AuditLog => {
    let page = 0;
    return {
      lastMarkedSequence: async () => lastWritten,
      listRows: async (_: string, { limit, after }: { limit: number; after: string | undefined }) => {
        const rest = stored.filter(({ place }) => place > Number(after ?? -1));
        const size = Math.min(limit, sizes[page++ % sizes.length] ?? 1);
        const next = size === 0 ? (after ?? '0') : String(rest[size - 1]?.place);
        return {
          items: rest.slice(0, size).map(({ row }) => row),
          next: size >= rest.length ? undefined : next,
        };
      },
      positionOf: ({ sequence }: { sequence: number }) => String(sequence),
    } as unknown as AuditLog;
  };

  let nowMs = Date.parse('2026-11-23T12:00:00.000Z');
  const verifyIn = (audit: AuditLog, chainKey = CHAIN_KEY, workspaceId = WORKSPACE) => {
    const verify = verifyAuditTrail({
      tenancy,
      audit,
      chainKeys: { keyOf: async () => chainKey },
      clock: () => new Date(nowMs),
    });
    return (limit: number, after?: string) => verify(OWNER, workspaceId as WorkspaceId, { limit, after });
  };

  const sizes = fc
    .array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 5 })
    .filter((all) => all.some(Boolean));
  const touched = fc
    .tuple(chainAndPlace, fc.constantFrom('nothing', 'edit', 'delete', 'swap'))
    .map(([[rows, i], what]) => {
      const row = rowAt(rows, i);
      const next = rows[i + 1] ?? row;
      const stored = {
        nothing: storedOf(rows),
        edit: storedOf(rows.with(i, { ...row, actor: `${row.actor}!` })),
        delete: storedOf(rows).toSpliced(i, 1),
        swap: storedOf(rows.with(i, next).with(Math.min(i + 1, rows.length - 1), row)),
      }[what];
      return {
        rows,
        stored,
        verdict: verdictOn(
          stored.map((found) => found.row),
          { lastWritten: rows.length },
        ),
      };
    });

  it('does not matter: the verdict is the one on the rows, intact or broken', async () => {
    await fc.assert(
      fc.asyncProperty(touched, sizes, async ({ rows, stored, verdict }, pageSizes) => {
        const verify = verifyIn(logOf(stored, pageSizes, rows.length));
        expect(await verify(20_000)).toEqual({ ...verdict, next: undefined });
      }),
    );
  });

  it('does not matter either how many calls it takes; until the last nothing is said to be intact', async () => {
    await fc.assert(
      fc.asyncProperty(touched, sizes, fc.integer({ min: 1, max: 5 }), async (trail, pageSizes, limit) => {
        const verify = verifyIn(logOf(trail.stored, pageSizes, trail.rows.length));
        let answer = await verify(limit);
        for (let calls = 1; answer.next !== undefined; calls++) {
          expect(calls).toBeLessThanOrEqual(trail.rows.length);
          expect({ intact: answer.intact, broken: answer.broken }).toEqual({
            intact: false,
            broken: undefined,
          });
          answer = await verify(limit, answer.next);
        }
        expect(answer).toEqual({ ...trail.verdict, next: undefined });
      }),
    );
  });

  const fourRows = fc.sample(chain(WORKSPACE, 4), 1).map((rows) => rows.slice(0, 4))[0] ?? [];
  const untouched = storedOf(fourRows);

  it('between two calls: what the first has read last is read again, and noticed when it is another or gone', async () => {
    const { next } = await verifyIn(logOf(untouched, [9], 4))(2);
    const second = rowAt(fourRows, 1);
    const edited = storedOf(fourRows.with(1, { ...second, at: `${second.at}!` }));
    expect((await verifyIn(logOf(edited, [9], 4))(9, next)).broken).toEqual({
      sequence: 2,
      fault: 'altered',
    });
    expect((await verifyIn(logOf(untouched.toSpliced(1, 1), [9], 4))(9, next)).broken).toEqual({
      sequence: 2,
      fault: 'missing',
    });
    // Rows and their markers alike.
    expect((await verifyIn(logOf(untouched.slice(0, 1), [9], 1))(9, next)).broken).toEqual({
      sequence: 2,
      fault: 'cut_off',
    });
  });

  it('a check continues only from a point that this chain has reached, within the hour', async () => {
    const audit = logOf(untouched, [9], 4);
    const next = (await verifyIn(audit)(2)).next ?? '';
    const [sequence, hash, until, mac] = next.split('.');
    const refused = async (after: string, verify = verifyIn(audit)) =>
      expect(await verify(9, after).catch((error) => error.code)).toBe('invalid_request');
    expect((await verifyIn(audit)(9, next)).intact).toBe(true);
    await refused([2, hash, until, mac].join('.'));
    await refused([sequence, rowAt(fourRows, 1).hash, until, mac].join('.'));
    await refused([sequence, hash, Number(until) + 1, mac].join('.'));
    await refused([sequence, hash, until].join('.'));
    await refused(`${next}.`);
    await refused('');
    await refused(next, verifyIn(audit, CHAIN_KEY, OTHER_WORKSPACE));
    await refused(next, verifyIn(audit, randomBytes(32)));
    nowMs += 3_600_000;
    await refused(next);
  });
});
