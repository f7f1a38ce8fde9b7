import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { subOfToken } from '../../../lambdas/domain/tenancy/api-token.ts';
import {
  isVisible,
  looksLike,
  looksLikeReservedActor,
  turnsTextAround,
} from '../../../lambdas/domain/tenancy/names.ts';

const NOTHING = [
  '\u200b',
  '\u200c\u200d',
  '\u2060',
  '\ufeff',
  '\u00ad',
  '\u034f',
  '\u115f',
  '\u1160',
  '\u3164',
  '\uffa0',
  '\u2800',
  '\u180e',
  '\ufe0f',
  '\u061c',
  '\u200e\u200f',
  '\u{e0041}\u{e007f}',
  '\u{1d159}',
  '\u{1d173}',
  ' \u3000\u00a0 ',
  '\u0301',
];

describe('the name of a site or workspace', () => {
  it.each(NOTHING)('that consists of %j is invisible', (text) => {
    expect(isVisible(text)).toBe(false);
    expect(isVisible(`${text}a${text}`)).toBe(true);
  });

  it.each(['Bäckerei', 'مخبز', 'מאפייה', 'パン屋', '👩‍🍳', '한글', '!', 'नमस्ते', '7', 'x\u200f'])(
    'can be %j',
    (text) => {
      expect(isVisible(text)).toBe(true);
      expect(turnsTextAround(text)).toBe(false);
    },
  );

  it.each(['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'])(
    'with %j reverses the text around it',
    (text) => {
      expect(turnsTextAround(`shop${text}moc`)).toBe(true);
    },
  );
});

describe('two names', () => {
  it.each([
    ['Café', 'Cafe\u0301'],
    ['Shop', ' Shop '],
    ['Shop', 'Shop\u200b'],
    ['My Shop', 'My\u00a0Shop'],
    ['My Shop', 'My  \t Shop'],
    ['한글', '한글'.normalize('NFD')],
    ['Ω', '\u2126'],
  ])('%j and %j look the same', (one, other) => {
    expect(looksLike(one, other)).toBe(true);
    expect(looksLike(other, one)).toBe(true);
  });

  it.each([
    ['Shop', 'shop'],
    ['Shop', 'Shop 2'],
    ['MyShop', 'My Shop'],
    ['Shop', 'Sh\u043ep'],
    ['Shop', ''],
    ['ﬁsh', 'fish'],
  ])('%j and %j look different', (one, other) => {
    expect(looksLike(one, other)).toBe(false);
  });

  it('look the same in any Unicode form and with invisible characters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('NFC', 'NFD'),
        fc.constantFrom(...NOTHING.slice(0, -1)),
        (name, form, invisible) => {
          expect(looksLike(name, `${invisible} ${name.normalize(form)} `)).toBe(true);
        },
      ),
    );
  });
});

describe('the subject of a person', () => {
  it.each([
    'visitor',
    'unknown',
    'system:detector',
    'operator:arn:aws:sts::123456789012:assumed-role/stop/ada',
    subOfToken('tok_0123456789abcdef'),
    'system:retire-models',
    'operator:arn:aws:iam::111122223333:role/Ops',
    'System:Detector',
    'VISITOR',
    'visi\u200btor',
    'system\uff1adetector',
    '\uff53ystem:detector',
    'system :detector',
    'token\u2060:',
  ])('cannot be %j, which could be mistaken for an actor that is not a person', (sub) => {
    expect(looksLikeReservedActor(sub)).toBe(true);
  });

  it.each([
    'auth0|5f7c8ec7c33c6c004bbafe82',
    'google-oauth2|103547991597142817347',
    '248289761001',
    'ada',
    'ada@example.com',
    'visitor@example.com',
    'visitor-7',
    'repo:system:token',
    'token',
    'systematic',
  ])('can be %j', (sub) => {
    expect(looksLikeReservedActor(sub)).toBe(false);
  });
});
