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

describe('an intact audit chain', () => {
  it('verifies for any events', () => {
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

  it('numbers its rows 1, 2, 3, …, and each row carries the hash of the row before', () => {
    fc.assert(
      fc.property(chain(), (rows) => {
        expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i + 1));
        const before = rows.map((_, i) => (i === 0 ? `chain:${WORKSPACE}` : rowAt(rows, i - 1).hash));
        expect(rows.map(({ previousHash }) => previousHash)).toEqual(before);
      }),
    );
  });

  it('verifies when a database returns the facts of a row in another order', () => {
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

  it('verifies when rows were appended after its marker was read', () => {
    fc.assert(
      fc.property(chainAndPlace, ([rows, n]) => {
        expect(verdictOn(rows, { lastWritten: n }).intact).toBe(true);
      }),
    );
  });
});

describe('an edit of an audit row', () => {
  const FIELDS = ['eventId', 'workspaceId', 'type', 'at', 'actor', 'siteId', 'sessionId', 'ipHash'] as const;

  it.each([...FIELDS, 'previousHash', 'hash'] as const)('of %s is found, and names the row', (field) => {
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
    'of one character of %s is found, also when only its case changes',
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

  it('from null to the text "null", or back, is found', () => {
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

  it('of the facts is found: another value, another type, an added, removed or renamed field', () => {
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

  it('of the sequence is found: a higher one as a missing row, a lower one as a row out of order', () => {
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

  it('that makes the row unreadable is found, and names the row', () => {
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

  it('is found when the row is disguised as one that was damaged before it was written', () => {
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

  it('that moves characters from one field to the next is found', () => {
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

describe('a deletion of audit rows', () => {
  it('names the missing row, if it is not the last', () => {
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

  it('at the end names the first row that was cut off, if a marker proves that the row existed', () => {
    fc.assert(
      fc.property(chainAndPlace, ([rows, i]) => {
        expectBrokenAt(verdictOn(rows.slice(0, i), { lastWritten: rows.length }), rows, i, {
          sequence: i + 1,
          fault: 'cut_off',
        });
      }),
    );
  });

  it('in the middle is found even if the other rows are renumbered', () => {
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

describe('an inserted audit row', () => {
  it('is out of order when it is a copy of an earlier row', () => {
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

  it('is found anywhere in the chain when its hash was made with another key', () => {
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

describe('two exchanged audit rows', () => {
  it('break the chain at the first of them, renumbered or not', () => {
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

describe('an audit chain under a wrong key', () => {
  it('never verifies, and nobody can forge a valid chain without the right key', () => {
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

describe('the audit rows of two workspaces', () => {
  const both = fc.tuple(chain(WORKSPACE, 2), chain(OTHER_WORKSPACE, 2));

  it('cannot be exchanged, one by one or all together, even if both chains had the same key', () => {
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

describe('the verification of a paged audit trail', () => {
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

  it('gives the same result for any size of the pages', async () => {
    await fc.assert(
      fc.asyncProperty(touched, sizes, async ({ rows, stored, verdict }, pageSizes) => {
        const verify = verifyIn(logOf(stored, pageSizes, rows.length));
        expect(await verify(20_000)).toEqual({ ...verdict, next: undefined });
      }),
    );
  });

  it('gives the same result in any number of calls, and reports an intact trail only at the last call', async () => {
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

  it('reads the last row of the previous call again, and finds it edited or deleted', async () => {
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

  it('continues only from a signed point of the same chain, for an hour', async () => {
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
