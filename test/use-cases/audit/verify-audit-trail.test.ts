import { describe, expect, it } from '@jest/globals';
import {
  type AuditEvent,
  type AuditRow,
  type ChainHead,
  chainRow,
  continuationOf,
  emptyChain,
} from '../../../lambdas/domain/audit/audit-record.ts';
import { verifyAuditTrail } from '../../../lambdas/use-cases/audit/verify-audit-trail.ts';
import { aMember, aWorkspace, NOW, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';

const CHAIN_KEY = Buffer.alloc(32, 7);
const CALLER = { sub: 'owner', sourceIp: '192.0.2.1' };

const chainOf = (length: number): AuditRow[] => {
  const rows: AuditRow[] = [];
  let head: ChainHead = emptyChain(WORKSPACE_ID);
  for (let i = 1; i <= length; i++) {
    const event: AuditEvent = {
      eventId: `evt_${i}`,
      workspaceId: WORKSPACE_ID,
      type: 'site.changed',
      at: NOW.toISOString(),
      actor: 'owner',
      siteId: null,
      sessionId: null,
      ipHash: null,
      facts: {},
    };
    const row = chainRow(event, head, CHAIN_KEY);
    rows.push(row);
    head = row;
  }
  return rows;
};

/** Checks rows as a table holds them: by their sequence, this many to a page; `marked` is what the markers know of. */
const checking = (
  rows: readonly AuditRow[],
  { marked = rows.length, pageSize = 1_000, afterMs = 0 } = {},
) => {
  const read: unknown[] = [];
  const verify = verifyAuditTrail({
    clock: () => new Date(NOW.getTime() + afterMs),
    chainKeys: { keyOf: async () => CHAIN_KEY },
    tenancy: {
      readMembership: async () => ({ workspace: aWorkspace(), member: aMember('owner') }),
      readSiteMembership: async () => Promise.reject(new Error('not asked here')),
    },
    audit: {
      positionOf: ({ sequence }: { sequence: number }) => String(sequence),
      lastMarkedSequence: async () => {
        read.push('markers');
        return marked;
      },
      listRows: async (_: string, { limit, after }: { limit: number; after?: string }, order: string) => {
        read.push(`${limit} ${order} after ${after}`);
        const rest = rows.filter(({ sequence }) => sequence > Number(after ?? 0));
        const items = rest.slice(0, Math.min(limit, pageSize));
        return { items, next: items.length < rest.length ? String(items.at(-1)?.sequence) : undefined };
      },
    } as unknown as Parameters<typeof verifyAuditTrail>[0]['audit'],
  });
  return {
    read,
    check: (limit: number, after?: string) => verify(CALLER, WORKSPACE_ID, { limit, after }),
  };
};

describe('the verification of an audit trail', () => {
  it('reads the markers, and then the rows from the oldest to the newest', async () => {
    const { check, read } = checking(chainOf(7), { pageSize: 3 });
    expect(await check(10_000)).toMatchObject({ intact: true, rows: 7, broken: undefined, next: undefined });
    expect(read).toEqual([
      'markers',
      '1000 oldest_first after undefined',
      '1000 oldest_first after 3',
      '1000 oldest_first after 6',
    ]);
  });

  it('finds an empty trail intact', async () => {
    expect(await checking([]).check(10)).toMatchObject({ intact: true, rows: 0, next: undefined });
  });

  it('continues after the previous call with its last row, and reports an intact trail only at the end', async () => {
    const { check, read } = checking(chainOf(7));
    const first = await check(3);
    expect(first).toMatchObject({ intact: false, rows: 3, broken: undefined, next: expect.any(String) });
    const second = await check(3, first.next);
    expect(second).toMatchObject({ intact: false, rows: 6, next: expect.any(String) });
    expect(await check(3, second.next)).toMatchObject({ intact: true, rows: 7, next: undefined });
    expect(read.filter((each) => each !== 'markers')).toEqual([
      '3 oldest_first after undefined',
      '4 oldest_first after 2',
      '4 oldest_first after 5',
    ]);
  });

  it('reads at most the rows that a call may read, for any page size', async () => {
    const { check, read } = checking(chainOf(7), { pageSize: 2 });
    expect(await check(5)).toMatchObject({ rows: 5, next: expect.any(String) });
    expect(read.slice(1)).toEqual([
      '5 oldest_first after undefined',
      '3 oldest_first after 2',
      '1 oldest_first after 4',
    ]);
  });

  it('stops at the first fault', async () => {
    const rows = chainOf(9).filter(({ sequence }) => sequence !== 2);
    const { check, read } = checking(rows, { marked: 9, pageSize: 2 });
    expect(await check(100)).toMatchObject({
      intact: false,
      rows: 1,
      broken: { sequence: 2, fault: 'missing' },
      next: undefined,
    });
    expect(read).toHaveLength(2);
  });

  it('reports a cut-off trail only at its end, if the markers prove more rows', async () => {
    const { check } = checking(chainOf(4), { marked: 5 });
    const part = await check(3);
    expect(part).toMatchObject({ broken: undefined, next: expect.any(String) });
    expect(await check(3, part.next)).toMatchObject({
      intact: false,
      broken: { sequence: 5, fault: 'cut_off' },
      next: undefined,
    });
  });

  it.each([
    ['of another workspace', continuationOf('another', { sequence: 2, hash: 'h' }, NOW.getTime(), CHAIN_KEY)],
    ['that was never issued', 'nonsense'],
    ['that is empty', ''],
    [
      'from an hour ago',
      continuationOf(WORKSPACE_ID, { sequence: 2, hash: 'h' }, NOW.getTime() - 3_600_000, CHAIN_KEY),
    ],
  ])('refuses a cursor %s before it reads anything', async (_, cursor) => {
    const { check, read } = checking(chainOf(7));
    expect(await outcomeOf(check(3, cursor))).toBe('invalid_request');
    await expect(check(3, cursor)).rejects.toMatchObject({
      details: [{ path: 'cursor', message: expect.stringContaining('without one') }],
    });
    expect(read).toEqual([]);
  });
});
