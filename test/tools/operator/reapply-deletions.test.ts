import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DeleteCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseArchivedRows } from '../../../lambdas/adapters/aws/audit/archived-rows.ts';
import { dynamoDbClient } from '../../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeyScan } from '../../../lambdas/adapters/aws/keys/dynamodb-key-scan.ts';
import { dynamoDbKeys } from '../../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import type { KeyAddress } from '../../../lambdas/domain/keys/stored-key.ts';
import { archiveLineOf } from '../../../lambdas/streams/audit-archiver.ts';
import { readKeyTrail } from '../../../tools/operator/deletions/key-trail.ts';
import { type Remedy, replayTombstones } from '../../../tools/operator/deletions/replay.ts';
import { operatorAuditEvents } from '../../../tools/operator/operator.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../../support/tenant.ts';

const TableName = 'keys';
const keyPath = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}/openai-key`;

let stack: TestStack;
beforeEach(async () => {
  stack = await startTestStack({ audited: false });
});
afterEach(async () => {
  await stack.close();
});

const client = () =>
  dynamoDbClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint });

const items = async (): Promise<Record<string, unknown>[]> =>
  (await client().send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? [];

/** Point-in-time recovery: the table holds what it held then, and nothing else. */
const restore = async (backup: readonly Record<string, unknown>[]): Promise<void> => {
  for (const { pk, sk } of await items())
    await client().send(new DeleteCommand({ TableName, Key: { pk, sk } }));
  for (const Item of backup) await client().send(new PutCommand({ TableName, Item }));
};

const archivedRows = async () => {
  await stack.streams.drain();
  const bucket = stack.variables['ARCHIVE_BUCKET'] ?? '';
  return stack.s3.keys(bucket).flatMap((key) => parseArchivedRows(stack.s3.read(bucket, key) ?? ''));
};

const replay = async (apply = true): Promise<readonly Remedy[]> => {
  const tables = { keys: TableName, tenancy: 'tenancy' };
  return replayTombstones({
    scan: dynamoDbKeyScan(client(), tables, undefined),
    keys: dynamoDbKeys(client(), { ...tables, writer: 'restore' }, undefined),
    auditEvents: operatorAuditEvents,
    clock: () => new Date(),
  })({ sub: 'operator:test', sourceIp: '' }, readKeyTrail(await archivedRows()), apply);
};

const lastVersionOf = async ({ workspaceId }: Tenant): Promise<number | undefined> => {
  const address: KeyAddress = { scope: 'workspace', scopeId: workspaceId, workspaceId };
  return (
    await dynamoDbKeys(
      client(),
      { keys: TableName, tenancy: 'tenancy', writer: 'restore' },
      undefined,
    ).readKey(address)
  )?.lastVersion;
};

describe('a restored keys table', () => {
  it('contains deleted keys, and the command shreds them again with the retained versions', async () => {
    const [tenant, withSite, untouched] = [
      await makeTenant(stack),
      await makeTenant(stack),
      await makeTenant(stack),
    ];
    await putWorkspaceKey(stack, tenant, fakeKey());
    await putWorkspaceKey(stack, tenant, fakeKey());
    await putSiteKey(stack, withSite, fakeKey());
    await putWorkspaceKey(stack, untouched, fakeKey());
    const backup = await items();
    await stack.call('DELETE', keyPath(tenant), { as: tenant.owner });
    await stack.call('DELETE', `/v1/sites/${withSite.siteId}/openai-key`, { as: withSite.owner });
    await restore(backup);
    // Its mark is in another table and did not come back.
    expect((await mint(stack, tenant)).error.code).toBe('openai_key_missing');

    const expected = [
      { place: `workspace ${tenant.workspaceId}`, remedy: 'shred', version: 2 },
      { place: `workspace ${tenant.workspaceId}`, remedy: 'shred_retained', version: 1 },
      { place: `site ${withSite.siteId}`, remedy: 'shred', version: 1 },
    ];
    const planned = await replay(false);
    expect([...planned]).toEqual(expect.arrayContaining(expected));
    expect(planned.length).toBe(3);
    expect((await items()).filter((item) => item['sealed'] !== undefined)).toHaveLength(4);

    await replay();
    expect((await mint(stack, tenant)).error.code).toBe('openai_key_missing');
    expect((await mint(stack, withSite)).error.code).toBe('openai_key_missing');
    expect((await mint(stack, untouched)).status).toBe(200);
    const sealed = (await items()).filter((item) => item['sealed'] !== undefined).map(({ pk }) => pk);
    expect(sealed).toEqual([`WORKSPACE#${untouched.workspaceId}`]);
    expect(await replay()).toEqual([]);
  });

  it('does not bring a replaced key back into use', async () => {
    const tenant = await makeTenant(stack);
    await putWorkspaceKey(stack, tenant, fakeKey());
    const backup = await items();
    await putWorkspaceKey(stack, tenant, fakeKey());
    await restore(backup);
    expect(await replay()).toEqual([
      { place: `workspace ${tenant.workspaceId}`, remedy: 'suspend', version: 1 },
    ]);
    expect((await mint(stack, tenant)).status).toBe(422);
    expect((await items()).find(({ sk }) => sk === 'KEY')).toMatchObject({ state: 'suspended', version: 1 });
    expect(await lastVersionOf(tenant)).toBe(2);
    expect(await replay()).toEqual([]);
    expect((await putWorkspaceKey(stack, tenant, fakeKey())).data.version).toBe(3);
    expect((await mint(stack, tenant)).status).toBe(200);
    expect(await replay()).toEqual([]);
  });

  it('does not resume a suspended key', async () => {
    const tenant = await makeTenant(stack);
    await putWorkspaceKey(stack, tenant, fakeKey());
    const backup = await items();
    await stack.call('POST', `${keyPath(tenant)}/suspend`, { as: tenant.owner });
    await restore(backup);
    expect(await replay()).toEqual([
      { place: `workspace ${tenant.workspaceId}`, remedy: 'suspend', version: 1 },
    ]);
    expect((await mint(stack, tenant)).error.code).toBe('openai_key_suspended');
  });

  it('never repeats a version that was assigned after the backup', async () => {
    const tenant = await makeTenant(stack);
    await stack.streams.drain();
    const backup = await items();
    await putWorkspaceKey(stack, tenant, fakeKey());
    await putWorkspaceKey(stack, tenant, fakeKey());
    await restore(backup);
    expect(await replay()).toEqual([
      { place: `workspace ${tenant.workspaceId}`, remedy: 'count_on', version: 2 },
    ]);
    expect((await putWorkspaceKey(stack, tenant, fakeKey())).data.version).toBe(3);
    expect((await mint(stack, tenant)).status).toBe(200);
  });

  it('is left unchanged if it agrees with the trail about every change', async () => {
    const tenant = await makeTenant(stack);
    const { owner } = tenant;
    await putWorkspaceKey(stack, tenant, fakeKey());
    await putWorkspaceKey(stack, tenant, fakeKey());
    for (const change of ['rollback', 'rotate', 'suspend', 'resume'])
      expect((await stack.call('POST', `${keyPath(tenant)}/${change}`, { as: owner })).status).toBe(200);
    expect(await replay()).toEqual([]);
    await stack.call('DELETE', keyPath(tenant), { as: owner });
    expect(await replay()).toEqual([]);
    await putWorkspaceKey(stack, tenant, fakeKey());
    expect(await replay()).toEqual([]);
    expect((await mint(stack, tenant)).status).toBe(200);
  });
});

describe('the audit trail for the command', () => {
  it('reports its gaps', async () => {
    const tenant = await makeTenant(stack);
    await putWorkspaceKey(stack, tenant, fakeKey());
    const rows = await archivedRows();
    expect(readKeyTrail(rows).incomplete).toEqual([]);
    expect(readKeyTrail([...rows, ...rows].reverse()).incomplete).toEqual([]);
    expect(readKeyTrail(rows.filter(({ sequence }) => sequence !== 2)).incomplete).toEqual([
      tenant.workspaceId,
    ]);
  });
});

const command = (name: string, archive: string, ...given: string[]) =>
  runOperatorCommand(name, ['--audit', archive, ...given], { ...stack.variables, ...LOCAL_CREDENTIALS });

describe('npm run verify-archive and npm run reapply-deletions', () => {
  it('handle a restore together, and their exit status shows what they did', async () => {
    const tenant = await makeTenant(stack);
    await putWorkspaceKey(stack, tenant, fakeKey());
    const backup = await items();
    await stack.call('DELETE', keyPath(tenant), { as: tenant.owner });
    const archive = join(mkdtempSync(join(tmpdir(), 'spelo-archive-')), 'audit.ndjson');
    const lines = (await archivedRows()).map(archiveLineOf);
    try {
      writeFileSync(archive, lines.join('\n'));
      const whole = await command('verify-archive', archive);
      expect([whole.code, whole.stdout]).toEqual([0, `${tenant.workspaceId}: ${lines.length} rows, whole\n`]);
      expect((await command('reapply-deletions', archive)).code).toBe(0);
      await restore(backup);
      const plan = await command('reapply-deletions', archive);
      expect([plan.code, plan.stdout]).toEqual([1, expect.stringContaining('version 1: was deleted: shred')]);
      expect((await items()).some((item) => item['sealed'] !== undefined)).toBe(true);
      expect((await command('reapply-deletions', archive, '--apply')).code).toBe(1);
      expect((await items()).some((item) => item['sealed'] !== undefined)).toBe(false);
      expect((await mint(stack, tenant)).error.code).toBe('openai_key_missing');
      expect((await command('reapply-deletions', archive)).code).toBe(0);

      const forged = lines.map((line) =>
        line.includes('"sequence":1,') ? line.replace(/"actor":"[^"]*"/, '"actor":"somebody else"') : line,
      );
      writeFileSync(archive, forged.join('\n'));
      const altered = await command('verify-archive', archive);
      expect([altered.code, altered.stdout]).toEqual([1, `${tenant.workspaceId}: row 1 is altered\n`]);
      writeFileSync(archive, '{}');
      expect((await command('verify-archive', archive)).code).toBe(2);
      expect((await command('reapply-deletions', archive)).code).toBe(2);
    } finally {
      rmSync(dirname(archive), { recursive: true, force: true });
    }
  });
});

describe('npm run mark-keys', () => {
  it('marks a key if the trail has the same state, and leaves a key refused that was put back', async () => {
    const [sound, tampered] = [await makeTenant(stack), await makeTenant(stack)];
    await putWorkspaceKey(stack, sound, fakeKey());
    await putWorkspaceKey(stack, tampered, fakeKey());
    const old = (await items()).find(
      ({ pk, sk }) => pk === `WORKSPACE#${tampered.workspaceId}` && sk === 'KEY',
    );
    await putWorkspaceKey(stack, tampered, fakeKey());
    const archive = join(mkdtempSync(join(tmpdir(), 'spelo-archive-')), 'audit.ndjson');
    try {
      writeFileSync(archive, (await archivedRows()).map(archiveLineOf).join('\n'));
      // As in a deployment of a version that knew no marks.
      for (const { workspaceId } of [sound, tampered])
        await client().send(
          new DeleteCommand({
            TableName: 'tenancy',
            Key: { pk: `MARK#WORKSPACE#${workspaceId}`, sk: 'MARK' },
          }),
        );
      await client().send(new PutCommand({ TableName, Item: old }));
      expect((await mint(stack, sound)).error.code).toBe('openai_key_missing');

      const planned = await command('mark-keys', archive);
      expect([planned.code, planned.stdout]).toEqual([
        1,
        expect.stringContaining('2 keys, 0 marked before, 1 to mark\n'),
      ]);
      expect((await mint(stack, sound)).error.code).toBe('openai_key_missing');

      const applied = await command('mark-keys', archive, '--apply');
      expect([applied.code, applied.stdout]).toEqual([
        1,
        expect.stringContaining(
          `workspace ${tampered.workspaceId}: is not in the state that the trail gives`,
        ),
      ]);
      expect((await mint(stack, sound)).status).toBe(200);
      expect((await mint(stack, tampered)).error.code).toBe('openai_key_missing');
      const rows = (await archivedRows()).filter(({ type }) => type === 'key.marked');
      expect(rows).toMatchObject([
        { workspaceId: sound.workspaceId, facts: { scope: 'workspace', version: 1 } },
      ]);
      expect((await command('mark-keys', archive)).stdout).toContain('2 keys, 1 marked before, 0 to mark\n');
    } finally {
      rmSync(dirname(archive), { recursive: true });
    }
  });
});
