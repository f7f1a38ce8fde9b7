import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { makeFakeKey } from '../../../local/openai/fake-key.ts';

describe('makeFakeKey', () => {
  it('has the shape that secret scanners look for', () => {
    expect(makeFakeKey(randomBytes)).toMatch(/^sk-proj-[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}$/);
  });

  it('ends in the failure it is to play', () => {
    expect(makeFakeKey(randomBytes, 'revoked')).toMatch(/T3BlbkFJ[A-Za-z0-9_-]{74}-revoked$/);
  });

  it('takes all that differs between two keys from the given randomness', () => {
    const fixed = (n: number) => Buffer.alloc(n, 7);
    expect(makeFakeKey(fixed)).toBe(makeFakeKey(fixed));
    expect(makeFakeKey(randomBytes)).not.toBe(makeFakeKey(randomBytes));
  });
});
