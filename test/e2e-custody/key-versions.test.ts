import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { MINT_PATH, mintRequests, openAiFingerprint, openAiOf } from '../support/openai.ts';
import { addMember, newPerson } from '../support/people.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint } from '../support/tenant.ts';
import {
  cipherTextsOf,
  isInKeys,
  keyItems,
  keyOf,
  mintedWith,
  retainedIn,
  SCOPES,
  type Version,
  withKey,
} from './keys.ts';
import { type RawTables, rawTables, textOf } from './tables.ts';
import { decryptsOf, keyPath, ofType, settledTrail } from './trail.ts';

const HOUR_MS = 3_600_000;

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

afterEach(() => {
  stack.openAi?.clearFaults();
});

describe.each(SCOPES)('the versions of a %s key', (scope) => {
  test('a key is probed before it is stored, and mints afterwards', async () => {
    const tenant = await makeTenant(stack);
    const key = fakeKey();
    openAiOf(stack).clearRequests();
    const stored = expectSuccess(await keyOf(stack, tenant, scope).put(key));
    expect(stored).toMatchObject({ scope, version: 1, state: 'active', verdict: { ok: true, code: 'ok' } });
    expect(mintRequests(stack).map(({ keyFingerprint }) => keyFingerprint)).toEqual([openAiFingerprint(key)]);
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(key));
  });

  test('a new key becomes current in one step, and the previous one is retained for a day', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const second = fakeKey();
    const before = Date.now();
    expect(expectSuccess(await at.put(second))).toMatchObject({ version: 2, state: 'active' });
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(second));
    const [current, retained] = await at.versions();
    expect(current).toMatchObject({ version: 2, state: 'current', reason: 'stored', retained_until: null });
    expect(retained).toMatchObject({ version: 1, state: 'retained', created_by: tenant.owner });
    const until = Date.parse(retained?.retained_until ?? '');
    expect(until).toBeGreaterThan(before + 24 * HOUR_MS - 2_000);
    expect(until).toBeLessThanOrEqual(Date.now() + 24 * HOUR_MS);
    expect(retainedIn(await keyItems(tables, scope, tenant))).toHaveLength(1);
  });

  // Both scopes share the code behind the routes; the variants in full at one of them.
  const BAD_KEYS: readonly [string, number, string][] = [
    ['revoked', 422, 'openai_key_rejected'],
    ['readonly', 422, 'openai_key_rejected'],
    ['nomodel', 422, 'openai_key_rejected'],
    ['noquota', 402, 'openai_quota_exhausted'],
  ];

  test.each(scope === 'site' ? BAD_KEYS : BAD_KEYS.slice(0, 1))(
    'a bad key (%s) changes nothing: no item, no version, no event, and the same mints',
    async (suffix, status, code) => {
      const { tenant, at, key } = await withKey(stack, scope);
      const before = textOf(await keyItems(tables, scope, tenant));
      expectRefusal(await at.put(fakeKey(suffix)), status, code);
      expect(textOf(await keyItems(tables, scope, tenant))).toBe(before);
      expect(await at.history()).toBe('1 current');
      expectRefusal(await at.rollBack(), 409, 'no_previous_version');
      expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(key));
      expect(ofType(await settledTrail(stack, tenant), 'key.stored')).toHaveLength(1);
    },
  );

  test('a string that is not an OpenAI key changes nothing and is not sent to OpenAI', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const before = textOf(await keyItems(tables, scope, tenant));
    openAiOf(stack).clearRequests();
    const answer = await at.put('not a key');
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual(['api_key']);
    expect(openAiOf(stack).requests).toEqual([]);
    expect(textOf(await keyItems(tables, scope, tenant))).toBe(before);
  });

  test('a key that OpenAI cannot verify now is stored as unverified, and a rollback undoes it', async () => {
    const { tenant, at, key } = await withKey(stack, scope);
    openAiOf(stack).inject({ path: MINT_PATH, status: 500, body: {} });
    const confirmed = await at.put(fakeKey(), { confirm_unverified: true });
    expect(expectSuccess(confirmed)).toMatchObject({ version: 2, state: 'unverified' });
    openAiOf(stack).clearFaults();
    expect(expectSuccess(await at.rollBack())).toMatchObject({ version: 1, state: 'active' });
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(key));
  });

  test('a rollback restores the old key under its own number, and can itself be rolled back', async () => {
    const { tenant, at, key: first } = await withKey(stack, scope);
    const second = fakeKey();
    const [firstView, secondView] = [(await at.view()).data, expectSuccess(await at.put(second))];
    openAiOf(stack).clearRequests();
    stack.kms.clearCalls();
    const back = expectSuccess(await at.rollBack());
    expect(back).toMatchObject({
      version: 1,
      masked: firstView.masked,
      created_at: firstView.created_at,
      state: 'active',
    });
    expect(decryptsOf(stack, tenant)).toEqual([]);
    expect(openAiOf(stack).requests).toEqual([]);
    expect(await at.history()).toBe('1 current, 2 retained');
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(first));
    expect(expectSuccess(await at.rollBack())).toMatchObject({ version: 2, masked: secondView.masked });
    expect(await at.history()).toBe('1 retained, 2 current');
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(second));
  });

  test('a key that is stored after a rollback gets a new number, and the version that was rolled back is shredded', async () => {
    const { at, tenant } = await withKey(stack, scope);
    expectSuccess(await at.put(fakeKey()));
    const abandoned = await cipherTextsOf(tables, scope, tenant);
    expectSuccess(await at.rollBack());
    expect(expectSuccess(await at.put(fakeKey()))).toMatchObject({ version: 3 });
    expect(await at.history()).toBe('1 retained, 2 shredded, 3 current');
    expect(await isInKeys(tables, abandoned)).toBe(false);
  });

  test('after two more keys the first one is shredded, and no part of it remains in the table', async () => {
    const { at, tenant } = await withKey(stack, scope);
    const first = await cipherTextsOf(tables, scope, tenant);
    expectSuccess(await at.put(fakeKey()));
    expect(await isInKeys(tables, first)).toBe(true);
    expectSuccess(await at.put(fakeKey()));
    expect(await isInKeys(tables, first)).toBe(false);
    expect(await at.history()).toBe('1 shredded, 2 retained, 3 current');
    expect(retainedIn(await keyItems(tables, scope, tenant))).toHaveLength(1);
  });

  test('a scope without a key has an empty history, and nothing to roll back or re-encrypt', async () => {
    const at = keyOf(stack, await makeTenant(stack), scope);
    expect(await at.versions()).toEqual([]);
    expectRefusal(await at.rollBack(), 404, 'openai_key_missing');
    expectRefusal(await at.rotate(), 404, 'openai_key_missing');
  });

  test('re-encryption gives a new version of the same OpenAI key, and the old ciphertext is gone at once', async () => {
    const { tenant, at, key } = await withKey(stack, scope);
    const before = (await at.view()).data;
    const old = await cipherTextsOf(tables, scope, tenant);
    expect(await isInKeys(tables, old)).toBe(true);
    openAiOf(stack).clearRequests();
    const after = expectSuccess(await at.rotate());
    expect(after).toMatchObject({ ...before, version: 2, last_used_at: after.last_used_at });
    expect(openAiOf(stack).requests).toEqual([]);
    expect(await isInKeys(tables, old)).toBe(false);
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(key));
    expect(await at.versions()).toMatchObject([
      { version: 2, state: 'current', reason: 'reencrypted', masked: before.masked },
      { version: 1, state: 'shredded', reason: 'stored', masked: before.masked },
    ]);
    expectRefusal(await at.rollBack(), 409, 'no_previous_version');
  });

  test('re-encryption keeps a retained key retained, and a rollback still goes back to it', async () => {
    const { tenant, at, key: first } = await withKey(stack, scope);
    expectSuccess(await at.put(fakeKey()));
    expect(expectSuccess(await at.rotate())).toMatchObject({ version: 3 });
    expect(await at.history()).toBe('1 retained, 2 shredded, 3 current');
    expect(expectSuccess(await at.rollBack())).toMatchObject({ version: 1 });
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(first));
  });

  test('a suspended key stays suspended through re-encryption and rollback, and mints nothing until it is resumed', async () => {
    const { tenant, at, key } = await withKey(stack, scope);
    expectSuccess(await at.put(fakeKey()));
    expectSuccess(await at.suspend());
    expect(expectSuccess(await at.rotate())).toMatchObject({ version: 3, state: 'suspended' });
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
    expect(expectSuccess(await at.rollBack())).toMatchObject({ version: 1, state: 'suspended' });
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
    expect(expectSuccess(await at.resume())).toMatchObject({ version: 1, state: 'active' });
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(key));
  });

  test('deletion also shreds the retained key, so no rollback is possible', async () => {
    const { tenant, at } = await withKey(stack, scope);
    const first = await cipherTextsOf(tables, scope, tenant);
    expectSuccess(await at.put(fakeKey()));
    const second = await cipherTextsOf(tables, scope, tenant);
    expectSuccess(await at.remove());
    expect(await isInKeys(tables, [...first, ...second])).toBe(false);
    expect(retainedIn(await keyItems(tables, scope, tenant))).toEqual([]);
    expectRefusal(await at.rollBack(), 404, 'openai_key_missing');
    expectRefusal(await at.rotate(), 404, 'openai_key_missing');
    expectRefusal(await at.remove(), 404, 'openai_key_missing');
    expect(await at.history()).toBe('1 shredded, 2 shredded');
    expectRefusal(await mint(stack, tenant), 422, 'openai_key_missing');
  });

  test('no version number is used again after a deletion', async () => {
    const { at } = await withKey(stack, scope);
    expectSuccess(await at.rotate());
    expectSuccess(await at.remove());
    expect(expectSuccess(await at.put(fakeKey()))).toMatchObject({ version: 3 });
    expect(await at.history()).toBe('1 shredded, 2 shredded, 3 current');
    expectRefusal(await at.rollBack(), 409, 'no_previous_version');
  });

  test('the paged history has the same versions and states as the whole list, newest first', async () => {
    const { at } = await withKey(stack, scope);
    for (const step of [() => at.put(fakeKey()), at.rotate, at.rotate, () => at.put(fakeKey())])
      expectSuccess(await step());
    const whole = await at.versions();
    expect(whole.map(({ version, state }) => `${version} ${state}`)).toEqual([
      '5 current',
      '4 retained',
      '3 shredded',
      '2 shredded',
      '1 shredded',
    ]);
    const paged: Version[] = [];
    for (let cursor = ''; ; ) {
      const page = expectSuccess(await at.page(`limit=2${cursor}`));
      expect(page.items.length).toBeLessThanOrEqual(2);
      paged.push(...page.items);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(paged).toEqual(whole);
  });

  test('a cursor of another scope, another tenant or another caller is refused', async () => {
    const { tenant, at } = await withKey(stack, scope);
    expectSuccess(await at.rotate());
    const { next_cursor: cursor } = expectSuccess(await at.page('limit=1'));
    const elsewhere = scope === 'site' ? 'workspace' : 'site';
    const viewer = await addMember(stack, tenant, 'viewer');
    const other = await withKey(stack, scope);
    for (const list of [keyOf(stack, tenant, elsewhere), keyOf(stack, tenant, scope, viewer), other.at]) {
      const answer = await list.page(`limit=1&cursor=${cursor}`);
      expectRefusal(answer, 400, 'invalid_request');
      expect(detailPaths(answer)).toEqual(['cursor']);
    }
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'other=1'])
      expectRefusal(await at.page(query), 400, 'invalid_request');
  });

  test('admins roll back and re-encrypt, viewers read the history, and strangers get a 404', async () => {
    const { tenant, at } = await withKey(stack, scope);
    expectSuccess(await at.put(fakeKey()));
    const before = textOf(await keyItems(tables, scope, tenant));
    const viewer = keyOf(stack, tenant, scope, await addMember(stack, tenant, 'viewer'));
    const stranger = keyOf(stack, tenant, scope, newPerson('stranger'));
    const neighbour = keyOf(stack, tenant, scope, (await makeTenant(stack)).owner);
    const notFound = scope === 'site' ? 'site_not_found' : 'workspace_not_found';
    expectRefusal(await viewer.rotate(), 403, 'forbidden');
    expectRefusal(await viewer.rollBack(), 403, 'forbidden');
    expect(await viewer.history()).toBe('1 retained, 2 current');
    for (const other of [stranger, neighbour])
      for (const call of [other.rotate, other.rollBack, () => other.page('limit=1')])
        expectRefusal(await call(), 404, notFound);
    for (const [method, verb] of [
      ['POST', 'rotate'],
      ['POST', 'rollback'],
      ['GET', 'versions'],
    ] as const)
      expectRefusal(await stack.call(method, `${keyPath(scope, tenant)}/${verb}`), 401, 'unauthorized');
    expect(textOf(await keyItems(tables, scope, tenant))).toBe(before);
    const admin = keyOf(stack, tenant, scope, await addMember(stack, tenant, 'admin'));
    expectSuccess(await admin.rotate());
    expectSuccess(await admin.rollBack());
    expect(await admin.history()).toBe('1 current, 2 shredded, 3 retained');
  });
});

describe('the keys of a site and of its workspace have separate versions', () => {
  test('a change of one key does not affect the other', async () => {
    const { tenant, at: site, key } = await withKey(stack, 'site');
    const workspace = keyOf(stack, tenant, 'workspace');
    const shared = fakeKey();
    expectSuccess(await workspace.put(shared));
    expectSuccess(await workspace.put(fakeKey()));
    const siteBefore = textOf(await keyItems(tables, 'site', tenant));
    expectSuccess(await workspace.rotate());
    expectSuccess(await workspace.rollBack());
    expectRefusal(await site.rollBack(), 409, 'no_previous_version');
    expect(textOf(await keyItems(tables, 'site', tenant))).toBe(siteBefore);
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(key));
    expectSuccess(await site.remove());
    expect(await workspace.history()).toBe('1 current, 2 shredded, 3 retained');
    expect(await mintedWith(stack, tenant)).toBe(openAiFingerprint(shared));
  });
});

describe('after the retention time', () => {
  let later: TestStack;
  let laterTables: RawTables;

  beforeAll(async () => {
    later = await startTestStack({ audited: false });
    laterTables = rawTables(later);
  });

  afterAll(async () => {
    laterTables?.close();
    await later?.close();
  });

  test.each(SCOPES)(
    'a rollback of a %s key is refused, and the history shows the version as shredded',
    async (scope) => {
      const tenant = await makeTenant(later);
      const at = keyOf(later, tenant, scope);
      expectSuccess(await at.put(fakeKey()));
      const first = await cipherTextsOf(laterTables, scope, tenant);
      const second = fakeKey();
      expectSuccess(await at.put(second));
      later.advance(24 * HOUR_MS - 60_000);
      expect(await at.history()).toBe('1 retained, 2 current');
      later.advance(61_000);
      expectRefusal(await at.rollBack(), 409, 'no_previous_version');
      expect(await at.versions()).toMatchObject([
        { version: 2, state: 'current', retained_until: null },
        { version: 1, state: 'shredded', retained_until: null },
      ]);
      expect(await isInKeys(laterTables, first)).toBe(false);
      expectRefusal(await at.rollBack(), 409, 'no_previous_version');
      expect(await mintedWith(later, tenant)).toBe(openAiFingerprint(second));
      expect(ofType(await settledTrail(later, tenant), 'key.retained_removed')).toMatchObject([
        { actor: 'system:dynamodb', facts: { scope, version: 1 } },
      ]);
    },
  );

  test('a rollback has restarted the retention of the version that it replaced', async () => {
    const tenant = await makeTenant(later);
    const at = keyOf(later, tenant, 'site');
    const first = fakeKey();
    expectSuccess(await at.put(first));
    expectSuccess(await at.put(fakeKey()));
    for (let i = 0; i < 4; i++) {
      later.advance(20 * HOUR_MS);
      expectSuccess(await at.rollBack());
    }
    expect(await at.history()).toBe('1 retained, 2 current');
    later.advance(25 * HOUR_MS);
    expect(await at.history()).toBe('1 shredded, 2 current');
  });
});

describe('with a retention of zero hours', () => {
  let strict: TestStack;
  let strictTables: RawTables;

  beforeAll(async () => {
    strict = await startTestStack({ audited: false, variables: { KEY_RETENTION_HOURS: '0' } });
    strictTables = rawTables(strict);
  });

  afterAll(async () => {
    strictTables?.close();
    await strict?.close();
  });

  test.each(SCOPES)(
    'a replaced %s key is shredded in the same step and cannot be rolled back to',
    async (scope) => {
      const tenant = await makeTenant(strict);
      const at = keyOf(strict, tenant, scope);
      expectSuccess(await at.put(fakeKey()));
      const first = await cipherTextsOf(strictTables, scope, tenant);
      const second = fakeKey();
      expectSuccess(await at.put(second));
      expect(retainedIn(await keyItems(strictTables, scope, tenant))).toEqual([]);
      expect(await isInKeys(strictTables, first)).toBe(false);
      expect(await at.history()).toBe('1 shredded, 2 current');
      expectRefusal(await at.rollBack(), 409, 'no_previous_version');
      expect(await mintedWith(strict, tenant)).toBe(openAiFingerprint(second));
    },
  );
});
