import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RandomBytes } from '../../lambdas/domain/identifiers.ts';
import type { KeyScope, SealedKey } from '../../lambdas/domain/sealed-key.ts';
import {
  assertWellFormed,
  ENCRYPTION_CONTEXT_KEYS,
  encryptionContextOf,
  openSealedKey,
  SealedKeyUnreadableError,
  sealKey,
} from '../../lambdas/domain/sealed-key.ts';
import { Secret } from '../../lambdas/domain/secret.ts';
import { fakeOpenAiKey } from './fake-openai-key.ts';
import {
  bitFlipsOfBytes,
  bitFlipsOfNumber,
  bitFlipsOfText,
  type Identity,
  newDataKey,
  SITE,
  SITE_IDENTITY,
  WORKSPACE,
  withFlippedBit,
} from './sealed-key-fixture.ts';
import { errorOfOpening, open, outcomeOfOpening, seal, UNREADABLE } from './sealed-key-outcomes.ts';

const KEY_ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'];
const BYTE_FIELDS = ['iv', 'tag', 'commitment', 'ciphertext'] as const;
const TEXT_FIELDS = ['algorithm', 'scope', 'scopeId', 'workspaceId', 'masked', 'fingerprint'] as const;
const NUMBER_FIELDS = ['format', 'version'] as const;

const dataKey = newDataKey();
const plaintext = fakeOpenAiKey();
const record = seal(plaintext, dataKey);

const outcomesOf = (records: readonly SealedKey[], key: Buffer = dataKey.plaintext): string[] => [
  ...new Set(records.map((damaged) => outcomeOfOpening(damaged, key))),
];

/** `change` is applied to copies of `record`: the untouched one is checked to open, so that no test is empty. */
const damagedBy = (changes: readonly Partial<Record<keyof SealedKey, unknown>>[]): SealedKey[] => {
  expect(changes.length).toBeGreaterThan(0);
  expect(open(record, dataKey.plaintext)).toBe(plaintext);
  return changes.map((change) => ({ ...record, ...change }) as SealedKey);
};

const keyText = fc.string({ unit: fc.constantFrom(...KEY_ALPHABET), minLength: 1, maxLength: 303 });
const scope = fc.constantFrom<KeyScope>('site', 'workspace', 'platform');
const id = fc.string({ unit: 'grapheme', maxLength: 32 }).filter((text) => Buffer.byteLength(text) <= 128);
const identities: fc.Arbitrary<Identity> = fc.record({
  scope,
  scopeId: id,
  workspaceId: id,
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  masked: fc.string({ maxLength: 128 }),
  fingerprint: fc.string({ maxLength: 128 }),
});

describe('a sealed key', () => {
  it('opens to the same bytes, whatever the key and whoever it belongs to', () => {
    fc.assert(
      fc.property(keyText, identities, (text, identity) => {
        const key = newDataKey();
        return open(seal(text, key, identity), key.plaintext) === text;
      }),
    );
  });

  it('opens again and again, and neither sealing nor opening changes the data key or the record', () => {
    const key = newDataKey();
    const keyBefore = key.plaintext.toString('hex');
    const sealed = seal(plaintext, key);
    const before = inspect(sealed, { maxArrayLength: null });
    expect(open(sealed, key.plaintext)).toBe(plaintext);
    expect(open(sealed, key.plaintext)).toBe(plaintext);
    expect(key.plaintext.toString('hex')).toBe(keyBefore);
    expect(inspect(sealed, { maxArrayLength: null })).toBe(before);
  });

  it('is written with the identity and the wrapped data key it was given, and 96-bit IV, 128-bit tag', () => {
    expect(record).toMatchObject(SITE_IDENTITY);
    expect(record.format).toBe(1);
    expect(record.algorithm).toBe('AES-256-GCM');
    expect(record.kmsKeyArn).toBe(dataKey.kmsKeyArn);
    expect(Buffer.from(record.wrappedDataKey).equals(dataKey.wrapped)).toBe(true);
    expect(record.iv.byteLength).toBe(12);
    expect(record.tag.byteLength).toBe(16);
    expect(record.commitment.byteLength).toBe(32);
    expect(record.ciphertext.byteLength).toBe(plaintext.length);
  });

  it('holds neither the key nor the data key in any encoding', () => {
    const bytes = Buffer.concat([
      record.iv,
      record.tag,
      record.commitment,
      record.ciphertext,
      record.wrappedDataKey,
    ]).toString('hex');
    expect(bytes).not.toContain(Buffer.from(plaintext).toString('hex').slice(0, 32));
    expect(bytes).not.toContain(dataKey.plaintext.toString('hex').slice(0, 32));
    const printed = inspect(record, { depth: null, maxArrayLength: null, maxStringLength: null });
    expect(printed).not.toContain(plaintext.slice(0, 16));
  });

  it('leaves the secret it sealed to the caller, alive', () => {
    const secret = Secret.fromText(plaintext);
    sealKey(secret, SITE_IDENTITY, dataKey, randomBytes);
    expect(secret.bytes().toString()).toBe(plaintext);
    secret.destroy();
  });

  it('cannot be made of a destroyed secret', () => {
    const secret = Secret.fromText(plaintext);
    secret.destroy();
    expect(() => sealKey(secret, SITE_IDENTITY, dataKey, randomBytes)).toThrow('destroyed');
  });
});

/**
 * `wrappedDataKey` and `kmsKeyArn` are not here: only KMS can judge them, and a wrong one ends in a wrong data key or
 * none (see "a wrong data key" below). They are damaged where records are opened through KMS.
 */
describe('one flipped bit', () => {
  it.each(BYTE_FIELDS)('anywhere in %s makes the record unreadable', (field) => {
    const damaged = damagedBy(bitFlipsOfBytes(record[field]).map((flipped) => ({ [field]: flipped })));
    expect(outcomesOf(damaged)).toEqual([UNREADABLE]);
  });

  it.each(TEXT_FIELDS)('anywhere in %s makes the record unreadable', (field) => {
    const damaged = damagedBy(bitFlipsOfText(record[field]).map((flipped) => ({ [field]: flipped })));
    expect(outcomesOf(damaged)).toEqual([UNREADABLE]);
  });

  it.each(NUMBER_FIELDS)('anywhere in %s makes the record unreadable', (field) => {
    const damaged = damagedBy(bitFlipsOfNumber(record[field]).map((flipped) => ({ [field]: flipped })));
    expect(outcomesOf(damaged)).toEqual([UNREADABLE]);
  });

  it('anywhere in the data key makes the record unreadable', () => {
    const outcomes = bitFlipsOfBytes(dataKey.plaintext).map((flipped) =>
      outcomeOfOpening(record, Buffer.from(flipped)),
    );
    expect(outcomes).toHaveLength(256);
    expect([...new Set(outcomes)]).toEqual([UNREADABLE]);
  });

  it('is refused in every field that opening depends on: no field is left out of these tests', () => {
    const left = Object.keys(record).filter(
      (field) => ![...BYTE_FIELDS, ...TEXT_FIELDS, ...NUMBER_FIELDS].some((tested) => tested === field),
    );
    expect(left.sort()).toEqual(['kmsKeyArn', 'wrappedDataKey']);
  });
});

describe('a field of the wrong length', () => {
  it.each(BYTE_FIELDS)('%s: cut at either end to any length is refused', (field) => {
    const whole = record[field];
    const cuts = Array.from({ length: whole.byteLength }, (_, length) => [
      { [field]: whole.slice(0, length) },
      { [field]: whole.slice(whole.byteLength - length) },
    ]).flat();
    expect(outcomesOf(damagedBy(cuts))).toEqual([UNREADABLE]);
  });

  it.each(BYTE_FIELDS)('%s: bytes added at either end are refused', (field) => {
    const whole = record[field];
    const additions = [1, 2, 4, 8, 12, 16, 32, 349, 10_000].flatMap((size) =>
      [Buffer.alloc(size), randomBytes(size)].flatMap((extra) => [
        { [field]: Buffer.concat([whole, extra]) },
        { [field]: Buffer.concat([extra, whole]) },
      ]),
    );
    expect(outcomesOf(damagedBy([...additions, { [field]: Buffer.concat([whole, whole]) }]))).toEqual([
      UNREADABLE,
    ]);
  });

  it('tags of 4, 8, 12, 13, 14 and 15 bytes are refused although they are the beginning of the right tag', () => {
    const short = damagedBy([4, 8, 12, 13, 14, 15].map((length) => ({ tag: record.tag.slice(0, length) })));
    expect(outcomesOf(short)).toEqual([UNREADABLE]);
  });

  it.each(['masked', 'fingerprint'] as const)('%s: cut, extended or huge is refused', (field) => {
    const texts = ['', record[field].slice(1), `${record[field]}\0`, 'a'.repeat(129), 'a'.repeat(5_000_000)];
    expect(outcomesOf(damagedBy(texts.map((text) => ({ [field]: text }))))).toEqual([UNREADABLE]);
  });

  it.each(['scope', 'scopeId', 'workspaceId'] as const)('%s: cut or extended is refused', (field) => {
    const texts = ['', record[field].slice(1), `${record[field]}\0`, 'a'.repeat(300)];
    expect(outcomesOf(damagedBy(texts.map((text) => ({ [field]: text }))))).toEqual([UNREADABLE]);
  });

  // HKDF takes 1,024 bytes of info; the ids have no bound of their own, so the key derivation throws instead.
  it.failing.each(['scope', 'scopeId', 'workspaceId'] as const)('%s: huge is refused', (field) => {
    const texts = ['a'.repeat(1_000), 'a'.repeat(5_000_000)];
    expect(outcomesOf(damagedBy(texts.map((text) => ({ [field]: text }))))).toEqual([UNREADABLE]);
  });

  it('a ciphertext longer than any key is refused even when it is authentic', () => {
    const longest = seal('a'.repeat(512), dataKey);
    const tooLong = seal('a'.repeat(513), dataKey);
    expect(open(longest, dataKey.plaintext)).toHaveLength(512);
    expect(outcomeOfOpening(tooLong, dataKey.plaintext)).toBe(UNREADABLE);
  });

  it('an empty plaintext is no key, even when it is authentic', () => {
    expect(outcomeOfOpening(seal('', dataKey), dataKey.plaintext)).toBe(UNREADABLE);
  });
});

describe('a malformed record', () => {
  it.each<[string, Partial<Record<keyof SealedKey, unknown>>]>([
    ['of another format', { format: 2 }],
    ['of another algorithm', { algorithm: 'AES-256-CTR' }],
    ['of version 0', { version: 0 }],
    ['of a version that is no integer', { version: 1.5 }],
    ['of a version that numbers cannot hold exactly', { version: Number.MAX_SAFE_INTEGER + 1 }],
    ['with a long mask', { masked: 'a'.repeat(129) }],
    ['with a long fingerprint', { fingerprint: 'a'.repeat(129) }],
    ['with a short IV', { iv: record.iv.slice(1) }],
    ['with a long IV', { iv: Buffer.alloc(16) }],
    ['with a 4-byte tag', { tag: record.tag.slice(0, 4) }],
    ['with a 12-byte tag', { tag: record.tag.slice(0, 12) }],
    ['with a long tag', { tag: Buffer.alloc(17) }],
    ['with a short commitment', { commitment: record.commitment.slice(1) }],
    ['with a long commitment', { commitment: Buffer.alloc(33) }],
    ['without a wrapped data key', { wrappedDataKey: Buffer.alloc(0) }],
    ['with a wrapped data key longer than KMS makes any', { wrappedDataKey: Buffer.alloc(6_145) }],
    ['without a ciphertext', { ciphertext: Buffer.alloc(0) }],
    ['with a long ciphertext', { ciphertext: Buffer.alloc(513) }],
  ])('%s is refused before anyone would ask KMS about it', (_what, change) => {
    expect(() => assertWellFormed(record)).not.toThrow();
    for (const damaged of damagedBy([change]))
      expect(() => assertWellFormed(damaged)).toThrow(new SealedKeyUnreadableError());
  });

  it('is not one at the greatest lengths that are allowed', () => {
    const greatest: SealedKey = {
      ...record,
      version: Number.MAX_SAFE_INTEGER,
      masked: 'a'.repeat(128),
      fingerprint: 'a'.repeat(128),
      wrappedDataKey: Buffer.alloc(6_144),
      ciphertext: Buffer.alloc(512),
    };
    expect(() => assertWellFormed(greatest)).not.toThrow();
  });
});

describe('a record this product has not written', () => {
  it('of any other format is refused, also with valid bytes', () => {
    const formats = [0, -1, 2, 3, 255, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, undefined];
    expect(outcomesOf(damagedBy(formats.map((format) => ({ format }))))).toEqual([UNREADABLE]);
  });

  it('of any other algorithm is refused, also with valid bytes', () => {
    const algorithms = [
      '',
      'aes-256-gcm',
      'AES-128-GCM',
      'AES-256-CTR',
      'AES-256-GCM ',
      'none',
      'ChaCha20-Poly1305',
    ];
    expect(outcomesOf(damagedBy(algorithms.map((algorithm) => ({ algorithm }))))).toEqual([UNREADABLE]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER + 1])(
    'with version %p is refused, even when it is authentic',
    (version) => {
      const authentic = seal(plaintext, dataKey, { ...SITE_IDENTITY, version });
      expect(outcomeOfOpening(authentic, dataKey.plaintext)).toBe(UNREADABLE);
    },
  );
});

describe('a moved record', () => {
  const OTHER_WORKSPACE = 'zyxwvtsrqpnm';
  const OWNERS = [
    { scope: 'site', scopeId: SITE, workspaceId: WORKSPACE },
    { scope: 'site', scopeId: `${WORKSPACE}000000000000`, workspaceId: WORKSPACE },
    { scope: 'site', scopeId: SITE, workspaceId: OTHER_WORKSPACE },
    { scope: 'site', scopeId: WORKSPACE, workspaceId: WORKSPACE },
    { scope: 'workspace', scopeId: WORKSPACE, workspaceId: WORKSPACE },
    { scope: 'workspace', scopeId: OTHER_WORKSPACE, workspaceId: OTHER_WORKSPACE },
    { scope: 'platform', scopeId: 'platform', workspaceId: 'platform' },
    { scope: 'workspace', scopeId: 'platform', workspaceId: 'platform' },
  ] as const;
  const homes: Identity[] = OWNERS.flatMap((owner) =>
    [1, 2, 10].flatMap((version) =>
      ['sk-proj-...AbCd', 'sk-proj-...WxYz'].map((masked) => ({
        ...owner,
        version,
        masked,
        fingerprint: SITE_IDENTITY.fingerprint,
      })),
    ),
  );

  it('opens at its own site, workspace, version and scope, and nowhere else, with the same data key', () => {
    const records = homes.map((home) => seal(plaintext, dataKey, home));
    const openedAwayFromHome: string[] = [];
    records.forEach((sealed, from) => {
      homes.forEach((home, to) => {
        const outcome = outcomeOfOpening({ ...sealed, ...home }, dataKey.plaintext);
        const expected = from === to ? 'opened' : UNREADABLE;
        if (outcome !== expected) openedAwayFromHome.push(`${from} at ${to}: ${outcome}`);
      });
    });
    expect(openedAwayFromHome).toEqual([]);
  });

  it('opens under an identity only if that is the identity it was sealed under', () => {
    const few = fc.string({ unit: fc.constantFrom('a', '\0'), maxLength: 2 });
    const confusable: fc.Arbitrary<Identity> = fc.record({
      scope: fc.constantFrom<KeyScope>('site', 'workspace'),
      scopeId: few,
      workspaceId: few,
      version: fc.constantFrom(1, 11),
      masked: few,
      fingerprint: few,
    });
    const samePropertyOrMoved = fc.oneof(
      confusable.map((identity) => [identity, { ...identity }] as const),
      fc.tuple(confusable, confusable),
    );
    fc.assert(
      fc.property(samePropertyOrMoved, ([sealedUnder, openedUnder]) => {
        const sealed = { ...seal(plaintext, dataKey, sealedUnder), ...openedUnder };
        const same = JSON.stringify(sealedUnder) === JSON.stringify(openedUnder);
        return outcomeOfOpening(sealed, dataKey.plaintext) === (same ? 'opened' : UNREADABLE);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not open when characters move from one field into its neighbour', () => {
    const twoCuts = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
      .chain((text) => fc.tuple(fc.constant(text), fc.nat(text.length), fc.nat(text.length)));
    const neighbours = fc.constantFrom(
      ['scopeId', 'workspaceId'] as const,
      ['masked', 'fingerprint'] as const,
      ['workspaceId', 'masked'] as const,
    );
    fc.assert(
      fc.property(twoCuts, neighbours, ([text, cut, otherCut], [left, right]) => {
        // A cut through a surrogate pair leaves text that has no UTF-8 form and cannot be stored.
        fc.pre(text.slice(0, cut).isWellFormed() && text.slice(0, otherCut).isWellFormed());
        const at = (position: number): Identity => ({
          ...SITE_IDENTITY,
          [left]: text.slice(0, position),
          [right]: text.slice(position),
        });
        const moved = { ...seal(plaintext, dataKey, at(cut)), ...at(otherCut) };
        return outcomeOfOpening(moved, dataKey.plaintext) === (cut === otherCut ? 'opened' : UNREADABLE);
      }),
      { numRuns: 500 },
    );
  });

  // UTF-8 writes every lone surrogate as U+FFFD, so the two ids have the same authenticated bytes.
  it.failing('does not open under an id that differs only in a character that UTF-8 cannot write', () => {
    const sealed = seal(plaintext, dataKey, { ...SITE_IDENTITY, scopeId: '\uFFFD' });
    expect(outcomeOfOpening({ ...sealed, scopeId: '\uD800' }, dataKey.plaintext)).toBe(UNREADABLE);
  });

  it('is refused when its parts come from two records of the same identity and data key', () => {
    const first = seal(fakeOpenAiKey(), dataKey);
    const second = seal(fakeOpenAiKey(), dataKey);
    const parts = ['iv', 'tag', 'ciphertext'] as const;
    const mixes = [1, 2, 3, 4, 5, 6].map((mask) => {
      const [iv, tag, ciphertext] = parts.map((part, i) => ((mask >> i) & 1 ? second : first)[part]);
      return { ...first, iv, tag, ciphertext } as SealedKey;
    });
    expect(outcomesOf([first, second])).toEqual(['opened']);
    expect(outcomesOf(mixes)).toEqual([UNREADABLE]);
  });

  it('is refused when its parts come from two data keys, whichever of them opens it', () => {
    const otherKey = newDataKey();
    const other = seal(plaintext, otherKey);
    const mixes = Array.from({ length: 14 }, (_, i) => i + 1).map((mask) => {
      const [iv, tag, commitment, ciphertext] = BYTE_FIELDS.map((part, i) =>
        (mask >> i) & 1 ? other[part] : record[part],
      );
      return { ...record, iv, tag, commitment, ciphertext } as SealedKey;
    });
    expect(outcomesOf(mixes, dataKey.plaintext)).toEqual([UNREADABLE]);
    expect(outcomesOf(mixes, otherKey.plaintext)).toEqual([UNREADABLE]);
  });
});

describe('a wrong data key', () => {
  it('does not open the record', () => {
    const strangers = Array.from({ length: 100 }, () => outcomeOfOpening(record, randomBytes(32)));
    expect([...new Set(strangers)]).toEqual([UNREADABLE]);
    expect(outcomeOfOpening(record, Buffer.alloc(32))).toBe(UNREADABLE);
  });

  it('of any other length does not open the record, also when it begins with the right bytes', () => {
    const lengths = Array.from({ length: 130 }, (_, length) => length).filter((length) => length !== 32);
    const padded = Buffer.concat([dataKey.plaintext, Buffer.alloc(128)]);
    const outcomes = lengths.map((length) => outcomeOfOpening(record, padded.subarray(0, length)));
    expect([...new Set(outcomes)]).toEqual([UNREADABLE]);
  });

  it('of any other length seals nothing', () => {
    for (const size of [0, 16, 24, 31, 33, 64])
      expect(() => seal(plaintext, { ...dataKey, plaintext: randomBytes(size) })).toThrow('32 bytes');
  });
});

describe('the error of an unreadable record', () => {
  const damages: Partial<Record<keyof SealedKey, unknown>>[] = [
    { tag: withFlippedBit(record.tag, 0) },
    { ciphertext: withFlippedBit(record.ciphertext, 0) },
    { commitment: withFlippedBit(record.commitment, 0) },
    { scopeId: `${WORKSPACE}000000000000` },
    { format: 2 },
  ];

  it('is a SealedKeyUnreadableError, each time a new one', () => {
    const errors = damagedBy(damages).map((damaged) => errorOfOpening(damaged, dataKey.plaintext));
    for (const error of errors) expect(error).toBeInstanceOf(SealedKeyUnreadableError);
    expect(new Set(errors).size).toBe(damages.length);
  });

  it('leads neither to the plaintext nor to the data key nor to the record', () => {
    const secrets = [
      plaintext.slice(0, 16),
      Buffer.from(plaintext).toString('hex').slice(0, 32),
      Buffer.from(plaintext).toString('base64').slice(0, 20),
      dataKey.plaintext.toString('hex').slice(0, 32),
      Buffer.from(record.ciphertext).toString('hex').slice(0, 32),
      SITE,
    ];
    for (const damaged of damagedBy(damages)) {
      const error = errorOfOpening(damaged, dataKey.plaintext);
      const everything = inspect(error, {
        depth: null,
        showHidden: true,
        maxArrayLength: null,
        maxStringLength: null,
      });
      expect(everything).toContain('The sealed key cannot be opened.');
      for (const secret of secrets) expect(everything).not.toContain(secret);
      expect(JSON.stringify(error)).toBe('{"name":"SealedKeyUnreadableError"}');
    }
  });
});

describe('the opened secret', () => {
  it('lives in memory of its own, not in the pool that small buffers share', () => {
    const secret = openSealedKey(record, dataKey.plaintext);
    expect(secret.bytes().buffer.byteLength).toBe(secret.bytes().byteLength);
    expect(secret.bytes().byteOffset).toBe(0);
    secret.destroy();
  });

  it('is zeroed by destroy(), and cannot be read again', () => {
    const secret = openSealedKey(record, dataKey.plaintext);
    const bytes = secret.bytes();
    expect(bytes.toString()).toBe(plaintext);
    secret.destroy();
    expect(bytes.equals(Buffer.alloc(plaintext.length))).toBe(true);
    expect(() => secret.bytes()).toThrow('destroyed');
  });

  it('is another copy each time: destroying one leaves the other', () => {
    const first = openSealedKey(record, dataKey.plaintext);
    const second = openSealedKey(record, dataKey.plaintext);
    first.destroy();
    expect(second.bytes().toString()).toBe(plaintext);
    second.destroy();
  });
});

describe('randomness', () => {
  it('gives every sealed key an IV of its own', () => {
    const count = 50_000;
    const secret = Secret.fromText('x');
    const ivs = new Set<string>();
    for (let i = 0; i < count; i++)
      ivs.add(Buffer.from(sealKey(secret, SITE_IDENTITY, dataKey, randomBytes).iv).toString('latin1'));
    secret.destroy();
    expect(ivs.size).toBe(count);
  });

  it('is asked once for exactly the 12 bytes that become the IV', () => {
    const asked: number[] = [];
    const iv = randomBytes(12);
    const sealed = seal(plaintext, dataKey, SITE_IDENTITY, (size) => {
      asked.push(size);
      return iv;
    });
    expect(asked).toEqual([12]);
    expect(Buffer.from(sealed.iv).equals(iv)).toBe(true);
  });

  it('that fails aborts the sealing with its own error', () => {
    const failure = new Error('entropy source failed');
    const broken: RandomBytes = () => {
      throw failure;
    };
    const sealed: SealedKey[] = [];
    expect(() => sealed.push(seal(plaintext, dataKey, SITE_IDENTITY, broken))).toThrow(failure);
    expect(sealed).toEqual([]);
  });

  it.each([0, 1, 11, 13, 16])('that gives %p bytes instead of 12 aborts the sealing', (size) => {
    const sealed: SealedKey[] = [];
    expect(() => sealed.push(seal(plaintext, dataKey, SITE_IDENTITY, () => randomBytes(size)))).toThrow(
      'randomness',
    );
    expect(sealed).toEqual([]);
  });
});

describe('the encryption context', () => {
  it('is exactly format, algorithm, scope, scope id, workspace id and key version', () => {
    expect(encryptionContextOf(SITE_IDENTITY)).toEqual({
      'spelo:format': '1',
      'spelo:algorithm': 'AES-256-GCM',
      'spelo:scope': 'site',
      'spelo:scope_id': SITE,
      'spelo:workspace_id': WORKSPACE,
      'spelo:key_version': '7',
    });
  });

  it('never holds the masked key or the fingerprint: CloudTrail shows it in plain text', () => {
    const printed = JSON.stringify(encryptionContextOf(SITE_IDENTITY));
    expect(printed).not.toContain(SITE_IDENTITY.masked);
    expect(printed).not.toContain(SITE_IDENTITY.fingerprint);
    expect(printed).not.toContain('AbCd');
  });

  it('has the key names that policies require, and no other', () => {
    expect(ENCRYPTION_CONTEXT_KEYS).toEqual([
      'spelo:format',
      'spelo:algorithm',
      'spelo:scope',
      'spelo:scope_id',
      'spelo:workspace_id',
      'spelo:key_version',
    ]);
    expect(Object.keys(encryptionContextOf(SITE_IDENTITY))).toEqual(ENCRYPTION_CONTEXT_KEYS);
  });

  it('differs for two bindings that differ', () => {
    const binding = fc.record({
      scope,
      scopeId: fc.string({ maxLength: 3 }),
      workspaceId: fc.string({ maxLength: 3 }),
      version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    });
    fc.assert(
      fc.property(binding, binding, (one, other) => {
        const sameContext =
          JSON.stringify(encryptionContextOf(one)) === JSON.stringify(encryptionContextOf(other));
        return sameContext === (JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 1_000 },
    );
  });
});
