import { createHash } from 'node:crypto';

/**
 * Bytes that follow from a seed: SHA-256 of `<seed>/0`, of `<seed>/1` and so on, one after another. So the vectors
 * need neither a key nor a data key in the tree, and no scanner has anything to find.
 */
export const bytesFrom = (seed: string, size: number): Buffer => {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) =>
    createHash('sha256').update(`${seed}/${i}`, 'utf8').digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
};

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

/** The recipe that a vector has instead of its plaintext. */
export interface PlaintextRecipe {
  readonly prefix: string;
  readonly seed: string;
  /** Number of characters after the prefix. */
  readonly length: number;
}

/** The prefix, then one character of the key alphabet for each byte that follows from the seed. */
export const plaintextFrom = ({ prefix, seed, length }: PlaintextRecipe): string =>
  prefix + Array.from(bytesFrom(seed, length), (byte) => ALPHABET[byte % 64]).join('');

/** A data key, as KMS would have unwrapped it. */
export const dataKeyFrom = (seed: string): Buffer => bytesFrom(seed, 32);
