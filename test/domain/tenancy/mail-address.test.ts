import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseMailAddress } from '../../../lambdas/domain/tenancy/mail-address.ts';

describe('the mail address', () => {
  it.each([
    ['ops@shop.example', 'ops@shop.example'],
    [' ops@shop.example\n', 'ops@shop.example'],
    ['\u200bops@shop.example\ufeff', 'ops@shop.example'],
    ['ops+alerts@shop.example', 'ops+alerts@shop.example'],
    ["o'neil@shop.example", "o'neil@shop.example"],
    ['r&d@shop.example', 'r&d@shop.example'],
    ['it/ops=eu@shop.example', 'it/ops=eu@shop.example'],
    ['Ops@SHOP.Example', 'Ops@shop.example'],
    ['ops@bücher.example', 'ops@xn--bcher-kva.example'],
    ['ops@bu\u0308cher.example', 'ops@xn--bcher-kva.example'],
    ['ops@straße.example', 'ops@xn--strae-oqa.example'],
    ['ops@例え.テスト', 'ops@xn--r8jz45g.xn--zckzah'],
    ['ops@почта.рф', 'ops@xn--80a1acny.xn--p1ai'],
    ['ops@xn--bcher-kva.example', 'ops@xn--bcher-kva.example'],
    ['ops@shop。example', 'ops@shop.example'],
    ['a@b.co', 'a@b.co'],
  ])('%j is read as %j', (text, address) => {
    expect(parseMailAddress(text)).toBe(address);
    expect(parseMailAddress(address)).toBe(address);
  });

  it.each([
    '',
    'ops',
    '@shop.example',
    'ops@',
    'ops@localhost',
    'ops@-shop.example',
    'ops@shop..example',
    'ops@shop.example.',
    'ops@127.0.0.1',
    'ops@[::1]',
    'ops@shop.example/path',
    'ops@shop.example:25',
    'ops@shop.example?x=1',
    'ops@user@shop.example',
    'ops@shop%2eexample',
    'ops @shop.example',
    'ops@shop .example',
    'ops@shop.example\nBcc: x@y.example',
    'ops@shop.example, x@y.example',
    'Ops <ops@shop.example>',
    '.ops@shop.example',
    'ops.@shop.example',
    'o..ps@shop.example',
    'öps@shop.example',
    `${'a'.repeat(65)}@shop.example`,
    `a@${'b'.repeat(64)}.example`,
    `a@${'b.'.repeat(130)}example`,
    `a@${'ü'.repeat(200)}.example`,
  ])('%j is refused', (text) => {
    expect(parseMailAddress(text)).toBeUndefined();
  });

  it('is always ASCII, and unchanged when it is read again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (local, domain) => {
        for (const text of [`${local}@${domain}`, `${local}@${domain}.example`, `ops@${domain}.example`]) {
          const address = parseMailAddress(text);
          if (address === undefined) continue;
          expect(address).toMatch(/^[\x21-\x7e]{3,254}$/);
          expect(parseMailAddress(address)).toBe(address);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
