import { describe, expect, it } from '@jest/globals';
import { type AuditRow, chainRow, emptyChain } from '../../../lambdas/domain/audit/audit-record.ts';
import { compareChain } from '../../../lambdas/use-cases/audit/compare-chain.ts';

const WORKSPACE = 'w1';
const CHAIN_KEY = Buffer.alloc(32, 7);
const NOW = new Date('2026-11-24T03:00:00.000Z');

const rowsUpTo = (count: number): AuditRow[] => {
  const rows: AuditRow[] = [];
  for (let at = 0; at < count; at++)
    rows.push(
      chainRow(
        {
          eventId: `evt_${at}`,
          workspaceId: WORKSPACE,
          type: 'site.changed',
          at: NOW.toISOString(),
          actor: 'owner',
          siteId: null,
          sessionId: null,
          ipHash: null,
          facts: {},
        },
        rows.at(-1) ?? emptyChain(WORKSPACE),
        CHAIN_KEY,
      ),
    );
  return rows;
};

const PAGE = 1_000;

/** A table that answers with pages of the rows that it holds at that moment. */
const comparing = (
  table: readonly AuditRow[],
  portions: AsyncIterable<readonly AuditRow[]>,
  isLate: () => boolean = () => false,
) => {
  const queries: number[] = [];
  const compare = compareChain({
    audit: {
      lastMarkedSequence: async () => 0,
      positionOf: ({ sequence }: { readonly sequence: number }) => String(sequence),
      listRows: async (_: string, { after = '0' }: { readonly after?: string | undefined }) => {
        queries.push(Number(after));
        const left = table.filter(({ sequence }) => sequence > Number(after));
        const items = left.slice(0, PAGE);
        return { items, next: left.length > PAGE ? String(items.at(-1)?.sequence) : undefined };
      },
    } as unknown as Parameters<typeof compareChain>[0]['audit'],
    archive: {
      workspaces: async function* () {
        yield WORKSPACE;
      },
      rowsAfter: () => portions,
    },
    chainKeys: { keyOf: async () => CHAIN_KEY },
    isLate,
  });
  return { queries, compare: () => compare(WORKSPACE, undefined, NOW, () => undefined) };
};

const oneByOne = async function* (rows: readonly AuditRow[]) {
  for (const row of rows) yield [row];
};

describe('the comparison of an audit chain with its archive', () => {
  it('stops after the current object when time runs out, and returns where to continue', async () => {
    const rows = rowsUpTo(10);
    let asked = 0;
    const { compare } = comparing(rows, oneByOne(rows), () => ++asked >= 3);
    expect(await compare()).toMatchObject({ stopped: true, position: { sequence: 3 }, differences: [] });
  });

  it('compares at least one object, even if time has run out at the start', async () => {
    const rows = rowsUpTo(2);
    const { compare } = comparing(rows, oneByOne(rows), () => true);
    expect(await compare()).toMatchObject({ stopped: true, position: { sequence: 1 } });
  });

  it('finds no difference in a chain that grows on both sides meanwhile', async () => {
    const rows = rowsUpTo(20_003);
    const table = rows.slice(0, 20_000);
    const growing = async function* () {
      yield rows.slice(0, 20_000);
      table.push(...rows.slice(20_000));
      yield rows.slice(20_000);
    };
    const { compare } = comparing(table, growing());
    expect(await compare()).toEqual({
      stopped: false,
      position: expect.objectContaining({ sequence: 20_003 }),
      differences: [],
    });
  });

  it('finds a table that was cut off, and reads the table once more only', async () => {
    const rows = rowsUpTo(100);
    const { compare, queries } = comparing(rows.slice(0, 50), oneByOne(rows));
    expect((await compare()).differences).toMatchObject([
      { kind: 'table_broken', sequence: 51, detail: 'cut_off' },
    ]);
    expect(queries).toEqual([0, 50]);
  });
});
