import { expect, test } from '@jest/globals';
import type { RawItem, TableCopy } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import {
  type RestorePorts,
  type RestoreRequest,
  restoreTables,
} from '../../../tools/operator/restore/restore-tables.ts';

/** A restore with tables in memory. Returns the writes to the live tables and the events, in order. */
const restored = async (backup: Readonly<Record<string, readonly string[]>>): Promise<readonly string[]> => {
  const log: string[] = [];
  const live = new Map<string, RawItem>();
  const nameOf = (table: string, { pk, sk }: RawItem): string => `${table} ${pk?.S} ${sk?.S}`;
  const copy: TableCopy = {
    scan: async (table) => ({
      items: (backup[table] ?? []).map((pk) => ({ pk: { S: pk }, sk: { S: 'ITEM' } })),
      next: undefined,
    }),
    read: async (table, item) => live.get(nameOf(table, item)),
    putMissing: async (table, item) => {
      if (live.has(nameOf(table, item))) return false;
      live.set(nameOf(table, item), item);
      log.push(`${table} ${item['pk']?.S}`);
      return true;
    },
    replace: async () => undefined,
  };
  const auditEvents = {
    event: async (_: unknown, type: string, { workspaceId }: { readonly workspaceId: string }) => ({
      type,
      workspaceId,
    }),
  };
  const tables = Object.fromEntries(
    ['audit', 'tenancy', 'keys', 'sessions', 'usage'].map((name) => [
      name,
      { from: `old-${name}`, to: name },
    ]),
  );
  const ports = {
    copy,
    tombstones: { auditEvents, scan: { scanKeys: async () => ({ items: [], next: undefined }) } },
    marks: { listKeys: async () => ({ items: [], next: undefined }) },
    outbox: {
      put: async ({ type, workspaceId }: { readonly type: string; readonly workspaceId: string }) =>
        void log.push(`${type} ${workspaceId}`),
    },
    clock: () => new Date('2026-11-30T12:00:00.000Z'),
  } as unknown as RestorePorts;
  await restoreTables(ports)({ sub: 'operator' } as never, {
    tables: tables as unknown as RestoreRequest['tables'],
    rows: [],
    acceptGaps: true,
    apply: true,
    overwrite: false,
    progress: { of: () => ({ done: false, after: undefined }), note: () => undefined } as never,
    onGap: () => undefined,
    onPage: () => undefined,
    onDifferent: () => undefined,
  });
  return log;
};

test('a restored budget is announced before it is written, and its totals are not announced', async () => {
  expect(await restored({ 'old-usage': ['USAGE#w1', 'BUDGET#w1'] })).toEqual([
    'usage USAGE#w1',
    'workspace.restored w1',
    'usage BUDGET#w1',
  ]);
});

test('a restored budget is announced even if the restore of its workspace began hours before', async () => {
  expect(await restored({ 'old-tenancy': ['WEBHOOKS#w1'], 'old-usage': ['BUDGET#w1'] })).toEqual([
    'workspace.restored w1',
    'tenancy WEBHOOKS#w1',
    'workspace.restored w1',
    'usage BUDGET#w1',
  ]);
});

test('restored mail alerts are announced before they are written', async () => {
  expect(await restored({ 'old-tenancy': ['MAIL#w1'] })).toEqual([
    'workspace.restored w1',
    'tenancy MAIL#w1',
  ]);
});
