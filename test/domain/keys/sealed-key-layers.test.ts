/**
 * In a separate context, where a module can be mocked.
 * @jest-environment node
 */
import * as crypto from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { fakeOpenAiKey } from './fake-openai-key.ts';
import { newDataKey, SITE_IDENTITY, WORKSPACE, withFlippedBit } from './sealed-key-fixture.ts';

/**
 * Looks at the envelope from beneath: node:crypto is wrapped, so that the derived keys and the bytes before
 * authentication can be watched, and one layer of protection at a time be switched off. The wrapped functions are the
 * real ones unless a test says otherwise.
 */
const watched = {
  encryptionKeys: [] as ArrayBuffer[],
  unauthenticated: [] as Buffer[],
  unauthenticatedText: [] as string[],
  cipherOptions: [] as unknown[],
  decipherOptions: [] as unknown[],
  ciphersMade: 0,
};
const NOTHING = { hkdfBinding: false, dataKey: false, aad: false, commitmentCheck: false, decipher: false };
const switchedOff = { ...NOTHING };

afterEach(() => {
  watched.encryptionKeys = [];
  watched.unauthenticated = [];
  watched.unauthenticatedText = [];
  watched.cipherOptions = [];
  watched.decipherOptions = [];
  watched.ciphersMade = 0;
  Object.assign(switchedOff, NOTHING);
});

jest.unstable_mockModule('node:crypto', () => ({
  ...crypto,
  hkdfSync: (
    digest: string,
    ikm: crypto.BinaryLike,
    salt: crypto.BinaryLike,
    info: Buffer,
    length: number,
  ): ArrayBuffer => {
    const purpose = info.includes('encrypt') ? 'encrypt' : 'commit';
    const from = switchedOff.dataKey ? 'the same for every data key' : ikm;
    const derived = crypto.hkdfSync(digest, from, salt, switchedOff.hkdfBinding ? purpose : info, length);
    if (purpose === 'encrypt') watched.encryptionKeys.push(derived);
    return derived;
  },
  createCipheriv: (
    name: crypto.CipherGCMTypes,
    key: crypto.CipherKey,
    iv: crypto.BinaryLike,
    options: crypto.CipherGCMOptions,
  ): crypto.CipherGCM => {
    watched.ciphersMade++;
    watched.cipherOptions.push(options);
    return withoutAad(crypto.createCipheriv(name, key, iv, options));
  },
  createDecipheriv: (
    name: crypto.CipherGCMTypes,
    key: crypto.CipherKey,
    iv: crypto.BinaryLike,
    options: crypto.CipherGCMOptions,
  ): crypto.DecipherGCM => {
    watched.decipherOptions.push(options);
    if (switchedOff.decipher) throw new Error('The engine is out of order.');
    const decipher = withoutAad(crypto.createDecipheriv(name, key, iv, options));
    const update = decipher.update.bind(decipher);
    return Object.assign(decipher, {
      update: (data: Uint8Array): Buffer => {
        const bytes = update(data);
        watched.unauthenticated.push(bytes);
        watched.unauthenticatedText.push(bytes.toString());
        return bytes;
      },
    });
  },
  timingSafeEqual: (one: NodeJS.ArrayBufferView, other: NodeJS.ArrayBufferView): boolean =>
    crypto.timingSafeEqual(one, other) || switchedOff.commitmentCheck,
}));

const withoutAad = <Engine extends crypto.CipherGCM | crypto.DecipherGCM>(engine: Engine): Engine =>
  switchedOff.aad ? Object.assign(engine, { setAAD: () => engine }) : engine;

// Imported only now: a static import, here or in a helper, would bind the envelope to the unwrapped functions.
const { openSealedKey, sealKey } = await import('../../../lambdas/domain/keys/sealed-key.ts');
type SealedKey = ReturnType<typeof sealKey>;

const dataKey = newDataKey();
const plaintext = fakeOpenAiKey();

const sealed = (): SealedKey => {
  const secret = Secret.fromText(plaintext);
  try {
    return sealKey(secret, SITE_IDENTITY, dataKey, crypto.randomBytes);
  } finally {
    secret.destroy();
  }
};

const outcomeOf = (record: SealedKey, key: Buffer = dataKey.plaintext): string => {
  try {
    openSealedKey(record, key).destroy();
    return 'opened';
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : 'threw something else';
  }
};

const REFUSED = 'SealedKeyUnreadableError: The sealed key cannot be opened.';

const isZero = (bytes: ArrayBuffer | Uint8Array): boolean =>
  Buffer.from(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)).every((byte) => byte === 0);

const moves = [
  { scope: 'workspace' as const },
  { scopeId: `${WORKSPACE}000000000000` },
  { workspaceId: 'zyxwvtsrqpnm' },
  { version: SITE_IDENTITY.version + 1 },
  { masked: 'sk-proj-...WxYz' },
  { fingerprint: '0f'.repeat(32) },
];

describe('a moved record is refused by each layer alone', () => {
  it('by GCM, if the key derivation and the commitment ignore the owner', () => {
    switchedOff.hkdfBinding = true;
    const record = sealed();
    expect(outcomeOf(record)).toBe('opened');
    expect(moves.map((move) => outcomeOf({ ...record, ...move }))).toEqual(moves.map(() => REFUSED));
    expect(watched.unauthenticated).toHaveLength(moves.length + 1);
  });

  it('by the commitment, if GCM authenticates no additional data', () => {
    switchedOff.aad = true;
    const record = sealed();
    expect(outcomeOf(record)).toBe('opened');
    expect(moves.map((move) => outcomeOf({ ...record, ...move }))).toEqual(moves.map(() => REFUSED));
    expect(watched.unauthenticated).toHaveLength(1);
  });

  it('by the derived key, if there is neither a commitment check nor additional data', () => {
    switchedOff.aad = true;
    switchedOff.commitmentCheck = true;
    const record = sealed();
    expect(outcomeOf(record)).toBe('opened');
    expect(moves.map((move) => outcomeOf({ ...record, ...move }))).toEqual(moves.map(() => REFUSED));
  });
});

describe('a record with a wrong commitment', () => {
  it('is refused before any byte is decrypted', () => {
    const record = sealed();
    expect(outcomeOf({ ...record, commitment: withFlippedBit(record.commitment, 9) })).toBe(REFUSED);
    expect(watched.decipherOptions).toEqual([]);
    expect(watched.unauthenticated).toEqual([]);
  });
});

describe('a data key of the wrong length', () => {
  it('is refused for its length, even if the key derivation would accept it', () => {
    switchedOff.dataKey = true;
    const record = sealed();
    const outcomes = [31, 32, 33].map((size) => outcomeOf(record, crypto.randomBytes(size)));
    expect(outcomes).toEqual([REFUSED, 'opened', REFUSED]);
  });
});

describe('the GCM tag', () => {
  it('must have its full 16 bytes, for sealing and for opening', () => {
    expect(outcomeOf(sealed())).toBe('opened');
    expect(watched.cipherOptions).toEqual([{ authTagLength: 16 }]);
    expect(watched.decipherOptions).toEqual([{ authTagLength: 16 }]);
  });
});

describe('the buffers of a sealed key', () => {
  it('that were derived for sealing are zero afterwards', () => {
    sealed();
    expect(watched.encryptionKeys).toHaveLength(1);
    expect(watched.encryptionKeys.every(isZero)).toBe(true);
  });

  it('that were derived for sealing are zero after a failure', () => {
    const destroyed = Secret.fromText(plaintext);
    destroyed.destroy();
    expect(() => sealKey(destroyed, SITE_IDENTITY, dataKey, crypto.randomBytes)).toThrow();
    expect(watched.encryptionKeys).toHaveLength(1);
    expect(watched.encryptionKeys.every(isZero)).toBe(true);
  });

  it('are not derived for an identity that no record can have', () => {
    const secret = Secret.fromText(plaintext);
    expect(() => sealKey(secret, { ...SITE_IDENTITY, version: 0 }, dataKey, crypto.randomBytes)).toThrow(
      'cannot be opened',
    );
    secret.destroy();
    expect(watched.encryptionKeys).toEqual([]);
    expect(watched.ciphersMade).toBe(0);
  });

  it('that were derived for sealing are zero after a record is refused because it could not be opened again', () => {
    const secret = Secret.fromText(plaintext);
    const tooLong = { ...dataKey, wrapped: crypto.randomBytes(6_145) };
    expect(() => sealKey(secret, SITE_IDENTITY, tooLong, crypto.randomBytes)).toThrow('cannot be opened');
    expect(secret.bytes().toString()).toBe(plaintext);
    secret.destroy();
    expect(watched.encryptionKeys).toHaveLength(1);
    expect(watched.encryptionKeys.every(isZero)).toBe(true);
  });

  it('that were derived and decrypted for opening are zero afterwards', () => {
    const record = sealed();
    const secret = openSealedKey(record, dataKey.plaintext);
    expect(secret.bytes().toString()).toBe(plaintext);
    secret.destroy();
    expect(watched.encryptionKeys).toHaveLength(2);
    expect(watched.encryptionKeys.every(isZero)).toBe(true);
    expect(watched.unauthenticated).toHaveLength(1);
    expect(watched.unauthenticated.every(isZero)).toBe(true);
  });

  it('that were decrypted under a wrong tag are zero and never returned', () => {
    const record = sealed();
    expect(outcomeOf({ ...record, tag: withFlippedBit(record.tag, 0) })).toBe(REFUSED);
    // The engine does hand over the plaintext before it has seen that the tag is wrong.
    expect(watched.unauthenticatedText).toEqual([plaintext]);
    expect(watched.unauthenticated.every(isZero)).toBe(true);
    expect(watched.encryptionKeys.every(isZero)).toBe(true);
  });

  it('are zero when the crypto engine fails, and the error is the usual one', () => {
    const record = sealed();
    switchedOff.decipher = true;
    expect(outcomeOf(record)).toBe(REFUSED);
    expect(watched.encryptionKeys).toHaveLength(2);
    expect(watched.encryptionKeys.every(isZero)).toBe(true);
  });
});

describe('a failed source of randomness', () => {
  it('stops sealing before anything is derived or encrypted', () => {
    const secret = Secret.fromText(plaintext);
    const broken = (): never => {
      throw new Error('entropy source failed');
    };
    expect(() => sealKey(secret, SITE_IDENTITY, dataKey, broken)).toThrow('entropy');
    expect(() => sealKey(secret, SITE_IDENTITY, dataKey, () => Buffer.alloc(11))).toThrow('randomness');
    expect(watched.ciphersMade).toBe(0);
    expect(watched.encryptionKeys).toEqual([]);
    secret.destroy();
  });
});
