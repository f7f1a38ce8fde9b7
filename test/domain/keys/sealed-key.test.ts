import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RandomBytes } from '../../../lambdas/domain/identifiers.ts';
import {
  assertWellFormed,
  ENCRYPTION_CONTEXT_KEYS,
  encryptionContextOf,
  type KeyScope,
  openSealedKey,
  type SealedKey,
  SealedKeyUnreadableError,
  sealKey,
} from '../../../lambdas/domain/keys/sealed-key.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { fakeOpenAiKey } from './fake-openai-key.ts';
import { sealByHand } from './sealed-key-by-hand.ts';
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
const PRINTABLE = Array.from({ length: 0x7e - 0x20 }, (_, i) => String.fromCharCode(0x21 + i));
/** Neither in ids nor in labels: white space, controls, anything beyond ASCII, and what UTF-8 cannot write. */
const FOREIGN_TEXTS = [
  'a b',
  ' a',
  'a\n',
  '\na',
  '\t',
  '\0',
  'a\0',
  'a\u007f',
  'é',
  'а',
  '\uFFFD',
  '\uD800',
  '😀',
];

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
const id = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789'),
  minLength: 1,
  maxLength: 64,
});
const label = fc.string({ unit: fc.constantFrom(...PRINTABLE), maxLength: 128 });
const identities: fc.Arbitrary<Identity> = fc.record({
  scope,
  scopeId: id,
  workspaceId: id,
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  masked: label,
  fingerprint: label,
});

/** Identities that no key is sealed under and no record is opened under, each wrong in one field. */
const FOREIGN_IDENTITIES: readonly [string, Partial<Record<keyof Identity, unknown>>][] = [
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER + 1].map(
    (version): [string, { version: number }] => [`version ${version}`, { version }],
  ),
  ...['', 'Site', 'sites', ' site', 'tenant', '__proto__', 'constructor', 'a'.repeat(300)].map(
    (other): [string, { scope: string }] => [`scope ${JSON.stringify(other).slice(0, 20)}`, { scope: other }],
  ),
  ...(['scopeId', 'workspaceId'] as const).flatMap((field) =>
    [...FOREIGN_TEXTS, '', 'A', 'a-b', 'a_b', 'a.b', 'a/b', 'a'.repeat(65)].map(
      (text): [string, Partial<Identity>] => [
        `${field} ${JSON.stringify(text).slice(0, 20)}`,
        { [field]: text },
      ],
    ),
  ),
  ...(['masked', 'fingerprint'] as const).flatMap((field) =>
    [...FOREIGN_TEXTS, 'a'.repeat(129)].map((text): [string, Partial<Identity>] => [
      `${field} ${JSON.stringify(text).slice(0, 20)}`,
      { [field]: text },
    ]),
  ),
];

const foreign = (change: Partial<Record<keyof Identity, unknown>>): Identity =>
  ({ ...SITE_IDENTITY, ...change }) as Identity;

describe('a sealed key', () => {
  it('opens to the same bytes for every key and every owner', () => {
    fc.assert(
      fc.property(keyText, identities, (text, identity) => {
        const key = newDataKey();
        return open(seal(text, key, identity), key.plaintext) === text;
      }),
    );
  });

  it('can be opened repeatedly, and sealing and opening change neither the data key nor the record', () => {
    const key = newDataKey();
    const keyBefore = key.plaintext.toString('hex');
    const sealed = seal(plaintext, key);
    const before = inspect(sealed, { maxArrayLength: null });
    expect(open(sealed, key.plaintext)).toBe(plaintext);
    expect(open(sealed, key.plaintext)).toBe(plaintext);
    expect(key.plaintext.toString('hex')).toBe(keyBefore);
    expect(inspect(sealed, { maxArrayLength: null })).toBe(before);
  });

  it('contains the given identity and wrapped data key, a 96-bit IV and a 128-bit tag', () => {
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

  it('contains neither the key nor the data key in any encoding', () => {
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

  it('leaves the sealed secret usable for the caller', () => {
    const secret = Secret.fromText(plaintext);
    sealKey(secret, SITE_IDENTITY, dataKey, randomBytes);
    expect(secret.bytes().toString()).toBe(plaintext);
    secret.destroy();
  });

  it('cannot be made from a destroyed secret', () => {
    const secret = Secret.fromText(plaintext);
    secret.destroy();
    expect(() => sealKey(secret, SITE_IDENTITY, dataKey, randomBytes)).toThrow('destroyed');
  });
});

/**
 * `wrappedDataKey` and `kmsKeyArn` are not here: only KMS can judge them, and a wrong one ends in a wrong data key or
 * none (see "a wrong data key" below). They are damaged where records are opened through KMS.
 */
describe('one flipped bit in a sealed record', () => {
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

  it('is tested in every field that opening depends on', () => {
    const left = Object.keys(record).filter(
      (field) => ![...BYTE_FIELDS, ...TEXT_FIELDS, ...NUMBER_FIELDS].some((tested) => tested === field),
    );
    expect(left.sort()).toEqual(['kmsKeyArn', 'wrappedDataKey']);
  });
});

describe('a field of the wrong length in a sealed record', () => {
  it.each(BYTE_FIELDS)('%s is refused when it is cut at either end', (field) => {
    const whole = record[field];
    const cuts = Array.from({ length: whole.byteLength }, (_, length) => [
      { [field]: whole.slice(0, length) },
      { [field]: whole.slice(whole.byteLength - length) },
    ]).flat();
    expect(outcomesOf(damagedBy(cuts))).toEqual([UNREADABLE]);
  });

  it.each(BYTE_FIELDS)('%s is refused when bytes are added at either end', (field) => {
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

  it('is refused for tags of 4, 8, 12, 13, 14 and 15 bytes that are a prefix of the right tag', () => {
    const short = damagedBy([4, 8, 12, 13, 14, 15].map((length) => ({ tag: record.tag.slice(0, length) })));
    expect(outcomesOf(short)).toEqual([UNREADABLE]);
  });

  it.each(['masked', 'fingerprint'] as const)('%s is refused when it is cut, extended or huge', (field) => {
    const texts = ['', record[field].slice(1), `${record[field]}\0`, 'a'.repeat(129), 'a'.repeat(5_000_000)];
    expect(outcomesOf(damagedBy(texts.map((text) => ({ [field]: text }))))).toEqual([UNREADABLE]);
  });

  it.each(['scope', 'scopeId', 'workspaceId'] as const)(
    '%s is refused when it is cut or extended',
    (field) => {
      const texts = ['', record[field].slice(1), `${record[field]}\0`, 'a'.repeat(300)];
      expect(outcomesOf(damagedBy(texts.map((text) => ({ [field]: text }))))).toEqual([UNREADABLE]);
    },
  );

  // HKDF takes 1,024 bytes of info: the record is refused before the key derivation would throw.
  it.each(['scope', 'scopeId', 'workspaceId'] as const)('%s is refused when it is huge', (field) => {
    const texts = ['a'.repeat(1_000), 'a'.repeat(5_000_000)];
    expect(outcomesOf(damagedBy(texts.map((text) => ({ [field]: text }))))).toEqual([UNREADABLE]);
  });

  it('is refused for a ciphertext longer than any key, even if it is authentic', () => {
    expect(open(seal('a'.repeat(512), dataKey), dataKey.plaintext)).toHaveLength(512);
    expect(open(sealByHand('a'.repeat(512), dataKey), dataKey.plaintext)).toHaveLength(512);
    expect(outcomesOf([513, 514, 5_000].map((size) => sealByHand('a'.repeat(size), dataKey)))).toEqual([
      UNREADABLE,
    ]);
  });

  it('is refused for an empty plaintext, even if it is authentic', () => {
    expect(open(sealByHand('a', dataKey), dataKey.plaintext)).toBe('a');
    expect(outcomeOfOpening(sealByHand('', dataKey), dataKey.plaintext)).toBe(UNREADABLE);
  });
});

/** A record is never written that could not be opened again: the key would be lost when its owner had left. */
describe('sealing a key', () => {
  it.each([0, 513, 5_000])('refuses a plaintext of %p bytes', (size) => {
    expect(() => seal('a'.repeat(size), dataKey)).toThrow(SealedKeyUnreadableError);
  });

  it.each([0, 6_145])('refuses a wrapped data key of %p bytes', (size) => {
    const oddlyWrapped = { ...dataKey, wrapped: randomBytes(size) };
    expect(() => seal(plaintext, oddlyWrapped)).toThrow(SealedKeyUnreadableError);
  });

  it.each(FOREIGN_IDENTITIES)('refuses an identity with %s', (_what, change) => {
    expect(() => seal(plaintext, dataKey, foreign(change))).toThrow(SealedKeyUnreadableError);
  });

  // HKDF throws first, with a RangeError: nothing is sealed, but the error is not the usual one.
  it.each(['scope', 'scopeId', 'workspaceId', 'masked', 'fingerprint'] as const)(
    'refuses a huge %s',
    (field) => {
      const huge = foreign({ [field]: 'a'.repeat(1_000) });
      expect(() => seal(plaintext, dataKey, huge)).toThrow(SealedKeyUnreadableError);
    },
  );

  it('writes the documented bytes for every identity that it accepts', () => {
    fc.assert(
      fc.property(
        keyText,
        identities,
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        (text, identity, iv) => {
          const random = (): Buffer => Buffer.from(iv);
          expect(seal(text, dataKey, identity, random)).toEqual(sealByHand(text, dataKey, identity, random));
        },
      ),
    );
  });
});

describe('a malformed sealed record', () => {
  it.each<[string, Partial<Record<keyof SealedKey, unknown>>]>([
    ['of another format', { format: 2 }],
    ['of another algorithm', { algorithm: 'AES-256-CTR' }],
    ['of version 0', { version: 0 }],
    ['of a version that is no integer', { version: 1.5 }],
    ['of a version that numbers cannot hold exactly', { version: Number.MAX_SAFE_INTEGER + 1 }],
    ...FOREIGN_IDENTITIES.map(([what, change]): [string, typeof change] => [`of ${what}`, change]),
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
  ])('%s is refused before KMS is called', (_what, change) => {
    expect(() => assertWellFormed(record)).not.toThrow();
    for (const damaged of damagedBy([change]))
      expect(() => assertWellFormed(damaged)).toThrow(new SealedKeyUnreadableError());
  });

  it('is not one with the largest allowed lengths', () => {
    const greatest: SealedKey = {
      ...record,
      version: Number.MAX_SAFE_INTEGER,
      scopeId: 'a'.repeat(64),
      workspaceId: '9'.repeat(64),
      masked: 'a'.repeat(128),
      fingerprint: 'a'.repeat(128),
      wrappedDataKey: Buffer.alloc(6_144),
      ciphertext: Buffer.alloc(512),
    };
    expect(() => assertWellFormed(greatest)).not.toThrow();
  });

  it('is not one with the smallest allowed lengths, in any scope, with any printable character', () => {
    const least = { scopeId: 'a', workspaceId: '0', version: 1, masked: '', fingerprint: '' };
    for (const known of ['site', 'workspace', 'platform'] as const)
      expect(() => assertWellFormed({ ...record, ...least, scope: known })).not.toThrow();
    for (const character of PRINTABLE)
      expect(() => assertWellFormed({ ...record, masked: character, fingerprint: character })).not.toThrow();
    for (const character of 'abcdefghijklmnopqrstuvwxyz0123456789')
      expect(() => assertWellFormed({ ...record, scopeId: character, workspaceId: character })).not.toThrow();
  });
});

describe('a sealed record that this product never writes', () => {
  it('is refused if its format differs, even with valid bytes', () => {
    const formats = [0, -1, 2, 3, 255, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, undefined];
    expect(outcomesOf(damagedBy(formats.map((format) => ({ format }))))).toEqual([UNREADABLE]);
  });

  it('is refused if its algorithm differs, even with valid bytes', () => {
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

  it.each(FOREIGN_IDENTITIES)('is refused with %s, even if it is authentic', (_what, change) => {
    expect(open(sealByHand(plaintext, dataKey), dataKey.plaintext)).toBe(plaintext);
    const authentic = sealByHand(plaintext, dataKey, foreign(change));
    expect(outcomeOfOpening(authentic, dataKey.plaintext)).toBe(UNREADABLE);
  });
});

describe('a moved sealed record', () => {
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

  it('opens only at its own site, workspace, version and scope, even with the same data key', () => {
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

  it('opens only under the identity that it was sealed under', () => {
    const fewIds = fc.string({ unit: fc.constantFrom('a', '1'), minLength: 1, maxLength: 2 });
    const fewLabels = fc.string({ unit: fc.constantFrom('a', '1'), maxLength: 2 });
    const confusable: fc.Arbitrary<Identity> = fc.record({
      scope: fc.constantFrom<KeyScope>('site', 'workspace'),
      scopeId: fewIds,
      workspaceId: fewIds,
      version: fc.constantFrom(1, 11),
      masked: fewLabels,
      fingerprint: fewLabels,
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

  it('does not open when characters move from one field to the next', () => {
    const idText = fc.string({ unit: fc.constantFrom('a', 'b', '1'), minLength: 2, maxLength: 6 });
    const labelText = fc.string({ unit: fc.constantFrom(...PRINTABLE), minLength: 1, maxLength: 6 });
    // Ids have at least one character, labels may have none.
    const neighbours = [
      { left: 'scopeId', right: 'workspaceId', texts: idText, leastLeft: 1, leastRight: 1 },
      { left: 'workspaceId', right: 'masked', texts: idText, leastLeft: 1, leastRight: 0 },
      { left: 'masked', right: 'fingerprint', texts: labelText, leastLeft: 0, leastRight: 0 },
    ] as const;
    const twoCuts = fc.oneof(
      ...neighbours.map(({ left, right, texts, leastLeft, leastRight }) =>
        texts.chain((text) => {
          const cut = fc.integer({ min: leastLeft, max: text.length - leastRight });
          return fc.record({
            left: fc.constant(left),
            right: fc.constant(right),
            text: fc.constant(text),
            cut,
            otherCut: cut,
          });
        }),
      ),
    );
    fc.assert(
      fc.property(twoCuts, ({ left, right, text, cut, otherCut }) => {
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

  // UTF-8 writes every lone surrogate as U+FFFD, so the two texts have the same authenticated bytes.
  it.each(['scopeId', 'workspaceId', 'masked', 'fingerprint'] as const)(
    'does not open when %s differs only in a character that UTF-8 cannot encode',
    (field) => {
      const sealed = sealByHand(plaintext, dataKey, { ...SITE_IDENTITY, [field]: '\uFFFD' });
      const moved = sealByHand(plaintext, dataKey, { ...SITE_IDENTITY, [field]: '\uD800' }, () =>
        Buffer.from(sealed.iv),
      );
      expect(Buffer.from(moved.tag).equals(sealed.tag)).toBe(true);
      expect(outcomesOf([{ ...sealed, [field]: '\uD800' }, sealed, moved])).toEqual([UNREADABLE]);
    },
  );

  it('is refused when its parts come from two records with the same identity and data key', () => {
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

  it('is refused when its parts come from two data keys, with either of them', () => {
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
  it('does not open a sealed record', () => {
    const strangers = Array.from({ length: 100 }, () => outcomeOfOpening(record, randomBytes(32)));
    expect([...new Set(strangers)]).toEqual([UNREADABLE]);
    expect(outcomeOfOpening(record, Buffer.alloc(32))).toBe(UNREADABLE);
  });

  it('of another length does not open a sealed record, even if it begins with the right bytes', () => {
    const lengths = Array.from({ length: 130 }, (_, length) => length).filter((length) => length !== 32);
    const padded = Buffer.concat([dataKey.plaintext, Buffer.alloc(128)]);
    const outcomes = lengths.map((length) => outcomeOfOpening(record, padded.subarray(0, length)));
    expect([...new Set(outcomes)]).toEqual([UNREADABLE]);
  });

  it('of another length seals nothing', () => {
    for (const size of [0, 16, 24, 31, 33, 64])
      expect(() => seal(plaintext, { ...dataKey, plaintext: randomBytes(size) })).toThrow('32 bytes');
  });
});

describe('the error of an unreadable sealed record', () => {
  const damages: Partial<Record<keyof SealedKey, unknown>>[] = [
    { tag: withFlippedBit(record.tag, 0) },
    { ciphertext: withFlippedBit(record.ciphertext, 0) },
    { commitment: withFlippedBit(record.commitment, 0) },
    { scopeId: `${WORKSPACE}000000000000` },
    { format: 2 },
  ];

  it('is a new SealedKeyUnreadableError each time', () => {
    const errors = damagedBy(damages).map((damaged) => errorOfOpening(damaged, dataKey.plaintext));
    for (const error of errors) expect(error).toBeInstanceOf(SealedKeyUnreadableError);
    expect(new Set(errors).size).toBe(damages.length);
  });

  it('reveals neither the plaintext nor the data key nor the record', () => {
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
  it('has memory outside of the pool that small buffers share', () => {
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

  it('is a separate copy each time: destroying one keeps the other', () => {
    const first = openSealedKey(record, dataKey.plaintext);
    const second = openSealedKey(record, dataKey.plaintext);
    first.destroy();
    expect(second.bytes().toString()).toBe(plaintext);
    second.destroy();
  });
});

describe('the randomness of a sealed key', () => {
  it('gives each sealed key a new IV', () => {
    const count = 10_000;
    const secret = Secret.fromText('x');
    const ivs = new Set<string>();
    for (let i = 0; i < count; i++)
      ivs.add(Buffer.from(sealKey(secret, SITE_IDENTITY, dataKey, randomBytes).iv).toString('latin1'));
    secret.destroy();
    expect(ivs.size).toBe(count);
  });

  it('is requested once, for exactly the 12 bytes of the IV', () => {
    const asked: number[] = [];
    const iv = randomBytes(12);
    const sealed = seal(plaintext, dataKey, SITE_IDENTITY, (size) => {
      asked.push(size);
      return iv;
    });
    expect(asked).toEqual([12]);
    expect(Buffer.from(sealed.iv).equals(iv)).toBe(true);
  });

  it('aborts the sealing with its own error if it fails', () => {
    const failure = new Error('entropy source failed');
    const broken: RandomBytes = () => {
      throw failure;
    };
    const sealed: SealedKey[] = [];
    expect(() => sealed.push(seal(plaintext, dataKey, SITE_IDENTITY, broken))).toThrow(failure);
    expect(sealed).toEqual([]);
  });

  it.each([0, 1, 11, 13, 16])('aborts the sealing if it returns %p bytes instead of 12', (size) => {
    const sealed: SealedKey[] = [];
    expect(() => sealed.push(seal(plaintext, dataKey, SITE_IDENTITY, () => randomBytes(size)))).toThrow(
      'randomness',
    );
    expect(sealed).toEqual([]);
  });
});

describe('the encryption context of a sealed key', () => {
  it('is exactly format, algorithm, scope, scope ID, workspace ID and key version', () => {
    expect(encryptionContextOf(SITE_IDENTITY)).toEqual({
      'spelo:format': '1',
      'spelo:algorithm': 'AES-256-GCM',
      'spelo:scope': 'site',
      'spelo:scope_id': SITE,
      'spelo:workspace_id': WORKSPACE,
      'spelo:key_version': '7',
    });
  });

  it('contains neither the masked key nor the fingerprint, because CloudTrail shows it in plain text', () => {
    const printed = JSON.stringify(encryptionContextOf(SITE_IDENTITY));
    expect(printed).not.toContain(SITE_IDENTITY.masked);
    expect(printed).not.toContain(SITE_IDENTITY.fingerprint);
    expect(printed).not.toContain('AbCd');
  });

  it('has exactly the key names that the policies require', () => {
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

  it('differs for different bindings', () => {
    const fewIds = fc.string({ unit: fc.constantFrom('a', '1'), minLength: 1, maxLength: 2 });
    const version = fc.oneof(fc.constantFrom(1, 11), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
    const bindings = fc.oneof(
      fc.record({ scope, scopeId: fewIds, workspaceId: fewIds, version }),
      fc.record({ scope, scopeId: id, workspaceId: id, version }),
    );
    const pairs = fc.oneof(
      bindings.map((binding) => [binding, { ...binding }] as const),
      fc.tuple(bindings, bindings),
    );
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const sameContext =
          JSON.stringify(encryptionContextOf(one)) === JSON.stringify(encryptionContextOf(other));
        return sameContext === (JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 1_000 },
    );
  });
});
