import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  isSessionId,
  isSiteId,
  isWorkspaceId,
  newEventId,
  newSessionId,
  newSiteId,
  newWorkspaceId,
  type RandomBytes,
  type SiteId,
  sessionIdsFrom,
  workspaceOfSite,
} from '../../lambdas/domain/identifiers.ts';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);

/** Gives each byte value in turn, so that a whole cycle is seen. */
const counting = (): RandomBytes => {
  let next = 0;
  return (size) => Buffer.from(Array.from({ length: size }, () => next++ % 256));
};

const siteId = (text: string): SiteId => {
  if (!isSiteId(text)) throw new Error('Not a site id.');
  return text;
};

const failing: RandomBytes = () => {
  throw new Error('entropy source failed');
};

/** Sources that give fewer or more bytes than they were asked for. */
const ODD_SOURCES: readonly [string, RandomBytes][] = [
  ['nothing', () => Buffer.alloc(0)],
  ['one byte', () => Buffer.alloc(1)],
  ['one byte too few', (size) => randomBytes(size - 1)],
  ['one byte too many', (size) => randomBytes(size + 1)],
];

describe('a workspace ID', () => {
  it("is 12 characters of Crockford's alphabet", () => {
    for (let i = 0; i < 500; i++) expect(newWorkspaceId(randomBytes)).toMatch(/^[0-9a-hjkmnp-tv-z]{12}$/);
  });

  it('uses each character of the alphabet equally often', () => {
    const counts = new Map<string, number>();
    const random = counting();
    const characters = Array.from({ length: ALL_BYTES.length / 4 }, () => newWorkspaceId(random)).join('');
    for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect([...counts.keys()].sort().join('')).toBe(CROCKFORD);
    expect(new Set(counts.values()).size).toBe(1);
  });

  it('is not made if the source of randomness fails', () => {
    expect(() => newWorkspaceId(failing)).toThrow('entropy');
  });

  it.each(ODD_SOURCES)('is not made of %s', (_what, source) => {
    expect(() => newWorkspaceId(source)).toThrow('randomness');
  });
});

describe('a site ID', () => {
  it('is 24 characters of the alphabet, has the public form, and begins with its workspace ID', () => {
    for (let i = 0; i < 500; i++) {
      const workspaceId = newWorkspaceId(randomBytes);
      const id = newSiteId(workspaceId, randomBytes);
      expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{24}$/);
      expect(isSiteId(id)).toBe(true);
      expect(workspaceOfSite(id)).toBe(workspaceId);
    }
  });

  it('is never repeated within a workspace', () => {
    const workspaceId = newWorkspaceId(randomBytes);
    const ids = Array.from({ length: 10_000 }, () => newSiteId(workspaceId, randomBytes));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is not made if the source of randomness fails', () => {
    const workspaceId = newWorkspaceId(randomBytes);
    expect(() => newSiteId(workspaceId, failing)).toThrow('entropy');
  });

  it.each(ODD_SOURCES)('is not made of %s', (_what, source) => {
    const workspaceId = newWorkspaceId(randomBytes);
    expect(() => newSiteId(workspaceId, source)).toThrow('randomness');
  });
});

describe('workspaceOfSite', () => {
  it('finds no workspace for an ID of any other length', () => {
    for (let length = 8; length <= 32; length++)
      expect(workspaceOfSite(siteId('a'.repeat(length)))).toBe(length === 24 ? 'aaaaaaaaaaaa' : undefined);
  });

  it.each(['i', 'l', 'o', 'u'])('finds no workspace for an ID with %p, which we never issue', (letter) => {
    expect(workspaceOfSite(siteId(letter.repeat(24)))).toBeUndefined();
    for (let at = 0; at < 24; at++)
      expect(workspaceOfSite(siteId(`${'0'.repeat(at)}${letter}${'0'.repeat(23 - at)}`))).toBeUndefined();
  });

  it.each([...CROCKFORD])('finds the workspace of an ID with %p, which we issue', (letter) => {
    expect(workspaceOfSite(siteId(letter.repeat(24)))).toBe(letter.repeat(12));
  });
});

describe('isSiteId', () => {
  it.each(['a'.repeat(8), 'z'.repeat(32), '01234567', 'abcdefghijklmnopqrstuvwxyz'])('accepts %p', (text) => {
    expect(isSiteId(text)).toBe(true);
  });

  it.each([
    '',
    'a'.repeat(7),
    'a'.repeat(33),
    'a'.repeat(100_000),
    'ABCDEFGH',
    'abcdefg-',
    'abcdefg_',
    'abcdefg.',
    'abcdefgé',
    'abcdefgh\n',
    '\nabcdefgh',
    ' abcdefgh',
    'abcd efgh',
    'abcdefgh\0',
    '../../../etc',
    '٠١٢٣٤٥٦٧',
    '__proto__',
    'constructor.',
  ])('refuses %j', (text) => {
    expect(isSiteId(text)).toBe(false);
  });

  it('accepts only text of lower-case letters and digits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 32 }), (text) => {
        const plain = [...text].every((character) =>
          'abcdefghijklmnopqrstuvwxyz0123456789'.includes(character),
        );
        return plain || !isSiteId(text);
      }),
    );
  });
});

describe('isWorkspaceId', () => {
  it('accepts 12 lower-case letters and digits, and no other length', () => {
    for (let length = 0; length < 40; length++) expect(isWorkspaceId('a'.repeat(length))).toBe(length === 12);
  });

  it.each(['ABCDEFGHIJKL', 'abcdefghijk\n', 'abcdefghijkl\n', 'abcdefghijk-', 'abcdefghijké', 'platform'])(
    'refuses %j',
    (text) => {
      expect(isWorkspaceId(text)).toBe(false);
    },
  );
});

describe('a session ID', () => {
  const zeros: RandomBytes = (size) => Buffer.alloc(size);

  it('is `ses_`, ten characters of time and sixteen random characters', () => {
    expect(newSessionId(new Date(), randomBytes)).toMatch(/^ses_[0-9a-hjkmnp-tv-z]{26}$/);
  });

  it('contains the time in base 32, most significant digit first', () => {
    expect(newSessionId(new Date(0), zeros)).toBe(`ses_${'0'.repeat(26)}`);
    expect(newSessionId(new Date(31), zeros)).toBe(`ses_${'0'.repeat(9)}z${'0'.repeat(16)}`);
    expect(newSessionId(new Date(32), zeros)).toBe(`ses_${'0'.repeat(8)}10${'0'.repeat(16)}`);
    expect(newSessionId(new Date(2 ** 48 - 1), zeros)).toBe(`ses_7${'z'.repeat(9)}${'0'.repeat(16)}`);
  });

  it('sorts as text by the millisecond of its creation, whatever the random part', () => {
    const moments = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    const gaps = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 10_000 }));
    fc.assert(
      fc.property(moments, gaps, (early, gap) => {
        const highest: RandomBytes = (size) => Buffer.alloc(size, 255);
        return newSessionId(new Date(early), highest) < newSessionId(new Date(early + gap), zeros);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is never repeated within a millisecond', () => {
    const now = new Date();
    const ids = Array.from({ length: 10_000 }, () => newSessionId(now, randomBytes));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is not made if the source of randomness fails', () => {
    expect(() => newSessionId(new Date(), failing)).toThrow('entropy');
  });

  it.each(ODD_SOURCES)('is not made of %s', (_what, source) => {
    expect(() => newSessionId(new Date(), source)).toThrow('randomness');
  });

  it('is recognised by its form, and other text is not', () => {
    const id = newSessionId(new Date(), randomBytes);
    expect(isSessionId(id)).toBe(true);
    for (const text of [
      '',
      'ses_',
      id.slice(0, -1),
      `${id}0`,
      ` ${id}`,
      `${id}\n`,
      id.replace('ses_', 'evt_'),
    ])
      expect(isSessionId(text)).toBe(false);
    for (const letter of ['i', 'l', 'o', 'u', 'A', '/', '#', 'é'])
      expect(isSessionId(`${id.slice(0, -1)}${letter}`)).toBe(false);
  });

  it('at a moment sorts after all older IDs and before all later ones', () => {
    const highest: RandomBytes = (size) => Buffer.alloc(size, 255);
    for (const at of [1, 31, 32, Date.parse('2026-11-23T12:00:00Z')]) {
      const from = sessionIdsFrom(new Date(at));
      expect(newSessionId(new Date(at - 1), highest) < from).toBe(true);
      expect(from < newSessionId(new Date(at), zeros)).toBe(true);
    }
  });
});

describe('an event ID', () => {
  it('is `evt_`, the time and sixteen random characters', () => {
    expect(newEventId(new Date(32), (size) => Buffer.alloc(size))).toBe(
      `evt_${'0'.repeat(8)}10${'0'.repeat(16)}`,
    );
    expect(newEventId(new Date(), randomBytes)).not.toBe(newEventId(new Date(), randomBytes));
  });
});
