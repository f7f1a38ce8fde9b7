import { randomBytes, randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { kmsClient } from '../../lambdas/adapters/aws/clients.ts';
import { kmsKeyOpener } from '../../lambdas/adapters/aws/kms-key-opener.ts';
import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import {
  encryptionContextOf,
  type SealedKey,
  SealedKeyUnreadableError,
} from '../../lambdas/domain/sealed-key.ts';
import { type AwsProxy, startAwsProxy } from '../support/aws-proxy.ts';
import { type KeyItem, type Tables, tablesAt } from '../support/key-tables.ts';
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
  stack = await startTestStack({ variables: { AWS_ENDPOINT_URL_KMS: kmsProxy.url } });
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

/** A tenant of one slot with a key of its own at the site: a slot that did not come back would refuse the next mint. */
const tenantWithSiteKey = async (): Promise<Lane> => {
  const tenant = await makeTenant(stack, ONE_SLOT);
  const key = fakeKey();
  expect((await putSiteKey(stack, tenant, key)).status).toBe(200);
  return { tenant, key, item: await tables.keyItem('site', tenant.siteId) };
};

const withSealed = (item: KeyItem, change: Partial<Record<keyof SealedKey, unknown>>): KeyItem =>
  ({ ...item, sealed: { ...item.sealed, ...change } }) as KeyItem;

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

const shownState = async (tenant: Tenant): Promise<unknown> => {
  const answer = await stack.call('GET', `/v1/sites/${tenant.siteId}/openai-key`, { as: tenant.owner });
  return answer.data?.state ?? answer.status;
};

const expectRefusedAndHealed = async (tenant: Tenant, damaged: object): Promise<void> => {
  await tables.putKeyItem(damaged as KeyItem);
  expect(await answerOf(tenant)).toEqual(REFUSED);
  expect(await answerOf(tenant)).toEqual(REFUSED);
  expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
  expect(await shownState(tenant)).toBe('needs_reentry');
  expect((await putSiteKey(stack, tenant, fakeKey())).status).toBe(200);
  expect(await shownState(tenant)).toBe('active');
  expect((await mint(stack, tenant)).status).toBe(200);
};

describe('a stored key with one bit changed opens nothing', () => {
  const everyBit = (byte: number) => Array.from({ length: 8 }, (_, bit) => ({ byte, bit }));

  /**
   * Each byte once and both ends whole: a mint per bit would take a minute. Every single bit is flipped below for the
   * wrapped data key, and in the domain's own tests for the rest.
   */
  const bitsOf = (size: number): { byte: number; bit: number }[] => {
    const eachByte = Array.from({ length: size }, (_, byte) => ({ byte, bit: randomInt(8) }));
    return [...eachByte, ...everyBit(0), ...everyBit(size - 1)];
  };

  const LANES = 6;

  test.each(BYTE_FIELDS)('%s', async (field) => {
    const other = await tenantWithSiteKey();
    const lanes = await Promise.all(Array.from({ length: LANES }, tenantWithSiteKey));
    const size = lanes[0]?.item.sealed[field].byteLength ?? 0;
    const bits = bitsOf(size);
    const wrong: unknown[] = [];
    const damageEach = async ({ tenant, item }: Lane, lane: number): Promise<void> => {
      for (const { byte, bit } of bits.filter((_, i) => i % LANES === lane)) {
        await tables.putKeyItem(withSealed(item, { [field]: flipped(item.sealed[field], byte, bit) }));
        const answer = await answerOf(tenant);
        if (!isDeepStrictEqual(answer, REFUSED)) wrong.push({ byte, bit, answer });
      }
      expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
      expect(await shownState(tenant)).toBe('needs_reentry');
      await tables.putKeyItem(item);
      expect((await mint(stack, tenant)).status).toBe(200);
      expect(await shownState(tenant)).toBe('active');
    };
    await Promise.all(lanes.map(damageEach));
    expect(bits.length).toBeGreaterThanOrEqual(size);
    expect(wrong).toEqual([]);
    expect((await mint(stack, other.tenant)).status).toBe(200);
  });
});

describe('a wrapped data key with any one bit changed is refused by KMS itself', () => {
  test('every bit of it', async () => {
    const { item } = await tenantWithSiteKey();
    const { sealed } = item;
    const client = kmsClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_KMS: stack.kms.endpoint });
    const opener = kmsKeyOpener(client, sealed.kmsKeyArn);
    const size = sealed.wrappedDataKey.byteLength;
    let opened = 0;
    let unreadable = 0;
    stack.kms.clearCalls();
    const use = async () => {
      opened += 1;
    };
    for (let byte = 0; byte < size; byte++)
      for (let bit = 0; bit < 8; bit++)
        try {
          const wrappedDataKey = flipped(sealed.wrappedDataKey, byte, bit);
          await opener.withPlaintext({ ...sealed, wrappedDataKey }, use, () => undefined);
        } catch (error) {
          if (error instanceof SealedKeyUnreadableError) unreadable += 1;
        }
    client.destroy();
    expect({ opened, unreadable }).toEqual({ opened: 0, unreadable: size * 8 });
    expect(stack.kms.calls.filter(({ errorName }) => errorName === undefined)).toEqual([]);
  });
});

describe('a stored key of another length opens nothing, and entering it again heals the site', () => {
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
    for (const damaged of lengths) {
      await tables.putKeyItem(withSealed(item, { [field]: damaged }));
      expect(await answerOf(tenant)).toEqual(REFUSED);
    }
    await expectRefusedAndHealed(tenant, withSealed(item, { [field]: bytes.subarray(0, -1) }));
  });

  test('the tag, cut to the 4, 8 or 12 bytes that Node itself would accept', async () => {
    const { tenant, item } = await tenantWithSiteKey();
    for (const size of [4, 8, 12])
      await tables
        .putKeyItem(withSealed(item, { tag: item.sealed.tag.subarray(0, size) }))
        .then(async () => expect(await answerOf(tenant)).toEqual(REFUSED));
  });
});

describe('a stored key whose description was changed opens nothing', () => {
  type Change = [string, (sealed: SealedKey) => Partial<Record<keyof SealedKey, unknown>>];
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
  const identified: Change[] = [
    ['a later version', ({ version }) => ({ version: version + 1 })],
    ['version 0', () => ({ version: 0 })],
    ['a version that is no whole number', () => ({ version: 1.5 })],
    ['another scope', () => ({ scope: 'workspace' })],
    ['the scope of the platform', () => ({ scope: 'platform' })],
    ['another scope id', () => ({ scopeId: 'aaaaaaaaaaaaaaaaaaaaaaaa' })],
    ['another workspace', () => ({ workspaceId: 'aaaaaaaaaaaa' })],
  ];

  test.each([...described, ...identified])('%s: refused, and the slot comes back', async (_, change) => {
    const { tenant, item } = await tenantWithSiteKey();
    await tables.putKeyItem(withSealed(item, change(item.sealed)));
    expect(await answerOf(tenant)).toEqual(REFUSED);
    expect(await answerOf(tenant)).toEqual(REFUSED);
    expect(await tables.slotsOf(tenant.workspaceId)).toEqual([]);
  });

  test.each(described)('%s: the owner is told, and entering it again heals the site', async (_, change) => {
    const { tenant, item } = await tenantWithSiteKey();
    await expectRefusedAndHealed(tenant, withSealed(item, change(item.sealed)));
  });

  // Known defect: "needs_reentry" is noted at the place and version that the damaged record names, not where it was
  // found, and PUT goes by the record's version: the owner sees `active` or 503, or gets 409 for ever. Drop `.failing`
  // when it is repaired. ('another workspace' is told correctly already.)
  test.failing.each(identified.slice(0, -1))(
    '%s: the owner is told, and entering it again heals the site',
    async (_, change) => {
      const { tenant, item } = await tenantWithSiteKey();
      await expectRefusedAndHealed(tenant, withSealed(item, change(item.sealed)));
    },
  );

  // Known defect, as above.
  test.failing("a record that names another tenant's place does not spoil what that tenant is shown", async () => {
    const { tenant, item } = await tenantWithSiteKey();
    const victim = await tenantWithSiteKey();
    await tables.putKeyItem(withSealed(item, { scopeId: victim.tenant.siteId }));
    expect(await answerOf(tenant)).toEqual(REFUSED);
    expect(await shownState(victim.tenant)).toBe('active');
  });

  test('another master key is not even asked', async () => {
    const { tenant, item } = await tenantWithSiteKey();
    await tables.putKeyItem(withSealed(item, { kmsKeyArn: otherArn }));
    const before = kmsProxy.calls.length;
    expect(await answerOf(tenant)).toEqual(REFUSED);
    expect(kmsProxy.calls.slice(before).filter(({ operation }) => operation === 'Decrypt')).toEqual([]);
  });

  test('every damage is told to the caller in the same words, and the record in the same way', async () => {
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

describe('a stored key that is not shaped like one is damage too', () => {
  const misshapen: [string, (item: KeyItem) => object][] = [
    ...BYTE_FIELDS.map((field): [string, (item: KeyItem) => object] => [
      `without ${field}`,
      (item) => withSealed(item, { [field]: undefined }),
    ]),
    [
      'with text for bytes',
      (item) => withSealed(item, { tag: Buffer.from(item.sealed.tag).toString('base64') }),
    ],
    ['of a scope that there is not', (item) => withSealed(item, { scope: 'galaxy' })],
    ['with nothing sealed in it', (item) => ({ ...item, sealed: undefined })],
  ];

  // Known defect: the item's schema throws before the envelope can say "unreadable", and the owner gets 503 on every
  // route of the key, PUT and DELETE included. Drop `.failing` when it is repaired.
  test.failing.each(misshapen)(
    '%s: refused as unreadable, and entering it again heals the site',
    async (_, damage) => {
      const { tenant, item } = await tenantWithSiteKey();
      await expectRefusedAndHealed(tenant, damage(item));
    },
  );

  // Known defect, as above.
  test.failing('a misshapen workspace key leaves a site with a key of its own alone', async () => {
    const { tenant } = await tenantWithSiteKey();
    await putWorkspaceKey(stack, tenant, fakeKey());
    const item = await tables.keyItem('workspace', tenant.workspaceId);
    await tables.putKeyItem(withSealed(item, { tag: undefined }));
    expect((await mint(stack, tenant)).status).toBe(200);
  });
});

describe('a stored key is good in its own place only', () => {
  type Place = { readonly scope: 'site' | 'workspace'; readonly tenant: Tenant };

  const place = async (scope: Place['scope'], tenant: Tenant): Promise<Place> => {
    const put = scope === 'site' ? putSiteKey : putWorkspaceKey;
    expect((await put(stack, tenant, fakeKey())).status).toBe(200);
    return { scope, tenant };
  };
  const itemAt = ({ scope, tenant }: Place): Promise<KeyItem> =>
    tables.keyItem(scope, scope === 'site' ? tenant.siteId : tenant.workspaceId);

  const sibling = async (tenant: Tenant): Promise<Tenant> => {
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

  // Known defect: nothing compares the place that a record names with the place where it was found, and the record
  // itself is what the encryption context and the additional data are made from. Drop `.failing` when it is repaired.
  test.failing.each(moves)('moved %s, as it is: refused', async (_, make) => {
    const [from, to] = await make();
    const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
    await tables.putKeyItem({ ...target, version: source.version, sealed: source.sealed });
    expect(await answerOf(to.tenant)).toEqual(REFUSED);
  });

  // Known defect, as above.
  test.failing.each(moves)('moved %s, the whole item: refused', async (_, make) => {
    const [from, to] = await make();
    const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
    await tables.putKeyItem({ ...source, pk: target.pk });
    expect(await answerOf(to.tenant)).toEqual(REFUSED);
  });

  test.each(moves)('moved %s and relabelled for it: KMS refuses its context', async (_, make) => {
    const [from, to] = await make();
    const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
    const { scope, scopeId, workspaceId, version } = target.sealed;
    await tables.putKeyItem(
      withSealed({ ...source, pk: target.pk }, { scope, scopeId, workspaceId, version }),
    );
    stack.kms.clearCalls();
    expect(await answerOf(to.tenant)).toEqual(REFUSED);
    expect(stack.kms.calls.map(({ operation, errorName }) => ({ operation, errorName }))).toEqual([
      { operation: 'Decrypt', errorName: 'InvalidCiphertextException' },
    ]);
    expect(await tables.slotsOf(to.tenant.workspaceId)).toEqual([]);
    if (from.tenant.siteId !== to.tenant.siteId) expect((await mint(stack, from.tenant)).status).toBe(200);
  });

  test.each(moves)(
    'moved %s and relabelled, with KMS open to any context: the envelope refuses',
    async (_, make) => {
      const [from, to] = await make();
      const [source, target] = await Promise.all([itemAt(from), itemAt(to)]);
      const { scope, scopeId, workspaceId, version } = target.sealed;
      await tables.putKeyItem(
        withSealed({ ...source, pk: target.pk }, { scope, scopeId, workspaceId, version }),
      );
      kmsProxy.intervene(({ operation, body }) =>
        operation === 'Decrypt'
          ? { body: { ...body, EncryptionContext: encryptionContextOf(source.sealed) } }
          : undefined,
      );
      stack.kms.clearCalls();
      expect(await answerOf(to.tenant)).toEqual(REFUSED);
      // The stub did open: it is the envelope that refused.
      expect(stack.kms.calls.map(({ operation, errorName }) => ({ operation, errorName }))).toEqual([
        { operation: 'Decrypt', errorName: undefined },
      ]);
    },
  );

  test('the data key of one record opens no part of another, whatever KMS says', async () => {
    const a = await tenantWithSiteKey();
    const b = await tenantWithSiteKey();
    for (const field of BYTE_FIELDS) {
      await tables.putKeyItem(withSealed(a.item, { [field]: b.item.sealed[field] }));
      expect(await answerOf(a.tenant)).toEqual(REFUSED);
    }
  });
});

describe('an older version of a key stays out of use', () => {
  const twoVersions = async () => {
    const { tenant, item: older } = await tenantWithSiteKey();
    expect((await putSiteKey(stack, tenant, fakeKey())).status).toBe(200);
    const newer = await tables.keyItem('site', tenant.siteId);
    expect([older.version, newer.version]).toEqual([1, 2]);
    return { tenant, older, newer };
  };

  test('relabelled with the present version: refused, and entering it again heals the site', async () => {
    const { tenant, older, newer } = await twoVersions();
    await expectRefusedAndHealed(tenant, withSealed({ ...newer, sealed: older.sealed }, { version: 2 }));
  });

  // Known defect: `version` of the item and of the sealed record are never compared. Drop `.failing` when repaired.
  test.failing('put into the present item: refused', async () => {
    const { tenant, older, newer } = await twoVersions();
    await tables.putKeyItem({ ...newer, sealed: older.sealed });
    expect(await answerOf(tenant)).toEqual(REFUSED);
  });

  // Known gap: a whole item put back is a sound record; only state outside this table could tell.
  test.failing('put back whole: refused', async () => {
    const { tenant, older } = await twoVersions();
    expect((await mint(stack, tenant)).status).toBe(200);
    await tables.putKeyItem(older);
    expect((await mint(stack, tenant)).status).toBe(422);
  });

  // Known gap, as above.
  test.failing('put back after the key was deleted: refused', async () => {
    const { tenant, older } = await twoVersions();
    await stack.call('DELETE', `/v1/sites/${tenant.siteId}/openai-key`, { as: tenant.owner });
    await tables.putKeyItem(older);
    expect((await mint(stack, tenant)).status).toBe(422);
  });
});

describe('with a KMS client that answers the right data key to any question', () => {
  const openKms = (dataKey: Uint8Array): KMSClient =>
    ({
      send: async () => ({ Plaintext: Uint8Array.from(dataKey), $metadata: { requestId: 'open' } }),
    }) as unknown as KMSClient;

  const open = async (sealed: SealedKey, dataKey: Uint8Array): Promise<string> =>
    kmsKeyOpener(openKms(dataKey), sealed.kmsKeyArn).withPlaintext(
      sealed,
      async (plaintext) => plaintext.bytes().toString('utf8'),
      () => undefined,
    );

  test('the record opens unchanged, and not with any one fact of whose key it is changed', async () => {
    const { item, key } = await tenantWithSiteKey();
    const client = kmsClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_KMS: stack.kms.endpoint });
    const { Plaintext = new Uint8Array() } = await client.send(
      new DecryptCommand({
        CiphertextBlob: item.sealed.wrappedDataKey,
        EncryptionContext: encryptionContextOf(item.sealed),
      }),
    );
    client.destroy();
    expect(await open(item.sealed, Plaintext)).toBe(key);
    const moved: Partial<SealedKey>[] = [
      { scope: 'workspace' },
      { scope: 'platform' },
      { scopeId: `${item.sealed.scopeId.slice(0, -1)}z` },
      { workspaceId: 'aaaaaaaaaaaa' },
      { version: 2 },
      { masked: 'sk-proj-...AAAA' },
      { fingerprint: '0'.repeat(64) },
    ];
    for (const change of moved)
      await expect(open({ ...item.sealed, ...change }, Plaintext)).rejects.toThrow(SealedKeyUnreadableError);
  });
});

describe('one tenant does not suffer for the record of another', () => {
  // Known defect: the platform's record is parsed for every mint, so a misshapen one stops every tenant with 503.
  test.failing("a misshapen platform key leaves the operators' own keys alone", async () => {
    const { tenant } = await tenantWithSiteKey();
    await tables.putKeyItem({ pk: 'PLATFORM#platform', sk: 'KEY', state: 'active', version: 1 });
    expect((await mint(stack, tenant)).status).toBe(200);
  });
});
