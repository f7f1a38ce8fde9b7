import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';

/**
 * Known answers for the primitives under the envelope. Test cases 13 to 16 are those of McGrew and Viega, "The
 * Galois/Counter Mode of Operation", submitted to NIST; the others are from NIST's CAVP files gcmEncryptExtIV256.rsp.
 */
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const REPEATED_KEY = 'feffe9928665731c6d6a8f9467308308'.repeat(2);
const REPEATED_PLAINTEXT =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255';
const REPEATED_CIPHERTEXT =
  '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
  '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad';

const KNOWN_ANSWERS = [
  {
    source: 'McGrew and Viega 13',
    key: '00'.repeat(32),
    iv: '00'.repeat(12),
    aad: '',
    plaintext: '',
    ciphertext: '',
    tag: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    source: 'McGrew and Viega 14',
    key: '00'.repeat(32),
    iv: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    ciphertext: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    source: 'McGrew and Viega 15',
    key: REPEATED_KEY,
    iv: 'cafebabefacedbaddecaf888',
    aad: '',
    plaintext: REPEATED_PLAINTEXT,
    ciphertext: REPEATED_CIPHERTEXT,
    tag: 'b094dac5d93471bdec1a502270e3cc6c',
  },
  {
    source: 'McGrew and Viega 16',
    key: REPEATED_KEY,
    iv: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext: REPEATED_PLAINTEXT.slice(0, 120),
    ciphertext: REPEATED_CIPHERTEXT.slice(0, 120),
    tag: '76fc6ece0f4e1768cddf8853bb2d551b',
  },
  {
    source: 'CAVP, no plaintext, no additional data',
    key: 'b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4',
    iv: '516c33929df5a3284ff463d7',
    aad: '',
    plaintext: '',
    ciphertext: '',
    tag: 'bdc1ac884d332457a1d2664f168c76f0',
  },
  {
    source: 'CAVP, no additional data',
    key: '31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22',
    iv: '0d18e06c7c725ac9e362e1ce',
    aad: '',
    plaintext: '2db5168e932556f8089a0622981d017d',
    ciphertext: 'fa4362189661d163fcd6a56d8bf0405a',
    tag: 'd636ac1bbedd5cc3ee727dc2ab4a9489',
  },
  {
    source: 'CAVP, plaintext and additional data',
    key: '92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b',
    iv: 'ac93a1a6145299bde902f21a',
    aad: '1e0889016f67601c8ebea4943bc23ad6',
    plaintext: '2d71bcfa914e4ac045b2aa60955fad24',
    ciphertext: '8995ae2e6df3dbf96fac7b7137bae67f',
    tag: 'eca5aa77d51d4a0a14d9c51e1da474ab',
  },
];

type KnownAnswer = (typeof KNOWN_ANSWERS)[number];

const encrypt = ({ key, iv, aad, plaintext }: KnownAnswer): { ciphertext: string; tag: string } => {
  const cipher = createCipheriv('aes-256-gcm', hex(key), hex(iv), { authTagLength: 16 }).setAAD(hex(aad));
  const ciphertext = Buffer.concat([cipher.update(hex(plaintext)), cipher.final()]).toString('hex');
  return { ciphertext, tag: cipher.getAuthTag().toString('hex') };
};

const decrypt = ({ key, iv, aad, ciphertext, tag }: KnownAnswer): string => {
  const decipher = createDecipheriv('aes-256-gcm', hex(key), hex(iv), { authTagLength: 16 })
    .setAAD(hex(aad))
    .setAuthTag(hex(tag));
  return Buffer.concat([decipher.update(hex(ciphertext)), decipher.final()]).toString('hex');
};

const isRefused = (answer: KnownAnswer): boolean => {
  try {
    decrypt(answer);
    return false;
  } catch {
    return true;
  }
};

/** Every copy of `text` (hex) in which one bit differs. */
const flipsOf = (text: string): string[] =>
  Array.from({ length: text.length * 4 }, (_, bit) => {
    const bytes = hex(text);
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return bytes.toString('hex');
  });

describe.each(KNOWN_ANSWERS)("the platform's AES-256-GCM: $source", (answer) => {
  it('encrypts to the published ciphertext and tag', () => {
    expect(encrypt(answer)).toEqual({ ciphertext: answer.ciphertext, tag: answer.tag });
  });

  it('decrypts to the published plaintext', () => {
    expect(decrypt(answer)).toBe(answer.plaintext);
  });

  it('refuses one flipped bit in the tag, IV, additional data, ciphertext or key', () => {
    const fields = ['tag', 'iv', 'aad', 'ciphertext', 'key'] as const;
    const damaged = fields.flatMap((field) =>
      flipsOf(answer[field]).map((flipped) => ({ ...answer, [field]: flipped })),
    );
    expect(damaged.length).toBeGreaterThanOrEqual((16 + 12 + 32) * 8);
    expect(damaged.filter((copy) => !isRefused(copy))).toEqual([]);
  });

  it('refuses every shorter tag, even a prefix of the right one, and every longer one', () => {
    const lengths = Array.from({ length: 33 }, (_, length) => length).filter((length) => length !== 16);
    const padded = `${answer.tag}${'00'.repeat(16)}`;
    const accepted = lengths.filter((length) => !isRefused({ ...answer, tag: padded.slice(0, length * 2) }));
    expect(accepted).toEqual([]);
  });

  it('refuses a tag of zeros, of ones and of inverted bits', () => {
    const inverted = Buffer.from(hex(answer.tag).map((byte) => byte ^ 0xff)).toString('hex');
    for (const tag of ['00'.repeat(16), 'ff'.repeat(16), inverted])
      expect(isRefused({ ...answer, tag })).toBe(true);
  });
});

describe("the platform's HKDF", () => {
  it('returns the published output of RFC 5869, test case 1', () => {
    const derived = hkdfSync(
      'sha256',
      hex('0b'.repeat(22)),
      hex('000102030405060708090a0b0c'),
      hex('f0f1f2f3f4f5f6f7f8f9'),
      42,
    );
    expect(Buffer.from(derived).toString('hex')).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
  });
});
