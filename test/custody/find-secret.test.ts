import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { secretFinder } from '../support/find-secret.ts';
import { fakeKey } from '../support/tenant.ts';

const key = fakeKey();
const finder = secretFinder({ key });
const encodingsIn = (haystack: string | Uint8Array) => finder.find(haystack).map(({ encoding }) => encoding);
const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();

describe('secretFinder finds a planted secret', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['as it is', `{"key":"${key}"}`, 'plain'],
    ['among bytes', Buffer.concat([randomBytes(99), Buffer.from(key), randomBytes(99)]), 'plain'],
    ['as UTF-16', Buffer.from(key, 'utf16le'), 'utf-16'],
    ['as UTF-16, big endian', swapped(Buffer.from(key, 'utf16le')), 'utf-16'],
    ['as hex', Buffer.from(key).toString('hex'), 'hex'],
    ['as upper-case hex', Buffer.from(key).toString('hex').toUpperCase(), 'hex'],
    ['percent-encoded', key.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`), 'escaped'],
    ['with its hyphens percent-encoded', key.replaceAll('-', '%2D').replaceAll('_', '%5F'), 'escaped'],
    ['JSON-escaped', key.replace(/./g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`), 'escaped'],
  ])('%s', (_, haystack, encoding) => {
    expect(encodingsIn(haystack)).toContain(encoding);
  });

  test.each([0, 1, 2, 3, 4, 5])('as base64 and base64url, %i bytes after the start', (before) => {
    const bytes = Buffer.concat([randomBytes(before), Buffer.from(key), randomBytes(before)]);
    expect(encodingsIn(bytes.toString('base64'))).toContain('base64');
    expect(encodingsIn(bytes.toString('base64url'))).toContain('base64');
  });

  test('by any twelve of its characters except the last four, in every encoding', () => {
    for (let start = 0; start + 12 <= key.length - 4; start++) {
      const part = Buffer.from(key.slice(start, start + 12));
      expect(encodingsIn(`x${part}y`)).toContain('plain');
      expect(encodingsIn(part.toString('hex'))).toContain('hex');
      expect(encodingsIn(Buffer.from(part.toString(), 'utf16le'))).toContain('utf-16');
      for (const before of [0, 1, 2]) {
        const padded = Buffer.concat([randomBytes(before), part, randomBytes(3)]).toString('base64');
        expect(encodingsIn(padded)).toContain('base64');
      }
    }
  });

  test("in OpenAI's echo of a refused key", () => {
    expect(encodingsIn(`Incorrect API key provided: ${key.slice(0, 12)}****${key.slice(-4)}.`)).toContain(
      'plain',
    );
  });

  test('under the correct name among many secrets', () => {
    const keys = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key ${i}`, fakeKey()]));
    const many = secretFinder(keys);
    expect(many.find(`a ${keys['key 17']} b ${keys['key 40']}`).map(({ secret }) => secret)).toEqual([
      'key 17',
      'key 40',
    ]);
  });
});

describe('secretFinder does not report', () => {
  test('the masked form, the prefix, another key or random bytes', () => {
    const innocent = [
      `sk-proj-...${key.slice(-4)}`,
      'sk-proj-',
      key.slice(0, 11),
      key.slice(-15),
      fakeKey(),
      randomBytes(100_000),
      randomBytes(100_000).toString('base64'),
      randomBytes(100_000).toString('hex'),
    ];
    expect(innocent.flatMap((haystack) => finder.find(haystack))).toEqual([]);
  });

  test('a secret that is too short: it throws instead', () => {
    expect(() => secretFinder({ short: 'x'.repeat(15) })).toThrow('too short');
  });
});
