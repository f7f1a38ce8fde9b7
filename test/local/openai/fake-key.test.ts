import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { makeFakeKey } from '../../../local/openai/fake-key.ts';

describe('makeFakeKey', () => {
  it('has the shape that secret scanners look for', () => {
    expect(makeFakeKey(randomBytes)).toMatch(/^sk-proj-[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}$/);
  });

  it('ends in the name of the requested failure', () => {
    expect(makeFakeKey(randomBytes, 'revoked')).toMatch(/T3BlbkFJ[A-Za-z0-9_-]{74}-revoked$/);
  });

  it('derives everything that differs between two keys from the given randomness', () => {
    const fixed = (n: number) => Buffer.alloc(n, 7);
    expect(makeFakeKey(fixed)).toBe(makeFakeKey(fixed));
    expect(makeFakeKey(randomBytes)).not.toBe(makeFakeKey(randomBytes));
  });
});
