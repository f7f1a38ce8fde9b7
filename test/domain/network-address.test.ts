import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { networkOf } from '../../lambdas/domain/network-address.ts';

describe('the network of an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['::ffff:0102:0304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:102:304', '1.2.3.4'],
    ['0000:0000:0000:0000:0000:ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:0:102:304', '0:0:0:0::/64'],
    ['2001:db8:0:1:aaaa::1', '2001:db8:0:1::/64'],
    ['2001:DB8:0:1::', '2001:db8:0:1::/64'],
    ['2001:0db8:0000:0001:0000:0000:0000:0001', '2001:db8:0:1::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
    ['no address', 'no address'],
    ['::ffff:1.2.3.400', '::ffff:1.2.3.400'],
    ['1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8:9'],
    ['1::2::3', '1::2::3'],
    ['12345::1', '12345::1'],
    ['1.2.3', '1.2.3'],
    ['0x7f.1', '0x7f.1'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    // The deprecated IPv4-compatible form (RFC 4291, section 2.5.5.1) counts as the IPv4 address.
    ['::1.2.3.4', '1.2.3.4'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['[2001:db8::1]', '[2001:db8::1]'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('is the same for every spelling of an IPv4 address in IPv6, and differs between IPv4 addresses', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.array(byte, { minLength: 4, maxLength: 4 }), (bytes) => {
        const [a, b, c, d] = bytes.map((value) => value.toString(16).padStart(2, '0'));
        const dotted = bytes.join('.');
        for (const spelling of [
          `::ffff:${dotted}`,
          `::ffff:${a}${b}:${c}${d}`,
          `0:0::0:FFFF:${a}${b}:${c}${d}`,
        ])
          expect(networkOf(spelling)).toBe(dotted);
      }),
    );
  });

  it('is the same for every spelling of an IPv6 address', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const network = networkOf(groups.join(':'));
        expect(networkOf(groups.map((text) => text.padStart(4, '0').toUpperCase()).join(':'))).toBe(network);
        expect(networkOf(new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1))).toBe(network);
      }),
    );
  });

  it('is the same for any last 64 bits of an IPv6 address', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    fc.assert(
      fc.property(fc.array(group, { minLength: 4, maxLength: 4 }), (host) => {
        expect(networkOf(`2001:db8:7:9:${host.join(':')}`)).toBe('2001:db8:7:9::/64');
      }),
    );
  });
});
