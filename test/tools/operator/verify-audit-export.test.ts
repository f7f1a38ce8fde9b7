import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AuditRow, chainRow, emptyChain } from '../../../lambdas/domain/audit/audit-record.ts';
import { readAuditExport } from '../../../tools/operator/exports/read-audit-export.ts';
import { verifyAuditRows } from '../../../tools/operator/exports/verify-audit-rows.ts';
import { csvOf, jsonOf, type ListReader } from '../../../web/dashboard/src/api/whole-list.ts';
import { expectSuccess } from '../../support/answers.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const WORKSPACE = '0123456789ab';
const KEY = Buffer.alloc(32, 7);

/** A chain of `count` rows, oldest first. */
const chainOf = (count: number): readonly AuditRow[] => {
  const rows: AuditRow[] = [];
  let head = emptyChain(WORKSPACE);
  for (let i = 1; i <= count; i++) {
    const row = chainRow(
      {
        eventId: `evt_${i}`,
        workspaceId: WORKSPACE,
        type: 'site.changed',
        at: `2026-11-01T00:00:0${i}.000Z`,
        actor: 'owner',
        siteId: null,
        sessionId: null,
        ipHash: null,
        facts: { fields: 'name' },
      },
      head,
      KEY,
    );
    rows.push(row);
    head = { sequence: row.sequence, hash: row.hash };
  }
  return rows;
};
const CHAIN = chainOf(6);
const at = (index: number): AuditRow => {
  const row = CHAIN[index];
  if (row === undefined) throw new Error(`There is no row ${index}.`);
  return row;
};
const with3 = (change: Partial<AuditRow>): readonly AuditRow[] =>
  CHAIN.map((row) => (row.sequence === 3 ? { ...row, ...change } : row));
const HEAD = { sequence: 6, hash: at(5).hash };

describe('the rows of an audit export', () => {
  it.each([
    ['oldest first', CHAIN],
    ['newest first', CHAIN.toReversed()],
    ['from the middle', CHAIN.slice(2)],
    ['up to the middle', CHAIN.slice(0, 3)],
    ['of one row', CHAIN.slice(3, 4)],
  ])('that are unchanged, %s, verify with and without the key', (_, rows) => {
    for (const chainKey of [KEY, undefined])
      expect(verifyAuditRows(rows, WORKSPACE, { chainKey }).broken).toBeUndefined();
  });

  it.each<[string, readonly AuditRow[], number, string]>([
    ['removed', CHAIN.filter(({ sequence }) => sequence !== 3), 3, 'missing'],
    ['removed twice', CHAIN.filter(({ sequence }) => sequence !== 3 && sequence !== 5), 3, 'missing'],
    ['swapped', [at(0), at(1), at(3), at(2), at(4), at(5)], 4, 'out_of_order'],
    ['moved to the end', [at(0), at(1), at(3), at(4), at(5), at(2)], 4, 'out_of_order'],
    ['repeated', [...CHAIN.slice(0, 3), at(2), ...CHAIN.slice(3)], 3, 'repeated'],
    ['that cannot be read', with3({ type: 'row.damaged' }), 3, 'altered'],
    ['with another number', with3({ sequence: 9 }), 3, 'missing'],
  ])('do not verify with a row %s, in either order, with and without the key', (_, rows, sequence, fault) => {
    for (const chainKey of [KEY, undefined])
      expect(verifyAuditRows(rows, WORKSPACE, { chainKey }).broken).toEqual({ sequence, fault });
    if (fault === 'missing')
      expect(verifyAuditRows(rows.toReversed(), WORKSPACE, {}).broken).toEqual({ sequence, fault });
  });

  it.each<[string, Partial<AuditRow>]>([
    ['actor', { actor: 'somebody else' }],
    ['facts', { facts: { fields: 'status' } }],
    ['time', { at: '2026-11-02T00:00:00.000Z' }],
    ['type', { type: 'site.created' }],
    ['site', { siteId: 'abcdefgh' }],
  ])('do not verify with another %s, which only the key reveals', (_, change) => {
    const rows = with3(change);
    expect(verifyAuditRows(rows, WORKSPACE, { chainKey: KEY }).broken).toEqual({
      sequence: 3,
      fault: 'altered',
    });
    expect(verifyAuditRows(rows, WORKSPACE, {}).broken).toBeUndefined();
  });

  it('do not verify with another hash or another link, even without the key', () => {
    const other = '0'.repeat(64);
    expect(verifyAuditRows(with3({ hash: other }), WORKSPACE, {}).broken).toEqual({
      sequence: 4,
      fault: 'unlinked',
    });
    expect(verifyAuditRows(with3({ previousHash: other }), WORKSPACE, {}).broken).toEqual({
      sequence: 3,
      fault: 'unlinked',
    });
    expect(verifyAuditRows(CHAIN, 'another0ther', {}).broken).toEqual({ sequence: 1, fault: 'unlinked' });
  });

  it('reveal a missing end only with a head from another source', () => {
    const cut = CHAIN.slice(0, 4);
    expect(verifyAuditRows(cut, WORKSPACE, { chainKey: KEY }).broken).toBeUndefined();
    expect(verifyAuditRows(cut, WORKSPACE, { head: HEAD }).broken).toEqual({ sequence: 6, fault: 'cut_off' });
    expect(verifyAuditRows(CHAIN, WORKSPACE, { head: HEAD }).broken).toBeUndefined();
    const head = { sequence: 6, hash: at(4).hash };
    expect(verifyAuditRows(CHAIN, WORKSPACE, { head }).broken).toEqual({ sequence: 6, fault: 'rewritten' });
  });

  it('after a given head are compared only if they begin at the next row, and are otherwise refused', () => {
    const later = CHAIN.slice(3);
    const third = { sequence: 3, hash: at(2).hash };
    expect(verifyAuditRows(later, WORKSPACE, { head: third }).broken).toBeUndefined();
    expect(verifyAuditRows(later, WORKSPACE, { head: { ...third, hash: at(1).hash } }).broken).toEqual({
      sequence: 3,
      fault: 'rewritten',
    });
    const second = { sequence: 2, hash: at(1).hash };
    expect(() => verifyAuditRows(later, WORKSPACE, { head: second })).toThrow(/begins with row 4/);
  });

  it('are refused if there are none', () => {
    expect(() => verifyAuditRows([], WORKSPACE, {})).toThrow('no rows');
  });
});

describe('a file that is not an audit export', () => {
  it.each([
    [
      'of another list',
      '{"format":"spelo-export/1","list":"errors","workspace_id":"a","filter":{},"items":[]}',
    ],
    ['of another form', '{"items":[]}'],
    ['cut in the middle', '{"format":"spelo-export/1","list":"audit"'],
    [
      'with an invalid row',
      '{"format":"spelo-export/1","list":"audit","workspace_id":"a","filter":{},"items":[1]}',
    ],
    ['of other columns', 'a,b\r\n1,2\r\n'],
  ])('%s is refused', (_, text) => {
    expect(() => readAuditExport(text)).toThrow(/not an (export|audit row)/);
  });
});

describe('npm run ops:verify-audit-export', () => {
  /** A sub that a spreadsheet would run. */
  const OWNER = '=HYPERLINK("https://evil.example","x")';
  const folder = mkdtempSync(join(tmpdir(), 'spelo-export-'));
  let stack: TestStack;
  let workspaceId: string;
  let json: string;
  let csv: string;
  let head: string;

  beforeAll(async () => {
    stack = await startTestStack({ audited: false });
    const created = await stack.call('POST', '/v1/workspaces', { as: OWNER, body: { name: 'Shop' } });
    workspaceId = expectSuccess(created, 201).workspace_id;
    const path = `/v1/workspaces/${workspaceId}`;
    for (const name of ['One', 'Two', 'Three'])
      expectSuccess(await stack.call('PATCH', path, { as: OWNER, body: { name } }));
    await stack.streams.drain();
    const read = async (query: object, accept: string) =>
      stack.call('GET', `${path}/audit?${new URLSearchParams({ ...query, limit: '2' })}`, {
        as: OWNER,
        headers: { accept },
      });
    const reader: ListReader = {
      page: async (query) => expectSuccess(await read(query, 'application/json')),
      csvPage: async (query) => {
        const { text, headers } = await read(query, 'text/csv');
        const link = /^<([^>]*)>/.exec(headers.get('link') ?? '')?.[1];
        return {
          text,
          next: link === undefined ? null : new URL(link, stack.url).searchParams.get('cursor'),
        };
      },
      onRows: () => undefined,
    };
    json = await jsonOf(reader, {}, { list: 'audit', workspace_id: workspaceId, exported_at: 'now' });
    csv = await csvOf(reader, {});
    const verdict = expectSuccess(await stack.call('GET', `${path}/audit/verify`, { as: OWNER }));
    head = `${verdict.head.sequence}:${verdict.head.hash}`;
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stack?.close();
  });

  const command = (content: string, ...given: string[]) => {
    const file = join(folder, 'export');
    writeFileSync(file, content);
    return runOperatorCommand('verify-audit-export', [file, ...given], {
      ...stack.variables,
      ...LOCAL_CREDENTIALS,
    });
  };

  it('verifies a JSON and a CSV export, and names what it could not check', async () => {
    for (const file of [json, csv]) {
      const linked = await command(file);
      expect([linked.code, linked.stdout]).toEqual([0, expect.stringContaining('4 rows, 1 to 4, linked')]);
      expect(linked.stdout).toContain('Not checked: the content of the rows.');
      expect(linked.stdout).toContain('Not checked: whether later rows were cut off.');
      const whole = await command(file, '--with-key', '--head', head);
      expect([whole.code, whole.stdout]).toEqual([
        0,
        `${workspaceId}: 4 rows, 1 to 4, as they were written.\n`,
      ]);
    }
    const second = /"sequence":2,.*?"hash":"([0-9a-f]{64})"/.exec(json)?.[1];
    const older = await command(json, '--with-key', '--head', `2:${second}`);
    expect([older.code, older.stdout]).toEqual([
      0,
      expect.stringContaining('Not checked: whether rows after 4 were cut off.'),
    ]);
    // No cell is a formula.
    expect(csv).toContain(`"'=HYPERLINK(`);
  });

  it('names an altered, removed or cut-off row', async () => {
    const altered = json.replace(/("sequence":2,.*?"actor":")[^"\\]*/, '$1nobody');
    expect(altered).not.toBe(json);
    const found = await command(altered, '--with-key');
    expect([found.code, found.stdout]).toEqual([1, `${workspaceId}: row 2 was altered.\n`]);
    const rows = csv.split('\r\n');
    const removed = await command(rows.toSpliced(2, 1).join('\r\n'));
    expect([removed.code, removed.stdout]).toEqual([1, expect.stringContaining('row 3 is missing')]);
    expect(removed.stdout).toContain('If it was filtered, this is no proof');
    const gap = json.replace(/\{"sequence":3,.*\n/, '');
    expect(gap).not.toBe(json);
    const removedFromJson = await command(gap);
    expect([removedFromJson.code, removedFromJson.stdout]).toEqual([
      1,
      `${workspaceId}: row 3 is missing from the file.\n`,
    ]);
    const cut = await command(rows.toSpliced(1, 1).join('\r\n'), '--head', head);
    expect([cut.code, cut.stdout]).toEqual([1, expect.stringContaining('row 4 is not in the file')]);
  });

  it('refuses a filtered export, a part without its workspace, and files that it cannot read', async () => {
    const filtered = json.replace('"filter":{}', '"filter":{"type":"site.changed"}');
    for (const [file, ...given] of [
      [filtered],
      [csv.split('\r\n').slice(0, 3).join('\r\n')],
      ['{}'],
      [json, '--head', '4'],
      [json, '--unknown'],
    ] as const)
      expect((await command(file, ...given)).code).toBe(2);
    const part = await command(
      csv.split('\r\n').slice(0, 3).join('\r\n'),
      '--workspace',
      workspaceId,
      '--with-key',
    );
    expect([part.code, part.stdout]).toEqual([0, expect.stringContaining('rows 1 to 2 are not in the file')]);
  });
});
