import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decrypt, SealedKeyUnreadableError } from '../../lambdas/domain/keys/sealed-key.ts';
import { ROOT } from '../support/source-files.ts';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid';
}

const VECTORS: readonly Vector[] = JSON.parse(
  readFileSync(join(ROOT, 'test/vectors/wycheproof/aes-256-gcm.json'), 'utf8'),
).testGroups.flatMap(({ tests }: { readonly tests: readonly Vector[] }) => tests);

/** Valid in GCM, and no OpenAI key: two empty plaintexts, and one of 513 bytes. A stored key has 1 to 512 bytes. */
const NO_LENGTH_OF_A_KEY: ReadonlySet<number> = new Set([92, 93, 115]);

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const opened = ({ key, iv, aad, ct, tag }: Vector): string => {
  const secret = decrypt({ iv: hex(iv), tag: hex(tag), ciphertext: hex(ct) }, hex(key), hex(aad));
  try {
    return Buffer.from(secret.bytes()).toString('hex');
  } finally {
    secret.destroy();
  }
};

describe('the decryption of a stored key, with the AES-GCM vectors of Wycheproof', () => {
  it('is tested with all vectors that have a 256-bit key, a 96-bit nonce and a 128-bit tag', () => {
    const lengths = VECTORS.map(({ key, iv, tag }) => [key.length * 4, iv.length * 4, tag.length * 4]);
    expect(VECTORS).toHaveLength(66);
    expect(new Set(lengths.map(String))).toEqual(new Set(['256,96,128']));
  });

  it.each(VECTORS.filter(({ tcId, result }) => result === 'valid' && !NO_LENGTH_OF_A_KEY.has(tcId)))(
    'returns the plaintext of the valid vector $tcId',
    (vector) => {
      expect(opened(vector)).toBe(vector.msg);
    },
  );

  it.each(VECTORS.filter(({ result }) => result === 'invalid'))(
    'refuses the forged vector $tcId ($comment)',
    (vector) => {
      expect(() => opened(vector)).toThrow(SealedKeyUnreadableError);
    },
  );

  it.each(VECTORS.filter(({ tcId }) => NO_LENGTH_OF_A_KEY.has(tcId)))(
    'refuses the valid vector $tcId, whose length no OpenAI key has',
    (vector) => {
      const bytes = vector.ct.length / 2;
      expect(vector.result).toBe('valid');
      expect(bytes === 0 || bytes > 512).toBe(true);
      expect(() => opened(vector)).toThrow(SealedKeyUnreadableError);
    },
  );
});
