import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, type Tenant } from '../support/tenant.ts';
import { keyItems, keyOf, SCOPES, withKey } from './keys.ts';
import { type Item, type RawTables, rawTables } from './tables.ts';
import { ofType, type Scope, settledTrail } from './trail.ts';

/** Attacks by a person who may write every table and has no other right. */

let stack: TestStack;
let tables: RawTables;

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  tables = rawTables(stack);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
});

const headOf = async (scope: Scope, tenant: Tenant): Promise<Item> => {
  const head = (await keyItems(tables, scope, tenant)).find(({ sk }) => sk === 'KEY');
  if (head === undefined) throw new Error('There is no key.');
  return head;
};

const placeOf = (scope: Scope, { siteId, workspaceId }: Tenant): string =>
  scope === 'site' ? `SITE#${siteId}` : `WORKSPACE#${workspaceId}`;

const markOf = async (scope: Scope, tenant: Tenant): Promise<Item> => {
  const [mark] = await tables.partition('tenancy', `MARK#${placeOf(scope, tenant)}`);
  if (mark === undefined) throw new Error('There is no mark.');
  return mark;
};

/** Kinds of the incidents that the detector has announced for the workspace. Each has one row on the trail. */
const tamperingsOf = async (tenant: Tenant): Promise<readonly string[]> => {
  const rows = ofType(await settledTrail(stack, tenant), 'tampering.detected');
  // Announced at least once: the streams of two tables can show the same change.
  const announced = new Map(
    stack.incidents.tamperings
      .filter(({ workspaceId }) => workspaceId === tenant.workspaceId)
      .map(({ incidentId, kind }) => [incidentId, kind]),
  );
  expect(rows.map(({ event_id }) => event_id).sort()).toEqual([...announced.keys()].sort());
  return [...announced.values()];
};

const expectRefusedKey = async (scope: Scope, tenant: Tenant): Promise<void> => {
  expectRefusal(await mint(stack, tenant), 422, 'openai_key_missing');
  expect(expectSuccess(await keyOf(stack, tenant, scope).view())).toMatchObject({ state: 'needs_reentry' });
};

describe.each(SCOPES)('a table writer who changes a %s key', (scope) => {
  test('cannot revive a replaced key, and is detected before any mint with it', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const old = await headOf(scope, tenant);
    expectSuccess(await at.put(fakeKey()));
    expect(await tamperingsOf(tenant)).toEqual([]);
    await tables.put('keys', old);
    expect(await tamperingsOf(tenant)).toEqual(['key_put_back']);
    await expectRefusedKey(scope, tenant);
    expect(await tamperingsOf(tenant)).toEqual(['key_put_back']);
  });

  test('cannot revive a suspended key', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const active = await headOf(scope, tenant);
    expectSuccess(await at.suspend());
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
    await tables.put('keys', active);
    await expectRefusedKey(scope, tenant);
    expect(await tamperingsOf(tenant)).toEqual(['key_put_back']);
  });

  test('cannot revive a deleted key', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const head = await headOf(scope, tenant);
    expectSuccess(await at.remove());
    await tables.put('keys', head);
    await expectRefusedKey(scope, tenant);
    expect(await tamperingsOf(tenant)).toEqual(['key_put_back']);
  });

  test.each([
    ['switches it on', { state: 'active' }],
    ['raises its revision', { state: 'active', revision: 9 }],
    ['names another version for a rollback', { previousVersion: 7 }],
    ['changes the counter of versions', { lastVersion: 9 }],
  ])('cannot change its attributes: %s', async (_, change) => {
    const { tenant, at } = await withKey(stack, scope);
    expectSuccess(await at.put(fakeKey()));
    expectSuccess(await at.suspend());
    await tables.put('keys', { ...(await headOf(scope, tenant)), ...change });
    expect(expectSuccess(await at.view())).toMatchObject({ state: 'needs_reentry' });
    expect((await mint(stack, tenant)).status).not.toBe(200);
    expect(await tamperingsOf(tenant)).toEqual(['key_put_back']);
  });

  test("cannot delete the key's mark or forge another one", async () => {
    const { tenant, at } = await withKey(stack, scope);
    const [old, oldMark] = [await headOf(scope, tenant), await markOf(scope, tenant)];
    expectSuccess(await at.put(fakeKey()));
    await tables.put('keys', old);
    await tables.delete('tenancy', oldMark);
    await expectRefusedKey(scope, tenant);
    const { mac } = await markOf(scope, (await withKey(stack, scope)).tenant);
    await tables.put('tenancy', { ...oldMark, revision: old['revision'], mac });
    await expectRefusedKey(scope, tenant);
    const found = await tamperingsOf(tenant);
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found)).toEqual(new Set(['key_put_back']));
  });

  test('is detected when they restore both an old key and its old mark', async () => {
    const { tenant, at } = await withKey(stack, scope);
    await stack.streams.drain();
    const [old, oldMark] = [await headOf(scope, tenant), await markOf(scope, tenant)];
    expectSuccess(await at.put(fakeKey()));
    await stack.streams.drain();
    await tables.put('keys', old);
    await tables.put('tenancy', oldMark);
    expect(await tamperingsOf(tenant)).toContain('mark_put_back');
  });

  test('cannot cause a version number to be issued twice', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const old = await headOf(scope, tenant);
    expect(expectSuccess(await at.put(fakeKey()))).toMatchObject({ version: 2 });
    await tables.put('keys', old);
    expect(expectSuccess(await at.put(fakeKey()))).toMatchObject({ version: 3, state: 'active' });
    expect((await mint(stack, tenant)).status).toBe(200);
    await tables.delete('keys', await headOf(scope, tenant));
    expect(expectSuccess(await at.put(fakeKey()))).toMatchObject({ version: 4, state: 'active' });
    expect((await mint(stack, tenant)).status).toBe(200);
  });
});

describe('a table writer who removes keys', () => {
  test('cannot make a site with a suspended key mint with the workspace key', async () => {
    const { tenant, at } = await withKey(stack, 'site');
    expectSuccess(await keyOf(stack, tenant, 'workspace').put(fakeKey()));
    expectSuccess(await at.suspend());
    await tables.delete('keys', await headOf('site', tenant));
    await expectRefusedKey('site', tenant);
    expect(await tamperingsOf(tenant)).toEqual(['key_put_back']);
  });
});

describe('the platform key', () => {
  test('is refused as an outage when an older one is restored', async () => {
    await putPlatformKey(stack, fakeKey());
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    expect((await mint(stack, tenant)).status).toBe(200);
    const [old] = (await tables.partition('keys', 'PLATFORM#platform')).filter(({ sk }) => sk === 'KEY');
    await putPlatformKey(stack, fakeKey());
    await tables.put('keys', old ?? {});
    expect((await mint(stack, tenant)).status).toBe(503);
    await stack.streams.drain();
    const found = stack.incidents.tamperings.filter(({ workspaceId }) => workspaceId === 'platform');
    expect(found[0]).toMatchObject({ kind: 'key_put_back', subject: 'key of platform platform' });
    expect(new Set(found.map(({ incidentId }) => incidentId)).size).toBe(1);
    await putPlatformKey(stack, fakeKey());
    expect((await mint(stack, tenant)).status).toBe(200);
  });
});

describe('key changes by the product', () => {
  test('cause no incident, however fast they follow each other', async () => {
    const { tenant, at } = await withKey(stack, 'workspace');
    for (let round = 0; round < 3; round++) {
      const [changed, minted] = await Promise.all([
        round % 2 === 0 ? at.rotate() : at.put(fakeKey()),
        mint(stack, tenant),
      ]);
      expect([changed.status, minted.status]).toEqual([200, 200]);
      expectSuccess(await at.suspend());
      expectSuccess(await at.resume());
    }
    expectSuccess(await at.remove());
    expectSuccess(await at.put(fakeKey()));
    expect(await tamperingsOf(tenant)).toEqual([]);
  });
});
