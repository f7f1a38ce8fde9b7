import { randomBytes, randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { kmsKeyOpener } from '../../lambdas/adapters/aws/keys/kms-key-opener.ts';
import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import {
  encryptionContextOf,
  type SealedKey,
  SealedKeyUnreadableError,
} from '../../lambdas/domain/keys/sealed-key.ts';
import { type AwsProxy, startAwsProxy } from '../support/aws-proxy.ts';
import {
  type Item,
  type KeyItem,
  type SealedRecord,
  sealedKeyOf,
  type Tables,
  tablesAt,
} from '../support/key-tables.ts';
import { isLong } from '../support/long-forms.ts';
import { putOnPlan } from '../support/plan.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const BYTE_FIELDS = ['wrappedDataKey', 'iv', 'tag', 'commitment', 'ciphertext'] as const;

const ONE_SLOT = { openai_tier: 1 };
const { message: UNREADABLE } = PROBLEMS.openai_key_unreadable;

let stack: TestStack;
let tables: Tables;
let kmsProxy: AwsProxy;

beforeAll(async () => {
  kmsProxy = await startAwsProxy();
  stack = await startTestStack({ audited: false, variables: { AWS_ENDPOINT_URL_KMS: kmsProxy.url } });
  kmsProxy.forwardTo(stack.kms.endpoint);
  tables = tablesAt(stack.dynamoDb.endpoint);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
  await kmsProxy?.close();
});

beforeEach(() => {
  kmsProxy.intervene();
});

interface Lane {
  readonly tenant: Tenant;
  readonly key: string;
  readonly item: KeyItem;
}

/** A tenant of one slot whose site has its own key: a slot that is not released would refuse the next mint. */
const tenantWithSiteKey = async (): Promise<Lane> => {
  const tenant = await makeTenant(stack, ONE_SLOT);
  const key = fakeKey();
  expect((await putSiteKey(stack, tenant, key)).status).toBe(200);
  return { tenant, key, item: await tables.keyItem('site', tenant.siteId) };
};

const withSealed = <Stored extends { readonly sealed: SealedRecord }>(
  item: Stored,
  change: Readonly<Record<string, unknown>>,
): Stored => ({ ...item, sealed: { ...item.sealed, ...change } });

/** An item without some of its attributes. */
const without = (item: Item, ...names: string[]): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)));

const flipped = (bytes: Uint8Array, byte: number, bit: number): Uint8Array => {
  const damaged = Uint8Array.from(bytes);
  damaged[byte] = (damaged[byte] ?? 0) ^ (1 << bit);
  return damaged;
};

/** Everything of an answer that could tell one damage from another. */
const answerOf = async (tenant: Tenant) => {
  const { status, error } = await mint(stack, tenant);
  return { status, code: error?.code, message: error?.message, details: error?.details };
};

const REFUSED = { status: 422, code: 'openai_key_missing', message: UNREADABLE, details: undefined };

type Scope = 'site' | 'workspace';

const keyPath = ({ siteId, workspaceId }: Tenant, scope: Scope = 'site'): string =>
  scope === 'site' ? `/v1/sites/${siteId}/openai-key` : `/v1/workspaces/${workspaceId}/openai-key`;

const shownState = async (tenant: Tenant, scope: Scope = 'site'): Promise<unknown> => {
  const answer = await stack.call('GET', keyPath(tenant, scope), { as: tenant.owner });
  return answer.data?.state ?? answer.status;
};

const statusOf = async (tenant: Tenant, method: string, suffix = '', scope: Scope = 'site') =>
  (await stack.call(method, `${keyPath(tenant, scope)}${suffix}`, { as: tenant.owner })).status;

/** Refused with the one message, its slot back, its owner told; and storing the key again makes all good. */
const expectRefusedAndHealed = async (tenant: Tenant, damaged: object, scope: Scope = 'site') => {
  await tables.putKeyItem(damaged as KeyItem);
  expect(await answerOf(tenant)).toEqual(REFUSED);
  expect(await answerOf(tenant)).toEqual(REFUSED);
  expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
  expect(await shownState(tenant, scope)).toBe('needs_reentry');
  await expectHealed(tenant, scope);
};

const expectHealed = async (tenant: Tenant, scope: Scope = 'site'): Promise<void> => {
  const put = scope === 'site' ? putSiteKey : putWorkspaceKey;
  expect((await put(stack, tenant, fakeKey())).status).toBe(200);
  expect(await shownState(tenant, scope)).toBe('active');
  expect((await mint(stack, tenant)).status).toBe(200);
};

const expectUntouched = async ({ tenant }: Lane): Promise<void> => {
  expect(await shownState(tenant)).toBe('active');
  expect((await mint(stack, tenant)).status).toBe(200);
  expect(await shownState(tenant)).toBe('active');
};

describe('a stored key with one changed bit cannot be decrypted', () => {
  const everyBit = (byte: number) => Array.from({ length: 8 }, (_, bit) => ({ byte, bit }));

  /**
   * Both ends whole and some bits between; in the short form the outer bits of both ends. A mint per bit would take a minute.
   * Every single bit of every field is flipped in the domain's own tests.
   */
  const bitsOf = (size: number): { byte: number; bit: number }[] => {
    const some = (length: number) =>
      Array.from({ length }, () => ({ byte: randomInt(size), bit: randomInt(8) }));
    if (isLong('custody')) return [...some(20), ...everyBit(0), ...everyBit(size - 1)];
    return [...some(2), ...[0, 7].flatMap((bit) => [0, size - 1].map((byte) => ({ byte, bit })))];
  };

  test.each(BYTE_FIELDS)('%s', async (field) => {
    const { tenant, item } = await tenantWithSiteKey();
    const size = item.sealed[field].byteLength;
    const wrong: unknown[] = [];
    for (const { byte, bit } of bitsOf(size)) {
      await tables.putKeyItem(withSealed(item, { [field]: flipped(item.sealed[field], byte, bit) }));
      const answer = await answerOf(tenant);
      if (!isDeepStrictEqual(answer, REFUSED)) wrong.push({ byte, bit, answer });
    }
    expect(size).toBeGreaterThan(0);
    expect(wrong).toEqual([]);
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
    expect(await shownState(tenant)).toBe('needs_reentry');
    await tables.putKeyItem(item);
    expect((await mint(stack, tenant)).status).toBe(200);
  });

  test('while a key of another tenant can be decrypted', async () => {
    const [damaged, other] = await Promise.all([tenantWithSiteKey(), tenantWithSiteKey()]);
    const { tag } = damaged.item.sealed;
    await tables.putKeyItem(withSealed(damaged.item, { tag: flipped(tag, 0, 0) }));
    expect(await answerOf(damaged.tenant)).toEqual(REFUSED);
    expect((await mint(stack, other.tenant)).status).toBe(200);
  });
});

describe('a wrapped data key with one changed bit is refused by KMS itself', () => {
  test('in every byte of the wrapped data key', async () => {
    const { item } = await tenantWithSiteKey();
    const sealed = sealedKeyOf(item);
    const client = kmsClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_KMS: stack.kms.endpoint });
    const opener = kmsKeyOpener(client, [sealed.kmsKeyArn]);
    const size = sealed.wrappedDataKey.byteLength;
    let opened = 0;
    let unreadable = 0;
    stack.kms.clearCalls();
    const use = async () => {
      opened += 1;
    };
    for (let byte = 0; byte < size; byte++)
      try {
        const wrappedDataKey = flipped(sealed.wrappedDataKey, byte, randomInt(8));
        await opener.withPlaintext({ ...sealed, wrappedDataKey }, use, () => undefined);
      } catch (error) {
        if (error instanceof SealedKeyUnreadableError) unreadable += 1;
      }
    client.destroy();
    expect({ opened, unreadable }).toEqual({ opened: 0, unreadable: size });
    expect(stack.kms.calls.filter(({ errorName }) => errorName === undefined)).toEqual([]);
  });
});

describe('a stored key of another length cannot be decrypted, and storing the key again repairs the site', () => {
  test.each(BYTE_FIELDS)('%s', async (field) => {
    const { tenant, item } = await tenantWithSiteKey();
    const bytes = item.sealed[field];
    const lengths = [
      bytes.subarray(0, -1),
      bytes.subarray(1),
      bytes.subarray(0, 4),
      new Uint8Array(0),
      Buffer.concat([bytes, Buffer.alloc(1)]),
      Buffer.concat([Buffer.alloc(1), bytes]),
      Buffer.concat([bytes, bytes]),
      randomBytes(7_000),
    ];
    // In the short form a third of them, other ones at each field.
    const third = BYTE_FIELDS.indexOf(field) % 3;
    for (const damaged of lengths.filter((_, at) => isLong('custody') || at % 3 === third)) {
      await tables.putKeyItem(withSealed(item, { [field]: damaged }));
      expect(await answerOf(tenant)).toEqual(REFUSED);
    }
    await expectRefusedAndHealed(tenant, withSealed(item, { [field]: bytes.subarray(0, -1) }));
  });

  test('with the tag cut to the 4, 8 or 12 bytes that Node itself would accept', async () => {
    const { tenant, item } = await tenantWithSiteKey();
    for (const size of [4, 8, 12])
      await tables
        .putKeyItem(withSealed(item, { tag: item.sealed.tag.subarray(0, size) }))
        .then(async () => expect(await answerOf(tenant)).toEqual(REFUSED));
  });
});

describe('a stored key with changed metadata cannot be decrypted', () => {
  type Change = [string, () => Readonly<Record<string, unknown>>];
  const otherArn = 'arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000';
  const described: Change[] = [
    ['another master key', () => ({ kmsKeyArn: otherArn })],
    ['the master key by its alias', () => ({ kmsKeyArn: 'alias/spelo-byok/master' })],
    [
      'a key for fingerprints as the master key',
      () => ({ kmsKeyArn: stack.variables['FINGERPRINT_KEY_ARN'] }),
    ],
    ['a format of the future', () => ({ format: 2 })],
    ['a format of no time', () => ({ format: 0 })],
    ['an algorithm without authentication', () => ({ algorithm: 'AES-256-CTR' })],
    ['another mask', () => ({ masked: 'sk-proj-...AAAA' })],
    ['another fingerprint', () => ({ fingerprint: randomBytes(32).toString('hex') })],
  ];

  test.each(described)(
    '%s: the owner sees needs_reentry, and storing the key again repairs the site',
    async (_, change) => {
      const { tenant, item } = await tenantWithSiteKey();
      await expectRefusedAndHealed(tenant, withSealed(item, change()));
    },
  );

  // Whose key it is and which version is said by its place and by the head. A record has no say in it.
  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['another scope', { scope: 'workspace' }],
    ['the scope of the platform', { scope: 'platform' }],
    ['another scope id', { scopeId: 'aaaaaaaaaaaaaaaaaaaaaaaa' }],
    ['another workspace', { workspaceId: 'aaaaaaaaaaaa' }],
    ['another version', { version: 7 }],
  ])('a record that claims %s is decrypted under its true identity', async (_, claim) => {
    const lane = await tenantWithSiteKey();
    await tables.putKeyItem(withSealed(lane.item, claim));
    await expectUntouched(lane);
    expect((await tables.sessionsOf(lane.tenant.siteId))[0]).toMatchObject({
      keyScope: 'site',
      keyScopeId: lane.tenant.siteId,
      keyVersion: 1,
    });
  });

  test('a record that claims the place of another tenant does not affect the view of that tenant', async () => {
    const { tenant, item } = await tenantWithSiteKey();
    const victim = await tenantWithSiteKey();
    const claimed = withSealed(item, { scopeId: victim.tenant.siteId, tag: randomBytes(16) });
    await expectRefusedAndHealed(tenant, claimed);
    await expectUntouched(victim);
  });

  test.each([2, 999_999])(
    'a current key with version %i: refused, reported and repaired',
    async (version) => {
      const { tenant, item } = await tenantWithSiteKey();
      await expectRefusedAndHealed(tenant, { ...item, version, lastVersion: version });
    },
  );

  test('KMS is not called for another master key', async () => {
    const { tenant, item } = await tenantWithSiteKey();
    await tables.putKeyItem(withSealed(item, { kmsKeyArn: otherArn }));
    const before = kmsProxy.calls.length;
    expect(await answerOf(tenant)).toEqual(REFUSED);
    expect(kmsProxy.calls.slice(before).filter(({ operation }) => operation === 'Decrypt')).toEqual([]);
  });

  test('every kind of damage gives the caller the same message, and the record the same state', async () => {
    const { tenant, item } = await tenantWithSiteKey();
    const damages = [
      withSealed(item, { wrappedDataKey: flipped(item.sealed.wrappedDataKey, 3, 0) }),
      withSealed(item, { wrappedDataKey: flipped(item.sealed.wrappedDataKey, 60, 0) }),
      withSealed(item, { tag: flipped(item.sealed.tag, 0, 0) }),
      withSealed(item, { commitment: flipped(item.sealed.commitment, 0, 0) }),
      withSealed(item, { format: 9 }),
    ];
    const told: unknown[] = [];
    for (const damaged of damages) {
      await tables.putKeyItem(damaged);
      const { status, text, headers, error } = await mint(stack, tenant);
      told.push({
        status,
        text: text.replace(error.request_id, ''),
        headers: [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name)),
      });
    }
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const sessions = await tables.sessionsOf(tenant.siteId);
    expect(sessions.map(({ state, refusal }) => ({ state, refusal }))).toEqual(
      damages.map(() => ({ state: 'refused', refusal: 'openai_key_unreadable' })),
    );
  });
});

describe('a malformed stored key is treated as damaged', () => {
  type Damage = [string, (item: KeyItem) => object];

  /** Nothing can be opened. */
  const misshapen: Damage[] = [
    ...BYTE_FIELDS.map(
      (field): Damage => [`without ${field}`, (item) => withSealed(item, { [field]: undefined })],
    ),
    ...(['format', 'algorithm', 'masked', 'fingerprint', 'kmsKeyArn'] as const).map(
      (field): Damage => [`without ${field}`, (item) => withSealed(item, { [field]: undefined })],
    ),
    [
      'with text for bytes',
      (item) => withSealed(item, { tag: Buffer.from(item.sealed.tag).toString('base64') }),
    ],
    ['with a number for a text', (item) => withSealed(item, { kmsKeyArn: 7 })],
    ['with a mask of another alphabet', (item) => withSealed(item, { masked: 'sk-…\n' })],
    ['with nothing sealed in it', (item) => without(item, 'sealed')],
    ['with a text sealed in it', (item) => ({ ...item, sealed: 'sealed' })],
    ['with a list sealed in it', (item) => ({ ...item, sealed: [item.sealed] })],
    ['of which only its place is left', ({ pk, sk }) => ({ pk, sk })],
    [
      'with every attribute of another type',
      (item) =>
        Object.fromEntries(
          Object.entries(item).map(([name, value]) => [name, ['pk', 'sk'].includes(name) ? value : [7]]),
        ),
    ],
  ];

  test.each(misshapen)(
    '%s: refused as unreadable, and storing the key again repairs the site',
    async (_, damage) => {
      const { tenant, item } = await tenantWithSiteKey();
      await expectRefusedAndHealed(tenant, damage(item));
    },
  );

  const NO_ROUTE_FAILS = new Set([
    'without tag',
    'with text for bytes',
    'with nothing sealed in it',
    'with a text sealed in it',
    'of which only its place is left',
    'with every attribute of another type',
  ]);

  const atEachRoute = misshapen.filter(([name]) => NO_ROUTE_FAILS.has(name));

  test.each(atEachRoute.filter((_, at) => isLong('custody') || at % 2 === 1))(
    '%s: no route of the key fails, and it can be deleted',
    async (_, damage) => {
      const { tenant, item } = await tenantWithSiteKey();
      await tables.putKeyItem(damage(item) as Item);
      expect(await shownState(tenant)).toBe('needs_reentry');
      expect(await statusOf(tenant, 'GET', '/versions')).toBe(200);
      expect(await statusOf(tenant, 'POST', '/test')).toBe(422);
      expect(await statusOf(tenant, 'POST', '/rotate')).toBe(422);
      expect(await statusOf(tenant, 'POST', '/rollback')).toBe(409);
      expect(await statusOf(tenant, 'POST', '/suspend')).toBe(200);
      expect((await mint(stack, tenant)).status).toBe(423);
      expect(await statusOf(tenant, 'POST', '/resume')).toBe(200);
      expect(await statusOf(tenant, 'DELETE')).toBe(200);
      expect(await shownState(tenant)).toBe(404);
      await expectHealed(tenant);
    },
  );

  /** Damage to the attributes next to the record. The key still opens, and can still be replaced. */
  const beside: Damage[] = [
    ['without its version', (item) => without(item, 'version')],
    ['with version 0', (item) => ({ ...item, version: 0 })],
    ['with a version that is no whole number', (item) => ({ ...item, version: 1.5 })],
    ['without a verdict', (item) => without(item, 'verdict')],
    ['with a verdict of no known code', (item) => ({ ...item, verdict: { ok: true, code: 'fine' } })],
    ['with a date that is none', (item) => ({ ...item, createdAt: 'yesterday', changedAt: 7 })],
    ['with nobody as its author', (item) => without(item, 'createdBy', 'changedBy')],
    ['with a text for its previous version', (item) => ({ ...item, previousVersion: 'none' })],
  ];

  test.each(beside)('%s: it can still be decrypted, replaced and deleted', async (_, damage) => {
    const { tenant, item } = await tenantWithSiteKey();
    await tables.putKeyItem(damage(item) as Item);
    expect((await mint(stack, tenant)).status).toBe(200);
    expect(['active', 'unverified']).toContain(await shownState(tenant));
    await expectHealed(tenant);
    const healed = await tables.keyItem('site', tenant.siteId);
    expect(healed.version).toBeGreaterThan(1);
    await tables.putKeyItem(damage(healed) as Item);
    expect(await statusOf(tenant, 'DELETE')).toBe(200);
    expect(await shownState(tenant)).toBe(404);
    await expectHealed(tenant);
  });

  const counters: Damage[] = [
    ['without a revision', (item) => without(item, 'revision')],
    ['with a text for its revision', (item) => ({ ...item, revision: 'one' })],
    ['with a revision below zero', (item) => ({ ...item, revision: -4 })],
    ['without the highest version', (item) => without(item, 'lastVersion')],
  ];

  test.each(counters)(
    '%s: it does not equal its mark, is refused, and can be replaced and deleted',
    async (_, damage) => {
      const { tenant, item } = await tenantWithSiteKey();
      await expectRefusedAndHealed(tenant, damage(item));
      const healed = await tables.keyItem('site', tenant.siteId);
      expect(healed.version).toBeGreaterThan(1);
      await tables.putKeyItem(damage(healed) as Item);
      expect(await statusOf(tenant, 'DELETE')).toBe(200);
      expect(await shownState(tenant)).toBe(404);
      await expectHealed(tenant);
    },
  );

  // Only a person who can write to the table could leave these.
  describe('after a change that only a table writer can make', () => {
    // Read as lost, but the write's condition takes any number above zero for a revision that is not lost: 409 for ever.
    test('a key with a fractional revision can be replaced', async () => {
      const { tenant, item } = await tenantWithSiteKey();
      await tables.putKeyItem({ ...item, revision: 1.5 });
      await expectHealed(tenant);
    });

    // The counter restarts at the same number each time, whatever version the head itself names.
    test('a key without its highest version, damaged twice, issues no version twice', async () => {
      const { tenant, item } = await tenantWithSiteKey();
      await tables.putKeyItem(without(item, 'lastVersion'));
      await expectHealed(tenant);
      const healed = await tables.keyItem('site', tenant.siteId);
      await tables.putKeyItem(without(healed, 'lastVersion'));
      expect((await putSiteKey(stack, tenant, fakeKey())).status).toBe(200);
      expect((await tables.keyItem('site', tenant.siteId)).version).toBeGreaterThan(healed.version);
    });

    // The next version is no whole number that can be sealed for: 503 for ever, after a deletion too.
    test('a key with the highest possible version number can be replaced', async () => {
      const { tenant, item } = await tenantWithSiteKey();
      await tables.putKeyItem({ ...item, lastVersion: Number.MAX_SAFE_INTEGER });
      await expectHealed(tenant);
    });

    // One record is retained and shredded in one transaction, which DynamoDB refuses: 503 until the key is deleted.
    test('a key with its own version as the previous one can be replaced', async () => {
      const { tenant, item } = await tenantWithSiteKey();
      await tables.putKeyItem({ ...item, previousVersion: 1 });
      await expectHealed(tenant);
    });

    // The slot is taken under the fingerprint before anybody looks whether the record is well formed: 503.
    test('a key with a fingerprint longer than a sort key is refused as unreadable', async () => {
      const { tenant, item } = await tenantWithSiteKey();
      await expectRefusedAndHealed(tenant, withSealed(item, { fingerprint: 'f'.repeat(2_000) }));
    });

    test.each<[string, (item: KeyItem) => Item]>([
      ['of no known name', (item) => ({ ...item, state: 'SUSPENDED' })],
      ['that is missing', (item) => without(item, 'state')],
    ])('a suspended key with a state %s cannot be decrypted', async (_, damage) => {
      const { tenant } = await tenantWithSiteKey();
      expect(await statusOf(tenant, 'POST', '/suspend')).toBe(200);
      await tables.putKeyItem(damage(await tables.keyItem('site', tenant.siteId)));
      expect((await mint(stack, tenant)).status).not.toBe(200);
    });

    // The mark says which record is retained, too.
    test('a key without its previous version can be deleted, and the retained record is still shredded', async () => {
      const { tenant } = await tenantWithSiteKey();
      await putSiteKey(stack, tenant, fakeKey());
      await tables.putKeyItem(without(await tables.keyItem('site', tenant.siteId), 'previousVersion'));
      expect(await statusOf(tenant, 'DELETE')).toBe(200);
      const left = await tables.keyItemsOf('site', tenant.siteId);
      expect(left.filter(({ sealed }) => sealed !== undefined)).toEqual([]);
    });

    // The stand-in of a damaged record is retained like a key, and a rollback puts it in the place of a good one.
    test('a damaged record is not offered for a rollback', async () => {
      const { tenant, item } = await tenantWithSiteKey();
      await tables.putKeyItem(without(item, 'sealed'));
      await expectHealed(tenant);
      expect(await statusOf(tenant, 'POST', '/rollback')).toBe(409);
    });
  });
});

describe('one damaged key does not affect another', () => {
  const damages: [string, (item: Item) => Item][] = [
    ['misshapen', (item) => ({ pk: item['pk'], sk: item['sk'], state: 'active', version: 1 })],
    ['unreadable', (item) => withSealed(item as KeyItem, { tag: randomBytes(16) })],
  ];

  test.each(damages)(
    "a workspace's key that is %s does not affect a site with its own key",
    async (_, damage) => {
      const lane = await tenantWithSiteKey();
      await putWorkspaceKey(stack, lane.tenant, fakeKey());
      await tables.putKeyItem(damage(await tables.keyItem('workspace', lane.tenant.workspaceId)));
      await expectUntouched(lane);
    },
  );

  test.each(damages)("a site's key that is %s never falls back to the workspace's", async (_, damage) => {
    const { tenant, item } = await tenantWithSiteKey();
    await putWorkspaceKey(stack, tenant, fakeKey());
    await expectRefusedAndHealed(tenant, damage(item));
    expect(await shownState(tenant, 'workspace')).toBe('active');
  });

  // A managed customer cannot store the platform key again, so both a missing and a damaged one are outages.
  test('a damaged platform key is reported as an outage to managed visitors', async () => {
    await putPlatformKey(stack, fakeKey());
    const sound = await tables.keyItem('platform', 'platform');
    const managed = await makeTenant(stack, { billing_mode: 'managed' });
    await tables.putKeyItem(without(sound, 'sealed'));
    const { status } = await mint(stack, managed);
    await putPlatformKey(stack, fakeKey());
    expect(status).toBe(503);
  });

  test.each(damages)(
    'a platform key that is %s does not affect customers with their own keys',
    async (_, damage) => {
      const lane = await tenantWithSiteKey();
      await putPlatformKey(stack, fakeKey());
      const sound = await tables.keyItem('platform', 'platform');
      const managed = await makeTenant(stack, { billing_mode: 'managed' });
      expect((await mint(stack, managed)).status).toBe(200);
      await tables.putKeyItem(damage(sound));
      await expectUntouched(lane);
      expect((await mint(stack, managed)).status).toBeGreaterThanOrEqual(400);
      await putPlatformKey(stack, fakeKey());
      expect((await mint(stack, managed)).status).toBe(200);
    },
  );
});

describe('a stored key can be decrypted only in its own place', () => {
  type Place = { readonly scope: Scope; readonly tenant: Tenant };

  const place = async (scope: Scope, tenant: Tenant): Promise<Place> => {
    const put = scope === 'site' ? putSiteKey : putWorkspaceKey;
    expect((await put(stack, tenant, fakeKey())).status).toBe(200);
    return { scope, tenant };
  };
  const itemAt = ({ scope, tenant }: Place): Promise<KeyItem> =>
    tables.keyItem(scope, scope === 'site' ? tenant.siteId : tenant.workspaceId);

  const sibling = async (tenant: Tenant): Promise<Tenant> => {
    await putOnPlan(stack, tenant, 'enterprise');
    const made = await stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
      as: tenant.owner,
      body: { name: 'Second', allowed_origins: ['https://shop.example'] },
    });
    return { ...tenant, siteId: made.data.site_id };
  };

  const moves: [string, () => Promise<[Place, Place]>][] = [
    [
      'between two sites of one workspace',
      async () => {
        const tenant = await makeTenant(stack, ONE_SLOT);
        return [await place('site', tenant), await place('site', await sibling(tenant))];
      },
    ],
    [
      'between sites of two workspaces',
      async () => [
        await place('site', await makeTenant(stack, ONE_SLOT)),
        await place('site', await makeTenant(stack, ONE_SLOT)),
      ],
    ],
    [
      'between two workspaces',
      async () => [
        await place('workspace', await makeTenant(stack, ONE_SLOT)),
        await place('workspace', await makeTenant(stack, ONE_SLOT)),
      ],
    ],
    [
      'from a workspace to its own site',
      async () => {
        const tenant = await makeTenant(stack, ONE_SLOT);
        return [await place('workspace', tenant), await place('site', tenant)];
      },
    ],
    [
      "from a site to another workspace's scope",
      async () => [
        await place('site', await makeTenant(stack, ONE_SLOT)),
        await place('workspace', await makeTenant(stack, ONE_SLOT)),
      ],
    ],
  ];

  /** In the short form each kind of move is tried in two places, and each place with two kinds. */
  const movesFor = (kind: number): typeof moves =>
    moves.filter((_, place) => isLong('custody') || [0, 2].includes((place + kind) % moves.length));

  /** Test voice asks for exactly this scope, whichever key a visitor would get. */
  const testVoice = async ({ scope, tenant }: Place) => {
    const answer = await stack.call('POST', `${keyPath(tenant, scope)}/test`, { as: tenant.owner });
    return { status: answer.status, message: answer.error?.message ?? answer.data.code };
  };
  const expectSound = async (at: Place): Promise<void> => {
    expect(await testVoice(at)).toEqual({ status: 200, message: 'ok' });
    expect(await shownState(at.tenant, at.scope)).toBe('active');
  };
  const expectDamaged = async (at: Place): Promise<void> => {
    expect(await testVoice(at)).toEqual({ status: 422, message: UNREADABLE });
    expect(await shownState(at.tenant, at.scope)).toBe('needs_reentry');
  };

  test.each(movesFor(0))(
    'moved %s, only the sealed part: refused, reported to the right owner, repaired',
    async (_, make) => {
      const [from, to] = await make();
      const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
      await expectRefusedAndHealed(to.tenant, { ...target, sealed: source.sealed }, to.scope);
      await expectSound(from);
      await expectSound(to);
    },
  );

  test.each(movesFor(1))(
    'moved %s, the whole item: refused, reported to the right owner, repaired',
    async (_, make) => {
      const [from, to] = await make();
      const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
      await expectRefusedAndHealed(to.tenant, { ...source, pk: target.pk }, to.scope);
      await expectSound(from);
      await expectSound(to);
    },
  );

  test.each(movesFor(2))(
    'swapped %s: both are refused, and each is repaired only by its own owner',
    async (_, make) => {
      const [from, to] = await make();
      const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
      await tables.putKeyItem({ ...source, pk: target.pk });
      await tables.putKeyItem({ ...target, pk: source.pk });
      await expectDamaged(from);
      await expectDamaged(to);
      await expectHealed(to.tenant, to.scope);
      await expectDamaged(from);
      await expectSound(to);
      expect(await statusOf(from.tenant, 'DELETE', '', from.scope)).toBe(200);
      await place(from.scope, from.tenant);
      await expectSound(from);
      await expectSound(to);
    },
  );

  test.each(movesFor(3))('moved %s and relabelled: KMS refuses the encryption context', async (_, make) => {
    const [from, to] = await make();
    const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
    const { scope, scopeId, workspaceId, version } = sealedKeyOf(target);
    const relabelled = withSealed({ ...source, pk: target.pk }, { scope, scopeId, workspaceId, version });
    await tables.putKeyItem(relabelled);
    stack.kms.clearCalls();
    expect(await answerOf(to.tenant)).toEqual(REFUSED);
    expect(decryptsAtKms()).toEqual(['InvalidCiphertextException']);
    expect(await tables.slotsOf(to.tenant.workspaceId)).toEqual([]);
    await expectSound(from);
  });

  test.each(movesFor(4))(
    'moved %s and relabelled, with a KMS that accepts any context: the envelope refuses it',
    async (_, make) => {
      const [from, to] = await make();
      const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
      const { scope, scopeId, workspaceId, version } = sealedKeyOf(target);
      await tables.putKeyItem(
        withSealed({ ...source, pk: target.pk }, { scope, scopeId, workspaceId, version }),
      );
      kmsProxy.intervene(({ operation, body }) =>
        operation === 'Decrypt'
          ? { body: { ...body, EncryptionContext: encryptionContextOf(sealedKeyOf(source)) } }
          : undefined,
      );
      stack.kms.clearCalls();
      expect(await answerOf(to.tenant)).toEqual(REFUSED);
      // The stub did open: it is the envelope that refused.
      expect(decryptsAtKms()).toEqual([undefined]);
    },
  );

  test('the data key of one record decrypts no part of another, whatever KMS answers', async () => {
    const a = await tenantWithSiteKey();
    const b = await tenantWithSiteKey();
    for (const field of BYTE_FIELDS) {
      await tables.putKeyItem(withSealed(a.item, { [field]: b.item.sealed[field] }));
      expect(await answerOf(a.tenant)).toEqual(REFUSED);
    }
  });

  /** How each decrypt since the log was cleared ended. */
  const decryptsAtKms = () =>
    stack.kms.calls.filter(({ operation }) => operation === 'Decrypt').map(({ errorName }) => errorName);
});

describe('an older version of a key stays unusable', () => {
  const twoVersions = async () => {
    const { tenant, item: older } = await tenantWithSiteKey();
    expect((await putSiteKey(stack, tenant, fakeKey())).status).toBe(200);
    const newer = await tables.keyItem('site', tenant.siteId);
    expect([older.version, newer.version]).toEqual([1, 2]);
    return { tenant, older, newer };
  };

  test('in the current record: refused, and storing the key again repairs the site', async () => {
    const { tenant, older, newer } = await twoVersions();
    await expectRefusedAndHealed(tenant, { ...newer, sealed: older.sealed });
  });

  test('as the label of a current record: refused and repaired', async () => {
    const { tenant, newer } = await twoVersions();
    await expectRefusedAndHealed(tenant, { ...newer, version: 1, previousVersion: null });
  });

  test('in the current record, relabelled with its version: refused and repaired', async () => {
    const { tenant, older, newer } = await twoVersions();
    await expectRefusedAndHealed(tenant, withSealed({ ...newer, sealed: older.sealed }, { version: 2 }));
  });

  test('in the current record after a re-encryption: refused and repaired', async () => {
    const { tenant, item } = await tenantWithSiteKey();
    expect(await statusOf(tenant, 'POST', '/rotate')).toBe(200);
    const rotated = await tables.keyItem('site', tenant.siteId);
    expect([rotated.version, rotated.sealed.masked]).toEqual([2, item.sealed.masked]);
    await expectRefusedAndHealed(tenant, { ...rotated, sealed: item.sealed });
  });

  test.each<[string, (lane: { older: KeyItem; newer: KeyItem }) => SealedRecord]>([
    ['the current record', ({ newer }) => newer.sealed],
    ['a damaged record', ({ older }) => ({ ...older.sealed, tag: randomBytes(16) })],
  ])(
    '%s in place of the retained record: after a rollback the mint is refused, reported and repaired',
    async (_, of) => {
      const lane = await twoVersions();
      const { tenant } = lane;
      await tables.putKeyItem({ ...(await tables.retainedItem('site', tenant.siteId, 1)), sealed: of(lane) });
      expect(await statusOf(tenant, 'POST', '/rollback')).toBe(200);
      expect(await answerOf(tenant)).toEqual(REFUSED);
      expect(await shownState(tenant)).toBe('needs_reentry');
      await expectHealed(tenant);
    },
  );

  test('a retained record of another tenant cannot be decrypted here, and stays valid there', async () => {
    const [here, there] = [await twoVersions(), await twoVersions()];
    const foreign = await tables.retainedItem('site', there.tenant.siteId, 1);
    await tables.putKeyItem({ ...foreign, pk: here.older.pk });
    expect(await statusOf(here.tenant, 'POST', '/rollback')).toBe(200);
    expect(await answerOf(here.tenant)).toEqual(REFUSED);
    expect(await statusOf(there.tenant, 'POST', '/rollback')).toBe(200);
    expect((await mint(stack, there.tenant)).status).toBe(200);
    await expectHealed(here.tenant);
  });

  test('a restored shredded record cannot be rolled back to', async () => {
    const { tenant } = await twoVersions();
    const first = await tables.retainedItem('site', tenant.siteId, 1);
    expect((await putSiteKey(stack, tenant, fakeKey())).status).toBe(200);
    await tables.putKeyItem(first);
    expect(await statusOf(tenant, 'POST', '/rollback')).toBe(200);
    expect(await tables.keyItem('site', tenant.siteId)).toMatchObject({ version: 2 });
    expect((await mint(stack, tenant)).status).toBe(200);
  });

  test('a record restored after a deletion cannot be rolled back to', async () => {
    const { tenant } = await twoVersions();
    const first = await tables.retainedItem('site', tenant.siteId, 1);
    expect(await statusOf(tenant, 'DELETE')).toBe(200);
    await tables.putKeyItem(first);
    expect(await statusOf(tenant, 'POST', '/rollback')).toBe(404);
    expect(await statusOf(tenant, 'POST', '/test')).toBe(404);
    expect((await mint(stack, tenant)).status).toBe(422);
  });

  test('a deletion leaves no ciphertext of any version, and a deleted workspace no ciphertext of any key', async () => {
    const { tenant } = await twoVersions();
    expect((await putWorkspaceKey(stack, tenant, fakeKey())).status).toBe(200);
    expect((await putWorkspaceKey(stack, tenant, fakeKey())).status).toBe(200);
    const sealedItems = async () => {
      const items = [
        ...(await tables.keyItemsOf('site', tenant.siteId)),
        ...(await tables.keyItemsOf('workspace', tenant.workspaceId)),
      ];
      return items.filter(({ sealed }) => sealed !== undefined).map(({ pk, sk }) => `${pk} ${sk}`);
    };
    expect(await sealedItems()).toHaveLength(4);
    expect(await statusOf(tenant, 'DELETE')).toBe(200);
    expect(await sealedItems()).toHaveLength(2);
    expect((await putSiteKey(stack, tenant, fakeKey())).status).toBe(200);
    const workspace = `/v1/workspaces/${tenant.workspaceId}`;
    await stack.call('DELETE', workspace, { as: tenant.owner, body: { confirm: 'Shop' } });
    expect(await sealedItems()).toEqual([]);
  });

  // A whole old head is a sound record: only its mark, outside of this table, tells that it is not the latest.
  describe('a whole old record that a table writer restores is refused', () => {
    test('an old record restored after another key was stored is refused', async () => {
      const { tenant, older } = await twoVersions();
      expect((await mint(stack, tenant)).status).toBe(200);
      await tables.putKeyItem(older);
      expect((await mint(stack, tenant)).status).toBe(422);
    });

    test('an old record restored after the key was deleted is refused', async () => {
      const { tenant, older } = await twoVersions();
      await stack.call('DELETE', `/v1/sites/${tenant.siteId}/openai-key`, { as: tenant.owner });
      await tables.putKeyItem(older);
      expect((await mint(stack, tenant)).status).toBe(422);
    });
  });
});

describe('with a KMS client that returns the correct data key for every request', () => {
  const openKms = (dataKey: Uint8Array): KMSClient =>
    ({
      send: async () => ({ Plaintext: Uint8Array.from(dataKey), $metadata: { requestId: 'open' } }),
    }) as unknown as KMSClient;

  const open = async (sealed: SealedKey, dataKey: Uint8Array): Promise<string> =>
    kmsKeyOpener(openKms(dataKey), [sealed.kmsKeyArn]).withPlaintext(
      sealed,
      async (plaintext) => plaintext.bytes().toString('utf8'),
      () => undefined,
    );

  test('the record can be decrypted unchanged, but not with any changed field of its identity', async () => {
    const { item, key } = await tenantWithSiteKey();
    const sealed = sealedKeyOf(item);
    const client = kmsClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_KMS: stack.kms.endpoint });
    const { Plaintext = new Uint8Array() } = await client.send(
      new DecryptCommand({
        CiphertextBlob: sealed.wrappedDataKey,
        EncryptionContext: encryptionContextOf(sealed),
      }),
    );
    client.destroy();
    expect(await open(sealed, Plaintext)).toBe(key);
    const moved: Partial<SealedKey>[] = [
      { scope: 'workspace' },
      { scope: 'platform' },
      { scopeId: `${sealed.scopeId.slice(0, -1)}${sealed.scopeId.endsWith('z') ? 'y' : 'z'}` },
      { workspaceId: 'aaaaaaaaaaaa' },
      { version: 2 },
      { masked: 'sk-proj-...AAAA' },
      { fingerprint: '0'.repeat(64) },
    ];
    for (const change of moved)
      await expect(open({ ...sealed, ...change }, Plaintext)).rejects.toThrow(SealedKeyUnreadableError);
  });
});
