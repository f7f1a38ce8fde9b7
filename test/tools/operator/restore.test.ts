import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseArchivedRows } from '../../../lambdas/adapters/aws/audit/archived-rows.ts';
import type { RawItem } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';
import { archiveLineOf } from '../../../lambdas/streams/audit-archiver.ts';
import { ITEM_USES, RESTORABLE_TABLES, restoredTableActions } from '../../../lib/item-uses.ts';
import { type AwsCall, type AwsProxy, startAwsProxy } from '../../support/aws-proxy.ts';
import { ended, LOCAL_CREDENTIALS, startOperatorCommand } from '../../support/operator-command.ts';
import { joinAs } from '../../support/people.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../../support/tenant.ts';

const PREFIX = 'drill';
const TABLES = [...RESTORABLE_TABLES];

let stack: TestStack;
let proxy: AwsProxy;
let dynamoDb: DynamoDBClient;
const folder = mkdtempSync(join(tmpdir(), 'spelo-restore-'));
const archive = join(folder, 'audit.ndjson');
const progressFile = join(folder, 'progress.json');

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  proxy = await startAwsProxy();
  proxy.forwardTo(stack.dynamoDb.endpoint);
  dynamoDb = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
});
afterAll(async () => {
  dynamoDb.destroy();
  await proxy.close();
  await stack.close();
  rmSync(folder, { recursive: true, force: true });
});

const itemsOf = async (TableName: string): Promise<RawItem[]> => {
  const items: RawItem[] = [];
  for (let ExclusiveStartKey: Record<string, never> | undefined; ; ) {
    const page = await dynamoDb.send(new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey }));
    items.push(...(page.Items ?? []));
    if (page.LastEvaluatedKey === undefined) return items;
    ExclusiveStartKey = page.LastEvaluatedKey as Record<string, never>;
  }
};
const put = (TableName: string, Item: RawItem) =>
  dynamoDb.send(new PutItemCommand({ TableName, Item: { ...Item } }));
const remove = (TableName: string, { pk, sk }: RawItem) =>
  dynamoDb.send(new DeleteItemCommand({ TableName, Key: { pk: pk ?? { S: '' }, sk: sk ?? { S: '' } } }));

/** As a point-in-time restore makes a table: its items and keys, without stream and without expiry. */
const restoreFromBackup = async (table: string, items: readonly RawItem[]): Promise<void> => {
  await dynamoDb.send(
    new CreateTableCommand({
      TableName: `${PREFIX}-${table}`,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  for (const item of items) await put(`${PREFIX}-${table}`, item);
};

const archivedRows = async (): Promise<AuditRow[]> => {
  await stack.streams.drain();
  const bucket = stack.variables['ARCHIVE_BUCKET'] ?? '';
  return stack.s3.keys(bucket).flatMap((key) => parseArchivedRows(stack.s3.read(bucket, key) ?? ''));
};

const start = (name: string, ...given: string[]) =>
  startOperatorCommand(name, ['--audit', archive, ...given], {
    ...stack.variables,
    AWS_ENDPOINT_URL_DYNAMODB: proxy.url,
    ...LOCAL_CREDENTIALS,
  });
const restore = (...given: string[]) =>
  ended(start('restore', '--from', PREFIX, '--progress', progressFile, ...given));

/** Runs the command until its `count`th put into the table `name`, which never arrives, and kills it there. */
const crashAt = async (name: string, count: number): Promise<void> => {
  const reached = Promise.withResolvers<void>();
  let puts = 0;
  proxy.intervene(({ operation, body }) => {
    if (operation !== 'PutItem' || body['TableName'] !== name || ++puts < count) return undefined;
    reached.resolve();
    return 'hang';
  });
  const child = start('restore', '--from', PREFIX, '--progress', progressFile, '--apply');
  const end = ended(child);
  // A command that stops earlier says why.
  const early = end.then(({ stderr }) => Promise.reject(new Error(stderr)));
  early.catch(() => undefined);
  await Promise.race([reached.promise, early]);
  child.kill('SIGKILL');
  expect((await end).code).toBeNull();
  proxy.intervene();
};

/** `keys PutItem`, and `drill-keys Scan` for a restored table: every item of every call. */
const usesIn = (calls: readonly AwsCall[]): ReadonlySet<string> =>
  new Set(
    calls.flatMap(({ operation, body }) => {
      if (operation === 'BatchGetItem')
        return Object.keys(body['RequestItems'] as object).map((table) => `${table} ${operation}`);
      if (operation !== 'TransactWriteItems') return [`${body['TableName']} ${operation}`];
      const items = body['TransactItems'] as readonly Readonly<Record<string, { TableName: string }>>[];
      return items.flatMap((item) =>
        Object.entries(item).map(([action, { TableName }]) => `${TableName} ${action}Item`),
      );
    }),
  );

describe('a restore of every table after two crashes', () => {
  let shop: Tenant;
  let deleted: Tenant;
  let replaced: Tenant;
  let closed: Tenant;
  const guest = 'guest-who-was-removed';
  const demoted = 'owner-who-became-a-viewer';
  const verify = async ({ workspaceId, owner }: Tenant) =>
    (await stack.call('GET', `/v1/workspaces/${workspaceId}/audit/verify`, { as: owner })).data;

  it('restores lost items and nothing that was deleted since, and the audit chain is intact', async () => {
    [shop, deleted] = [await makeTenant(stack), await makeTenant(stack)];
    [replaced, closed] = [await makeTenant(stack), await makeTenant(stack)];
    const members = `/v1/workspaces/${shop.workspaceId}/members`;
    await putWorkspaceKey(stack, shop, fakeKey());
    const pending = { as: shop.owner, body: { role: 'owner' } };
    expect((await stack.call('PUT', `${members}/pending`, pending)).status).toBe(200);
    for (const person of [guest, demoted]) await joinAs(stack, shop, person, 'owner');
    const token = await stack.call('POST', `/v1/workspaces/${shop.workspaceId}/api-tokens`, {
      as: shop.owner,
      body: { name: 'Export', role: 'viewer' },
    });
    const headers = { authorization: `Bearer ${token.data.token}` };
    expect((await stack.call('GET', `/v1/sites/${shop.siteId}`, { headers })).status).toBe(200);
    await putWorkspaceKey(stack, deleted, fakeKey());
    await putWorkspaceKey(stack, deleted, fakeKey());
    await putSiteKey(stack, replaced, fakeKey());
    expect((await mint(stack, shop)).status).toBe(200);
    // More than a page of items in the table that goes last.
    for (let n = 0; n < 250; n++)
      await put('usage', {
        pk: { S: `USAGE#${shop.workspaceId}` },
        sk: { S: `DAY#2020#${n}` },
        seconds: { N: `${n}` },
      });
    // Past its time, although the table still holds it: expiry is never left to DynamoDB.
    await put('sessions', {
      pk: { S: 'KEY#site#old' },
      sk: { S: 'ACTIVITY' },
      expires_at: { N: '1600000000' },
    });
    await stack.streams.drain();
    const backup = new Map<string, RawItem[]>();
    for (const table of TABLES) backup.set(table, await itemsOf(table));
    for (const table of TABLES) await restoreFromBackup(table, backup.get(table) ?? []);

    const key = ({ workspaceId }: Tenant) => `/v1/workspaces/${workspaceId}/openai-key`;
    expect((await stack.call('DELETE', key(deleted), { as: deleted.owner })).status).toBeLessThan(300);
    await putSiteKey(stack, replaced, fakeKey());
    expect((await stack.call('DELETE', `${members}/${guest}`, { as: shop.owner })).status).toBeLessThan(300);
    await stack.call('PUT', `${members}/${demoted}`, { as: shop.owner, body: { role: 'viewer' } });
    expect(
      (await stack.call('DELETE', `/v1/sites/${closed.siteId}`, { as: closed.owner })).status,
    ).toBeLessThan(300);
    writeFileSync(archive, (await archivedRows()).map(archiveLineOf).join('\n'));

    // The accident: four tables are empty, and two rows are gone from the middle of a chain.
    for (const table of ['tenancy', 'keys', 'sessions', 'usage'])
      for (const item of await itemsOf(table)) await remove(table, item);
    const lost = (await itemsOf('audit')).filter(
      ({ pk, sk }) => pk?.S === `AUDIT#${shop.workspaceId}` && /000000000[23]$/.test(sk?.S ?? ''),
    );
    expect(lost).toHaveLength(2);
    for (const item of lost) await remove('audit', item);
    await stack.streams.drain();
    expect((await mint(stack, shop)).status).toBe(404);

    const planned = await restore();
    expect(planned.code).toBe(1);
    expect(planned.stdout).toContain('audit: 2 missing');
    expect(planned.stdout).toContain('2 missing\n');
    // The detector has noticed that the keys and their marks are gone, and notes its incidents.
    expect((await itemsOf('tenancy')).filter(({ pk }) => pk?.S?.startsWith('EVENTS#') !== true)).toEqual([]);
    expect(existsSync(progressFile)).toBe(false);

    await crashAt('keys', 1);
    // Sites and workspaces are back by now. No key that was deleted is, not even for this moment.
    expect((await mint(stack, deleted)).error.code).toBe('openai_key_missing');
    await crashAt('usage', 130);
    expect((await mint(stack, deleted)).error.code).toBe('openai_key_missing');
    expect(existsSync(progressFile)).toBe(true);

    const before = proxy.calls.length;
    const resumed = await restore('--apply');
    expect(resumed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/sessions: \d+ missing, 0 the same, 0 different, 1 withheld\n/),
    });
    const scans = proxy.calls.slice(before).filter(({ operation }) => operation === 'Scan');
    const scansOf = (table: string) => scans.filter(({ body }) => body['TableName'] === `${PREFIX}-${table}`);
    expect(scansOf('sessions')).toEqual([]);
    expect(scansOf('usage').map(({ body }) => 'ExclusiveStartKey' in body)).toEqual([true, true]);
    expect(existsSync(progressFile)).toBe(false);

    expect((await itemsOf('usage')).length).toBe(backup.get('usage')?.length);
    expect((await itemsOf('sessions')).map(({ pk }) => pk?.S)).not.toContain('KEY#site#old');
  }, 180_000);

  it('opens the unchanged key, and neither the deleted nor the replaced one', async () => {
    expect((await mint(stack, shop)).status).toBe(200);
    expect((await mint(stack, deleted)).error.code).toBe('openai_key_missing');
    expect((await mint(stack, replaced)).error.code).toBe('openai_key_suspended');
    const sealed = (await itemsOf('keys'))
      .filter((item) => item['sealed'] !== undefined)
      .map(({ pk }) => pk?.S);
    expect(sealed.sort()).toEqual([`SITE#${replaced.siteId}`, `WORKSPACE#${shop.workspaceId}`].sort());
  });

  it('restores no removed member, no revoked right and no archived site', async () => {
    const path = `/v1/workspaces/${shop.workspaceId}`;
    const roleOf = async (sub: string) =>
      (await stack.call('GET', '/v1/workspaces', { as: sub })).data.items[0]?.role;
    expect(await roleOf(shop.owner)).toBe('owner');
    expect(await roleOf(guest)).toBeUndefined();
    // They may have been withdrawn or revoked since.
    const revocable = /^(?:INVITATION|API_TOKEN|TOKEN_USE)#/;
    const isRevocable = (key: string | undefined) => revocable.test(key ?? '');
    expect(
      (await itemsOf('tenancy')).filter(({ pk, sk }) => isRevocable(pk?.S) || isRevocable(sk?.S)),
    ).toEqual([]);
    expect(await roleOf(demoted)).toBe('viewer');
    expect((await stack.call('GET', `/v1/sites/${closed.siteId}`, { as: closed.owner })).status).toBe(404);
    // The owner is counted as the last one, and stays one.
    const left = await stack.call('DELETE', `${path}/members/${shop.owner}`, { as: shop.owner });
    expect(left.error.code).toBe('last_owner');
  });

  it('leaves audit chains that verify, in the table and in the archive', async () => {
    await stack.streams.drain();
    for (const tenant of [shop, deleted, replaced])
      expect(await verify(tenant)).toMatchObject({ intact: true, broken: null });
    const archived = await ended(start('verify-archive'));
    expect(archived).toMatchObject({ code: 0, stdout: expect.stringContaining(`${shop.workspaceId}: `) });
  });

  it('keeps the streams and the expiry of the live tables, so that the next change is audited', async () => {
    for (const table of ['tenancy', 'keys', 'sessions'] as const) {
      const { Table } = await dynamoDb.send(new DescribeTableCommand({ TableName: table }));
      expect(Table?.StreamSpecification?.StreamEnabled).toBe(true);
      const { TimeToLiveDescription } = await dynamoDb.send(
        new DescribeTimeToLiveCommand({ TableName: table }),
      );
      expect(TimeToLiveDescription?.TimeToLiveStatus).toBe('ENABLED');
    }
    const { version } = (await putWorkspaceKey(stack, deleted, fakeKey())).data;
    // Not one of the versions that were assigned before.
    expect(version).toBe(3);
    await stack.streams.drain();
    const rows = await archivedRows();
    expect(
      rows.filter(({ workspaceId, type }) => workspaceId === deleted.workspaceId && type === 'key.stored'),
    ).toHaveLength(3);
  });

  it('changes nothing when it runs again, and names later changes by an owner', async () => {
    const again = await restore('--apply');
    for (const table of TABLES) expect(again.stdout).toContain(`${table}: 0 missing`);
    // The key that was stored a moment ago stays: the backup's tombstone does not replace it.
    expect(again.stdout).toContain(`keys WORKSPACE#${deleted.workspaceId} KEY: differs in the live table`);
    expect((await mint(stack, deleted)).status).toBe(200);
    expect(again.code).toBe(1);
  });

  it('uses exactly the permissions of its role on the tables', () => {
    const allowed = [
      ...ITEM_USES.restore.flatMap(({ table, actions }) => actions.map((action) => `${table} ${action}`)),
      ...TABLES.flatMap((table) =>
        restoredTableActions(table).map((action) => `${PREFIX}-${table} ${action}`),
      ),
    ];
    expect([...usesIn(proxy.calls)].sort()).toEqual(allowed.sort());
  });

  it('names an altered row of the audit trail, and does not replace it even with --overwrite', async () => {
    const [row] = (await itemsOf('audit')).filter(
      ({ pk, sk }) => pk?.S === `AUDIT#${shop.workspaceId}` && /2$/.test(sk?.S ?? ''),
    );
    if (row === undefined) throw new Error('There is no second row.');
    await put('audit', { ...row, actor: { S: 'somebody-else' } });
    const result = await restore('--apply', '--overwrite');
    expect(result.code).toBe(1);
    expect(result.stdout).toContain(
      `${shop.workspaceId} row 2: differs between the audit table and the archive`,
    );
    expect((await verify(shop)).intact).toBe(false);
    await put('audit', row);
    expect((await verify(shop)).intact).toBe(true);
  });

  it('with --overwrite replaces items that differ from the backup', async () => {
    const place = { pk: { S: `USAGE#${shop.workspaceId}` }, sk: { S: 'DAY#2020#7' } };
    await put('usage', { ...place, seconds: { N: '999' } });
    expect((await restore('--apply')).stdout).toContain('DAY#2020#7: differs in the live table');
    expect((await restore('--apply', '--overwrite')).code).toBe(0);
    expect((await itemsOf('usage')).find(({ sk }) => sk?.S === 'DAY#2020#7')).toEqual({
      ...place,
      seconds: { N: '7' },
    });
  });

  it('copies nothing while the archive lacks rows of a workspace', async () => {
    const rows = await archivedRows();
    const own = ({ workspaceId }: AuditRow) => workspaceId === shop.workspaceId;
    for (const part of [
      rows.filter((row) => !own(row)),
      rows.filter((row) => !own(row) || row.sequence !== 2),
    ]) {
      writeFileSync(archive, part.map(archiveLineOf).join('\n'));
      const result = await restore('--apply');
      expect([result.code, result.stdout]).toEqual([
        2,
        `workspace ${shop.workspaceId}: its trail has gaps\n`,
      ]);
      expect(result.stderr).toContain('would come back');
    }
    expect((await restore('--apply', '--overwrite', '--accept-gaps')).code).not.toBe(2);
  });

  it('does not continue with the progress of another restore', async () => {
    writeFileSync(progressFile, JSON.stringify({ restore: 'another', tables: {} }));
    const result = await restore('--apply');
    expect([result.code, result.stderr]).toEqual([2, expect.stringContaining('belongs to another restore')]);
  });
});
